"""What the services see: the caller's own connections untouched, secrets in the environment and nowhere else."""

import base64
import json
import os
import stat
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lienthong.connections import parse
from lienthong.errors import NeedsPerson
from lienthong.services import keys, ports, space
from lienthong.services.embedded import Setup, services
from lienthong.services.folders import Folders
from lienthong.services.postgres import Server
from lienthong.services.processes import OWNER

from .portal_kit import Client

PORTS = {port.name: port.default for port in ports.PORTS}


@pytest.fixture
def folders(tmp_path):
    return Folders(home=tmp_path / "home", var=tmp_path / "var")


def setup(folders, env):
    folders.sandbox.mkdir(parents=True, exist_ok=True)
    return Setup(folders, env, PORTS, keys.load(folders.secrets), Server.at(folders))


def test_embedded_connections_lead_to_the_embedded_parts(folders):
    values = setup(folders, {}).airflow_environment
    warehouse = parse("warehouse", values["AIRFLOW_CONN_WAREHOUSE"])
    assert (warehouse.kind, warehouse.host, warehouse.schema) == ("postgres", str(folders.run), "warehouse")
    portal = parse("national_portal", values["AIRFLOW_CONN_NATIONAL_PORTAL"])
    assert portal.base_url == "http://127.0.0.1:8090"
    assert portal.extra["dossiers_per_request"] == 20
    published = parse("danh_gia", values["AIRFLOW_CONN_DANH_GIA"])
    assert (published.base_url, published.extra["snapshot"]) == (portal.base_url, "window")
    platform = parse("shared_platform", values["AIRFLOW_CONN_SHARED_PLATFORM"])
    assert platform.base_url == "http://127.0.0.1:8092"
    assert (platform.extra["auth"], platform.extra["records_per_request"]) == ("lgsp", 100)
    centre = parse("monitoring_centre", values["AIRFLOW_CONN_MONITORING_CENTRE"])
    assert (centre.base_url, centre.extra["tenant"]) == ("http://127.0.0.1:8094", "daklak")
    assert parse("statistics_message", values["AIRFLOW_CONN_STATISTICS_MESSAGE"]).base_url == platform.base_url
    assert parse("public_app", values["AIRFLOW_CONN_PUBLIC_APP"]).base_url == "http://127.0.0.1:8095"
    mail = parse("mail", values["AIRFLOW_CONN_MAIL"])
    assert (mail.kind, mail.host, mail.port) == ("smtp", "127.0.0.1", 8025)
    assert values["LIENTHONG_DOCS_URL"] == "http://127.0.0.1:8026/docs/"
    units = parse("danh_muc", values["AIRFLOW_CONN_DANH_MUC"])
    assert units.extra["pattern"] == "{dataset}.csv"


def test_connections_of_the_caller_are_untouched_and_their_counterparts_not_started(folders):
    own = {
        "AIRFLOW_CONN_WAREHOUSE": "postgresql://u:p%40@db.example:5433/wh?sslmode=require",
        "AIRFLOW_CONN_NATIONAL_PORTAL": "http://user:pw@portal.example:81/prefix",
        "AIRFLOW_CONN_SHARED_PLATFORM": "https://key:pw@lgsp.example?auth=oauth2",
        "AIRFLOW_CONN_MONITORING_CENTRE": "https://:key@ioc.example?auth=bearer",
        "AIRFLOW_CONN_PUBLIC_APP": "https://:key@app.example",
        "AIRFLOW_CONN_MAIL": "smtp://user:pw@mail.example:465",
    }
    plan = {service.name: service for service in services(setup(folders, own))}
    assert not {"portal", "platform", "centre", "app", "mailbox"} & set(plan)
    message = plan["scheduler"].environment["AIRFLOW_CONN_STATISTICS_MESSAGE"]
    assert message == own["AIRFLOW_CONN_SHARED_PLATFORM"], "the message goes where the platform is"
    assert "LIENTHONG_DOCS_URL" not in plan["scheduler"].environment
    known = plan["scheduler"].environment
    assert "AIRFLOW_CONN_DANH_GIA" not in known, "nobody knows whether that portal publishes figures"
    for name, text in own.items():
        assert plan["scheduler"].environment[name] == text
    assert "postgres" in plan


@contextmanager
def started(made, name):
    """A service that runs as it is planned, and ends cleanly."""
    plan = {one.name: one for one in services(made)}[name]
    running = subprocess.Popen(plan.command, env=dict(plan.environment), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not plan.ready():
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        yield
    finally:
        running.terminate()
    assert running.wait(10) == 0


def on_free_ports(folders):
    return replace(setup(folders, {}), ports=ports.choose({}).ports)


def test_the_mailbox_starts_as_it_is_planned(folders):
    with started(on_free_ports(folders), "mailbox"):
        pass
    assert (folders.mailbox / "mail").is_dir()


def test_the_platform_starts_as_it_is_planned_and_opens_to_the_connection_of_the_tasks(folders):
    made = on_free_ports(folders)
    connection = parse("shared_platform", made.airflow_environment["AIRFLOW_CONN_SHARED_PLATFORM"])
    five = {"AccessKey": connection.login, "SecretKey": connection.password, "AppName": connection.extra["app_name"]}
    five |= {"PartnerCode": connection.extra["partner_code"], "PartnerCodeCus": connection.extra["partner_code_cus"]}
    header = {"lgspaccesstoken": base64.b64encode(json.dumps(five).encode()).decode()}
    with started(made, "platform"):
        client = Client(connection.base_url)
        token = client.send("POST", "/token", b"grant_type=client_credentials", header).json["access_token"]
        bearer = {**header, "Authorization": f"Bearer {token}"}
        assert client.send("GET", "/csdl/co_quan", headers=bearer).json["result"]["tong_so"] == 0
        client.close()
    assert (folders.platform / "platform.sqlite").is_file()


@pytest.mark.parametrize("name", ["centre", "app"])
def test_the_other_receivers_start_as_they_are_planned(folders, name):
    made = on_free_ports(folders)
    with started(made, name):
        client = Client(f"http://127.0.0.1:{made.ports[name]}")
        assert client.send("GET", "/health").json == {"status": "ok"}
        client.close()
    assert (getattr(folders, name) / f"{name}.sqlite").is_file()


def test_no_secret_is_on_a_command_line(folders):
    made = setup(folders, {"AIRFLOW_CONN_WAREHOUSE": "postgresql://u:verysecret@db.example/wh"})
    secrets = {made.keys.jwt, made.keys.fernet, made.keys.api, made.keys.admin, made.keys.feeder, made.keys.portal}
    secrets |= {
        made.keys.control,
        made.keys.platform_access,
        made.keys.platform_secret,
        made.keys.centre,
        made.keys.app,
    }
    secrets |= {"verysecret", folders.department_key.read_text() if folders.department_key.exists() else "verysecret"}
    for service in services(made):
        assert not any(secret in argument for argument in service.command for secret in secrets), service.name


def test_each_service_gets_only_the_secrets_that_it_needs(folders):
    made = setup(folders, {})
    plan = {service.name: service for service in services(made)}
    for name in ("portal", "platform", "centre", "app", "mailbox"):
        assert made.keys.jwt not in plan[name].environment.values()
    assert made.keys.portal not in plan["platform"].environment.values()
    assert made.keys.control not in plan["scheduler"].environment.values()
    assert not any(made.keys.admin in value for value in plan["scheduler"].environment.values())
    known = parse("airflow", plan["scheduler"].environment["AIRFLOW_CONN_AIRFLOW"])
    assert (known.login, known.password) == ("backfills", made.keys.feeder)
    assert set(plan["postgres"].environment) <= {"PATH", "TMPDIR", "LD_LIBRARY_PATH", "LC_ALL", "TZ"}


def test_what_shapes_the_embedded_mode_is_fixed_and_what_tunes_it_is_not(folders):
    env = {
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__API__HOST": "0.0.0.0",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_FOLDER": "/my/dags",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "intranet",
    }
    values = setup(folders, env).airflow_environment
    assert values["AIRFLOW_HOME"] == str(folders.airflow)
    assert values["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert values["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert values["AIRFLOW__CORE__PARALLELISM"] == "2"
    assert values["AIRFLOW__CORE__DAGS_FOLDER"] == "/my/dags"
    assert "PYTHONDONTWRITEBYTECODE" not in values
    assert values["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_every_process_but_postgres_bears_the_name_of_its_owner(folders):
    for service in services(setup(folders, {})):
        if service.name != "postgres":
            assert service.environment[OWNER] == folders.owner, service.name


def test_keys_are_made_once_for_their_owner_alone(folders):
    first = keys.load(folders.secrets)
    assert keys.load(folders.secrets) == first
    for path in folders.secrets.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads((folders.secrets / "airflow_users.json").read_text()) == {
        "admin": first.admin,
        "backfills": first.feeder,
    }
    assert first.admin not in repr(first)
    assert first.feeder not in repr(first)


def test_a_damaged_file_of_keys_is_named(folders):
    keys.load(folders.secrets)
    (folders.secrets / "keys.json").write_text("{")
    with pytest.raises(NeedsPerson, match=r"keys\.json cannot be read"):
        keys.load(folders.secrets)


def test_nothing_starts_on_a_disk_without_room(folders, monkeypatch):
    monkeypatch.setattr(space, "free", lambda _: 64_000_000)
    with pytest.raises(NeedsPerson, match="needs 1000 MB of free disk space, 64 MB were found"):
        space.check_start(folders)
    with pytest.raises(NeedsPerson, match="is full: 64 MB are left"):
        space.check_run(folders)


def test_room_is_measured_where_the_folder_will_be(folders):
    assert space.free(folders.var / "not" / "yet") == pytest.approx(
        os.statvfs(folders.var.parent).f_bavail * os.statvfs(folders.var.parent).f_frsize, rel=0.05
    )
