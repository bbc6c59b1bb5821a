"""In Airflow itself: nobody looks without its sign-in, whatever the address; what changes there shuts the console."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from lienthong.console import app as application
from lienthong.console.door import Door
from lienthong.errors import NeedsPerson

from .world import SECRET, guard, person

ROOT = Path(__file__).resolve().parents[2]

# The api-server's own application with our plugins, in a process of its own: its database is made of the models, which
# takes a moment, instead of by migrations, which take half a minute.
SERVE = """
import json, re, sys
import airflow.models  # before the tables of the models are made
from airflow.models.base import Base
from airflow.models import revoked_token
from airflow import settings
from airflow.utils.db import import_all_models
import_all_models()
Base.metadata.create_all(settings.get_engine())
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from starlette.testclient import TestClient
app = create_app(apps="core")
imported = sorted(name for name in sys.modules if name.startswith("lienthong") or name == "psycopg")
from lienthong.console.app import routes
manager = get_auth_manager()
tokens = {role: manager.generate_jwt(SimpleAuthManagerUser(username=role or "ngoai", role=role))
          for role in (None, "viewer", "user", "op", "admin")}
viewer, nobody = tokens["viewer"], tokens[None]
client = TestClient(app, base_url="http://127.0.0.1:8080", follow_redirects=False)
addresses = [
    (method, "/lienthong" + route.path.replace("{number:int}", "1").replace("{path:path}", "x/y")
        .replace("{code}", "H15.131").replace("{dataset}", "ho_so").replace("{unit}", "H15.131")
        .replace("{indicator}", "dung_han_quoc_gia").replace("{endpoint}", "national_portal").replace("{act}", "pause")
        .replace("{rule}", "ma_ho_so_bat_buoc"))
    for route in routes.routes for method in sorted(route.methods)
]
actions = [path for method, path in addresses if method == "POST" and "x/y" not in path]
seal = {"seal": "x"}
def ask(**given):
    return [[method, path, client.request(method, path, **given).status_code] for method, path in addresses]
def bearer(token):
    return {"Authorization": f"Bearer {token}"}
def act(role, path, origin="http://127.0.0.1:8080"):
    page = client.get("/lienthong/backfills/new?dataset=ho_so&first=2025-09-04&last=2025-09-04&reprocess=1",
                      headers=bearer(tokens[role])).text
    form = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', page))
    answer = client.post(path, data=form, headers={**bearer(tokens[role]), "Origin": origin})
    return [answer.status_code, "seal" in form]
login = client.get("/lienthong/problems/1", params={"lang": "en"}, headers={"Accept": "text/html"})
way = client.get(login.headers["location"])
client.cookies.set("_token", viewer)
cookie = client.get("/lienthong/").status_code
client.cookies.clear()
plugins = client.get("/api/v2/plugins", headers=bearer(viewer)).json()
def tab(view):
    address = view["href"].format(DAG_ID="ingest.ho_so", RUN_ID="no_such_run", TASK_ID="promote")
    framed = client.get(address, headers={**bearer(viewer), "Sec-Fetch-Dest": "iframe"})
    alone = client.get(address, headers=bearer(viewer))
    return [[framed.status_code, framed.text], [alone.status_code, alone.headers.get("location", "")]]
tabs = {view["destination"]: tab(view) for plugin in plugins["plugins"] for view in plugin["external_views"]}
print(json.dumps({
    "tabs": tabs,
    "imported": imported,
    "anonymous": ask(),
    "browser": ask(headers={"Accept": "text/html"}),
    "forged": ask(headers=bearer(viewer[:-8] + "AAAAAAAA")),
    "without_role": ask(headers=bearer(nobody)),
    "viewer": ask(headers=bearer(viewer)),
    "cookie": cookie,
    "acts": {role: {path: act(role, path) for path in actions} for role in ("viewer", "user", "op", "admin")},
    "foreign": [act("admin", path, "http://127.0.0.1:9090")[0] for path in actions],
    "login": login.headers["location"], "way": [way.status_code, way.headers.get("location", "")],
    "plugins": plugins,
}))
"""


@pytest.fixture(scope="module")
def airflow(trouble, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    connection = trouble.warehouse.connection
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "xem:viewer",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080",
        "LIENTHONG_PERSONAL_DATA": "admin, viewer",
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_CONN_WAREHOUSE": json.dumps({
            "conn_type": "postgres", "host": connection.host, "login": connection.login, "schema": connection.schema,
        }),
    }  # fmt: skip
    out = subprocess.run([sys.executable, "-c", SERVE], env=env, capture_output=True, text=True, timeout=240)
    assert out.returncode == 0, out.stderr[-3000:]
    return json.loads(out.stdout.splitlines()[-1])


def test_no_address_answers_a_caller_without_credentials(airflow):
    assert len(airflow["anonymous"]) > 15
    assert {status for _, _, status in airflow["anonymous"]} == {401}, airflow["anonymous"]
    assert {status for _, _, status in airflow["browser"]} == {303}
    assert {status for _, _, status in airflow["forged"]} == {403}


def test_an_account_without_a_role_is_refused_and_a_viewer_may_look(airflow):
    assert {status for _, _, status in airflow["without_role"]} == {403}, airflow["without_role"]
    found = {(method, path): status for method, path, status in airflow["viewer"]}
    reads = {path: status for (method, path), status in found.items() if method == "GET"}
    led_on = {path for path in reads if path.startswith("/lienthong/airflow/")}
    assert {reads[path] for path in led_on} == {303}, "outside of a tab of Airflow they lead on"
    assert {status for path, status in reads.items() if path not in {"/lienthong/x/y", *led_on}} == {200}, reads
    actions = airflow["acts"]["viewer"]
    done = {status for (method, path), status in found.items() if method not in ("GET", "HEAD") and path not in actions}
    assert done == {405}
    assert {found["POST", path] for path in actions} == {403}
    assert airflow["cookie"] == 200, "the browser's own session"


def test_every_action_is_the_operators_and_needs_a_form_of_ours(airflow):
    acts = airflow["acts"]
    assert len(acts["op"]) >= 6
    for role in ("viewer", "user"):
        assert {status for status, _ in acts[role].values()} == {403}, acts[role]
        assert not any(offered for _, offered in acts[role].values()), "no form is offered"
    for role in ("op", "admin"):
        named = {path for path in acts[role] if path.endswith("/values")}
        # the setting names the admin, who gives no reason here, and a viewer, to whom that gives nothing
        assert {acts[role][path][0] for path in named} == {409 if role == "admin" else 403}
        others = {status for path, (status, _) in acts[role].items() if path not in named}
        assert others <= {303, 404, 409}, acts[role]
        assert all(offered for _, offered in acts[role].values())
        assert acts[role]["/lienthong/backfills"][0] == (303 if role == "op" else 409), "asked once"
    assert set(airflow["foreign"]) == {403}, "a page of another origin"


def test_a_reader_of_a_letter_signs_in_and_comes_back_to_the_page(airflow):
    assert airflow["login"] == "/api/v2/auth/login?next=%2Flienthong%2Fproblems%2F1%3Flang%3Den"
    assert airflow["way"] == [307, "/auth/login?next=%2Flienthong%2Fproblems%2F1%3Flang%3Den"]


def test_the_navigation_leads_to_the_console(airflow):
    apps = [app for plugin in airflow["plugins"]["plugins"] for app in plugin["react_apps"]]
    assert [(app["name"], app["destination"], app["nav_top_level"]) for app in apps] == [("Liên Thông", "nav", True)]
    assert "'lienthong/'" in apps[0]["bundle_url"]


def test_dags_runs_and_tasks_have_a_tab_that_leads_to_what_they_are_about(airflow):
    views = {view["destination"]: view for plugin in airflow["plugins"]["plugins"] for view in plugin["external_views"]}
    assert set(views) == {"dag", "dag_run", "task", "task_instance"}
    assert len({view["url_route"] for view in views.values()}) == 4, "Airflow drops a view whose route another one has"
    for destination, view in views.items():
        address = view["href"].format(DAG_ID="ingest.ho_so", RUN_ID="no_such_run", TASK_ID="promote")
        framed, alone = airflow["tabs"][destination]
        assert framed[0] == 200, address
        assert "/lienthong/datasets/ho_so" in framed[1]
        assert alone == [303, "/lienthong/datasets/ho_so"]


def test_the_plugin_imports_nothing_but_its_door_before_the_first_page(airflow):
    assert airflow["imported"] == ["lienthong", "lienthong.console", "lienthong.console.door"]


def request(app, path="/"):
    """The status of one request without credentials, over nothing but ASGI."""
    return asyncio.run(application._ask(app, "GET", path))


def test_a_console_that_cannot_be_built_is_shut_and_opens_when_it_can():
    tries = []

    def build():
        tries.append(1)
        if len(tries) == 1:
            raise ImportError("cannot import name 'requires_access_view'")
        return application.make(None, lambda: None, person, SECRET)

    door = Door(build)
    assert request(door) == 503
    assert len(tries) == 1
    assert request(door, "/x") == 404, "built by the next request"
    assert (request(door, "/x"), len(tries)) == (404, 2), "and then kept"


@pytest.mark.parametrize("guard", [lambda: None, lambda: True], ids=["lets pass", "says yes"])
def test_a_guard_that_refuses_nobody_never_opens(guard):
    with pytest.raises(NeedsPerson, match=r"plugins/console\.py"):
        asyncio.run(application.prove(application.make(None, guard, person, SECRET)))


def test_an_application_without_a_guard_cannot_be_made():
    with pytest.raises(NeedsPerson):
        application.make(None, None, person, SECRET)


def test_a_route_that_is_added_beside_the_guard_is_found():
    app = application.make(None, guard, person, SECRET)
    asyncio.run(application.prove(app))
    app.router.routes.insert(0, FastAPI().router.routes[0])
    with pytest.raises(NeedsPerson, match=r"openapi\.json answered 200"):
        asyncio.run(application.prove(app))
