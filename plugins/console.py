"""The console at ``/lienthong``, behind Airflow's own sign-in, with an entry in the navigation.

Every process of Airflow imports this file; what the console needs is imported by the one that serves its first page.
When Airflow no longer has the check that is used here, or the check no longer refuses, the console stays shut.
"""

import asyncio

from airflow.plugins_manager import AirflowPlugin

from lienthong.console.door import Door

PREFIX = "/lienthong"


def build():
    """The application, once it was seen to refuse a caller without credentials at every address."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view

    from lienthong.console.app import make, prove
    from lienthong.console.desk import Desk
    from lienthong.orchestration import connection
    from lienthong.settings import Settings

    app = make(Desk(Settings.from_env(), connection), requires_access_view(AccessView.PLUGINS))
    asyncio.run(prove(app))
    return app


class Console(AirflowPlugin):
    """The application and its entry in the navigation; a page of its own, so that letters can lead into it."""

    name = "lienthong_console"
    fastapi_apps = [{"app": Door(build), "url_prefix": PREFIX, "name": "lienthong_console"}]  # noqa: RUF012 - Airflow's form
    external_views = [  # noqa: RUF012 - Airflow's form
        {"name": "Liên Thông", "href": f"{PREFIX}/", "destination": "nav", "nav_top_level": True}
    ]
