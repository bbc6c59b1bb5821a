"""The console at ``/lienthong``, behind Airflow's own sign-in, with an entry in the navigation.

Every process of Airflow imports this file; what the console needs is imported by the one that serves its first page.
When Airflow no longer has the check that is used here, or the check no longer refuses, the console stays shut.
"""

import asyncio

from airflow.plugins_manager import AirflowPlugin

from lienthong.console.door import Door

PREFIX = "/lienthong"
PAGES = {
    "dag": "dags/{DAG_ID}",
    "dag_run": "dags/{DAG_ID}/runs/{RUN_ID}",
    "task": "dags/{DAG_ID}/tasks/{TASK_ID}",
    "task_instance": "dags/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}",
}
"""Airflow's pages that have a tab of ours, and what the tab shows; Airflow fills in the names."""


def build():
    """The application, once it was seen to refuse a caller without credentials at every address.

    To look takes Airflow's right to see plugins. To act takes two more: to have the DAG run that carries the action
    out, and to write to assets, which our datasets are. The second makes it the operators' (role ``op``)."""
    import hashlib

    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
    from airflow.api_fastapi.core_api.security import (
        GetUserDep,
        requires_access_asset,
        requires_access_dag,
        requires_access_view,
    )
    from airflow.configuration import conf
    from fastapi import HTTPException, Request

    from lienthong.console.acting import Person
    from lienthong.console.app import make, prove
    from lienthong.console.desk import Desk
    from lienthong.orchestration import connection
    from lienthong.settings import Settings

    settings = Settings.from_env()

    def person(request: Request, user: GetUserDep) -> Person:
        def may(dag_id):
            try:
                requires_access_asset("POST")(request, user)
                requires_access_dag("POST", DagAccessEntity.RUN, dag_id)(request, user)
            except HTTPException:
                return False
            return True

        name = user.get_name()
        return Person(name, may, lambda: name in settings.personal_data)

    secret = hashlib.sha256(b"lienthong-console" + conf.get_mandatory_value("api", "secret_key").encode()).digest()
    desk = Desk(settings, connection)
    app = make(desk, requires_access_view(AccessView.PLUGINS), person, secret)
    asyncio.run(prove(app))
    return app


class Console(AirflowPlugin):
    """The application, its entry in the navigation, which leads to pages of its own, and its tabs.

    Airflow 3.3 draws a view at the top of its navigation as a button that no browser follows, and one with a route in a
    frame that nothing leaves; an application of one line leads the whole page to the console. On the pages of DAGs,
    runs and tasks a view is a frame, which needs a route that no other view has."""

    name = "lienthong_console"
    fastapi_apps = [{"app": Door(build), "url_prefix": PREFIX, "name": "lienthong_console"}]  # noqa: RUF012 - Airflow's form
    react_apps = [  # noqa: RUF012 - Airflow's form
        {
            "name": "Liên Thông",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "lien-thong",
            "bundle_url": "data:text/javascript,globalThis.AirflowPlugin = () => {"
            " window.location.replace(new URL('lienthong/', document.baseURI)); return null }",
        }
    ]
    external_views = [  # noqa: RUF012 - Airflow's form
        {
            "name": "Liên Thông",
            "href": f"{PREFIX}/airflow/{page}",
            "destination": destination,
            "url_route": f"lienthong-{destination.replace('_', '-')}",
        }
        for destination, page in PAGES.items()
    ]
