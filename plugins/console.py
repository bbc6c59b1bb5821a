"""The console at ``/lienthong``, behind Airflow's own sign-in, with an entry in the navigation.

Every process of Airflow imports this file; what the console needs is imported by the one that serves its first page.
When Airflow no longer has the check that is used here, or the check no longer refuses, the console stays shut.
"""

import asyncio

from airflow.plugins_manager import AirflowPlugin

from lienthong.console.door import Door

PREFIX = "/lienthong"


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

    def person(request: Request, user: GetUserDep) -> Person:
        def may(dag_id):
            try:
                requires_access_asset("POST")(request, user)
                requires_access_dag("POST", DagAccessEntity.RUN, dag_id)(request, user)
            except HTTPException:
                return False
            return True

        return Person(user.get_name(), may)

    secret = hashlib.sha256(b"lienthong-console" + conf.get_mandatory_value("api", "secret_key").encode()).digest()
    desk = Desk(Settings.from_env(), connection)
    app = make(desk, requires_access_view(AccessView.PLUGINS), person, secret)
    asyncio.run(prove(app))
    return app


class Console(AirflowPlugin):
    """The application and its entry in the navigation; a page of its own, so that letters can lead into it."""

    name = "lienthong_console"
    fastapi_apps = [{"app": Door(build), "url_prefix": PREFIX, "name": "lienthong_console"}]  # noqa: RUF012 - Airflow's form
    external_views = [  # noqa: RUF012 - Airflow's form
        {"name": "Liên Thông", "href": f"{PREFIX}/", "destination": "nav", "nav_top_level": True}
    ]
