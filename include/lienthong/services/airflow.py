"""The environment in which Airflow and the sandbox run. A connection that the caller set is passed on untouched.

Secrets travel in the environment of the processes that need them, never on a command line. What shapes the embedded
mode (its database, its addresses, its executor) is fixed; what only tunes it gives way to an ``AIRFLOW__*`` variable
of the caller.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lienthong.connections import Connection
from lienthong.sandbox.portal_catalogue import department_id
from lienthong.services.folders import Folders
from lienthong.services.keys import FEEDER, USER, Keys
from lienthong.services.ports import HOST
from lienthong.services.postgres import Server
from lienthong.services.processes import OWNER

WAREHOUSE = "AIRFLOW_CONN_WAREHOUSE"
PORTAL = "AIRFLOW_CONN_NATIONAL_PORTAL"
UNITS = "AIRFLOW_CONN_DANH_MUC"
MAIL = "AIRFLOW_CONN_MAIL"
PLATFORM = "AIRFLOW_CONN_SHARED_PLATFORM"
SELF = "AIRFLOW_CONN_AIRFLOW"
CENTRE = "AIRFLOW_CONN_MONITORING_CENTRE"
STATISTICS = "AIRFLOW_CONN_STATISTICS_MESSAGE"
APP = "AIRFLOW_CONN_PUBLIC_APP"
EVALUATION = "AIRFLOW_CONN_DANH_GIA"
PORTAL_USER = "h15"
CONSOLE = "/lienthong"
"""Where the console stands below Airflow's address; ``plugins/console.py`` puts it there."""
APP_NAME, PARTNER_CODE, PARTNER_CODE_CUS = "lien-thong", "H15", "H15"
"""How the province is known on the sandboxed shared platform, beside its two secrets."""
TENANT = "daklak"
"""The province's part of the sandboxed monitoring centre."""

TUNING = {
    "AIRFLOW__CORE__PARALLELISM": "6",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # plugins are loaded when the scheduler starts, so that its tasks inherit what they preload
    "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
    "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* lienthong.*",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__API__EXPOSE_CONFIG": "False",
    # a day is many short tasks one after another: do not doze between them
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    # a changed file is read again within seconds whatever this says; an unchanged one need not be
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    # tasks outlive a restart of the api-server
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "30",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    # it notes two lines of no news for each column that it looks at
    "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
    "GX_ANALYTICS_ENABLED": "False",
    # the sandbox's time ends with its quarter: its days are played on demand
    "LIENTHONG_SCHEDULE_UNTIL": "2025-10-01",
}

UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONINSPECT", "PYTHONBREAKPOINT")
"""Without compiled files every start of an Airflow component takes three times as long."""


def foreign(env: Mapping[str, str], variable: str) -> bool:
    """Whether the caller set this connection, so that the embedded counterpart is not started."""
    return bool(env.get(variable, "").strip())


def basic(env: Mapping[str, str], folders: Folders) -> dict[str, str]:
    """The caller's environment, mended for a service: who it belongs to, where things are, no proxy to ourselves."""
    values = {name: value for name, value in env.items() if name not in UNWANTED}
    programs = str(Path(sys.executable).parent)
    values |= {
        OWNER: folders.owner,
        "LIENTHONG_HOME": str(folders.home),
        "LIENTHONG_VAR": str(folders.var),
        "LIENTHONG_CONNECTIONS": str(folders.connections),
        "PATH": os.pathsep.join([programs, values.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        # keep /proc/<pid>/environ readable, where the owner's name is looked for
        "SPT_NOENV": "1",
    }
    for name in ("NO_PROXY", "no_proxy"):
        known = [part for part in values.get(name, "").split(",") if part]
        values[name] = ",".join(dict.fromkeys([*known, HOST, "localhost"]))
    return values


def connections(
    env: Mapping[str, str], folders: Folders, ports: Mapping[str, int], keys: Keys, server: Server
) -> dict[str, str]:
    """The connections of the product, each the caller's own where there is one."""
    own = {
        WAREHOUSE: as_json(server.connection("warehouse")),
        PORTAL: json.dumps(
            {
                "conn_type": "http",
                "host": f"http://{HOST}:{ports['portal']}",
                "login": PORTAL_USER,
                "password": keys.portal,
                "extra": {"dossiers_per_request": 20, "steps_per_request": 50, "in_flight": 4, "pull_in_flight": 4},
            }
        ),
        PLATFORM: _platform(ports, keys, in_flight=2, records_per_request=100),
        # the same platform takes the message; its account is the same
        STATISTICS: env[PLATFORM] if foreign(env, PLATFORM) else _platform(ports, keys, in_flight=2),
        CENTRE: json.dumps(
            {
                "conn_type": "http",
                "host": f"http://{HOST}:{ports['centre']}",
                "password": keys.centre,
                "extra": {"auth": "key", "tenant": TENANT, "context_url": context_url(ports)},
            }
        ),
        APP: json.dumps(
            {
                "conn_type": "http",
                "host": f"http://{HOST}:{ports['app']}",
                "password": keys.app,
                "extra": {"documents_per_request": 20},
            }
        ),
        UNITS: json.dumps(
            {
                "conn_type": "fs",
                "extra": {
                    "path": str(folders.home / "include" / "lienthong" / "reference"),
                    "pattern": "{dataset}.csv",
                },
            }
        ),
        # the queue of backfills asks Airflow itself; every task can read this, so it is not the person's account
        SELF: json.dumps(
            {
                "conn_type": "http",
                "host": f"http://{HOST}:{ports['airflow']}",
                "login": FEEDER,
                "password": keys.feeder,
            }
        ),
        MAIL: json.dumps(
            {
                "conn_type": "smtp",
                "host": HOST,
                "port": ports["mail"],
                # on loopback there is nobody to listen, and no certificate to show
                "extra": {"disable_ssl": True, "disable_tls": True},
            }
        ),
    }
    if not foreign(env, PORTAL):
        # what the sandboxed portal publishes; of another one it is not known whether it does
        own[EVALUATION] = _evaluation(ports)
    elif foreign(env, EVALUATION):
        own[EVALUATION] = env[EVALUATION]
    return {name: env[name] if foreign(env, name) else value for name, value in own.items()}


def _evaluation(ports: Mapping[str, int]) -> str:
    """The sandboxed portal once more, as everybody sees it; its time stands where the played day is."""
    extra = {"root_department_id": department_id(PARTNER_CODE), "pause": "0", "snapshot": "window"}
    return json.dumps({"conn_type": "http", "host": f"http://{HOST}:{ports['portal']}", "extra": extra})


def _platform(ports: Mapping[str, int], keys: Keys, **options: int) -> str:
    """A connection to the sandboxed shared platform as an LGSP, by its five credentials."""
    known = {"app_name": APP_NAME, "partner_code": PARTNER_CODE, "partner_code_cus": PARTNER_CODE_CUS}
    return json.dumps(
        {
            "conn_type": "http",
            "host": f"http://{HOST}:{ports['platform']}",
            "login": keys.platform_access,
            "password": keys.platform_secret,
            "extra": {"auth": "lgsp", **known, **options},
        }
    )


def context_url(ports: Mapping[str, int]) -> str:
    """Where the sandboxed monitoring centre finds the published context."""
    return f"http://{HOST}:{ports['centre']}/ngsi-context.jsonld"


def mailbox_address(ports: Mapping[str, int]) -> str:
    """Where the sandbox's mail is read."""
    return f"http://{HOST}:{ports['mailbox']}"


def as_json(connection: Connection) -> str:
    """Airflow's JSON form of a connection."""
    return json.dumps(
        {
            "conn_type": connection.kind,
            "host": connection.host,
            "login": connection.login,
            "password": connection.password,
            "schema": connection.schema,
            "port": connection.port,
            "extra": dict(connection.extra),
        }
    )


def environment(
    env: Mapping[str, str], folders: Folders, ports: Mapping[str, int], keys: Keys, server: Server
) -> dict[str, str]:
    """The whole environment of every Airflow component and of the tasks that they run."""
    address = f"http://{HOST}:{ports['airflow']}"
    # A switch meant for another Airflow of this person must not reach ours half-way.
    values = {name: value for name, value in basic(env, folders).items() if not name.startswith("_AIRFLOW_")}
    for name, value in TUNING.items():
        values.setdefault(name, value)
    values.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(folders.home / "dags"))
    values.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", str(folders.home / "plugins"))
    values |= connections(env, folders, ports, keys, server)
    if not foreign(env, MAIL):
        # the page of the mail shows the results of validation too, so letters can lead there
        values.setdefault("LIENTHONG_DOCS_URL", f"{mailbox_address(ports)}/docs/")
    values.setdefault("LIENTHONG_CONSOLE_URL", f"{address}{CONSOLE}")
    # nobody in this province is real
    values.setdefault("LIENTHONG_PERSONAL_DATA", USER)
    values |= {
        "AIRFLOW_HOME": str(folders.airflow),
        "AIRFLOW_CONFIG": str(folders.airflow / "airflow.cfg"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,{FEEDER}:user",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folders.secrets / "airflow_users.json"),
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        # the machine's name may lead nowhere; logs are read from files, jobs only need a name
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.sqlalchemy_url("airflow"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports["airflow"]),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": keys.api,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt,
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folders.airflow / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(folders.airflow / "logs" / "dag_processor"),
        "AIRFLOW__SECRETS__BACKEND": "lienthong.airflow_secrets.ConnectionsFile",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(folders.connections)}),
    }
    if sys.platform == "linux":
        # Python 3.14 no longer forks by default, and only a fork inherits what the scheduler has preloaded.
        values.setdefault("AIRFLOW__CORE__MP_START_METHOD", "fork")
    return values
