"""The services of this project, their order and their health.

                 postgres ──┬── metadata (airflow db migrate) ──┬── api-server
portal (unless yours)       ├── warehouse (migrations)          ├── scheduler
platform (unless yours)     └── sandbox ── department           ├── dag-processor
centre, app (unless yours)                                      │
mailbox (unless yours)                                          │
                        share (last, as the next)               └── triggerer (last: a day can start without it)
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

from lienthong.services import airflow, ports, space
from lienthong.services.folders import Folders
from lienthong.services.health import AirflowHealth, answers
from lienthong.services.keys import Keys, load
from lienthong.services.playground import DEPARTMENT, department_file, department_key
from lienthong.services.ports import HOST
from lienthong.services.postgres import Server
from lienthong.services.supervisor import Service

log = logging.getLogger(__name__)

DATA_NEEDS = ("postgres", "sandbox")
"""What must be ready before the province's data can be made."""
RUN_NEEDS = (
    *("api-server", "scheduler", "dag-processor", "warehouse"),
    *("sandbox", "department", "portal", "platform", "centre", "app", "mailbox"),
)
"""What must be ready before a day can be run."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is decided before the first process starts."""

    folders: Folders
    env: Mapping[str, str]
    ports: Mapping[str, int]
    keys: Keys
    server: Server

    @classmethod
    def make(cls, folders: Folders, env: Mapping[str, str]) -> tuple[Setup, tuple[str, ...]]:
        """Decide, make the folders and keys, and tell what a person may want to know."""
        space.check_start(folders)
        choice = ports.choose(env)
        for folder in (folders.airflow, folders.sandbox, folders.log):
            folder.mkdir(parents=True, exist_ok=True)
        keys = load(folders.secrets)
        server = Server.prepare(folders, env)
        return cls(folders, env, choice.ports, keys, server), (*choice.notices, *server.notices)

    @property
    def airflow_environment(self) -> dict[str, str]:
        """Environment of Airflow's components and of the steps."""
        return airflow.environment(self.env, self.folders, self.ports, self.keys, self.server)


@dataclass(slots=True)
class _Component:
    """Health of one Airflow component since its last start; a heartbeat of an earlier life does not count."""

    health: AirflowHealth
    name: str
    since: float = 0.0

    def before(self) -> None:
        self.since = time.time()

    def ready(self) -> bool:
        return self.health.component(self.name, self.since)

    def well(self) -> bool:
        return self.health.works(self.name)


def services(setup: Setup) -> list[Service]:
    """All services, those that others need first."""
    return [_postgres(setup), *_steps(setup), *_sandbox(setup), *_airflow(setup), _share(setup)]


def _postgres(setup: Setup) -> Service:
    return Service(
        "postgres",
        setup.server.command(),
        setup.server.environment(setup.env),
        ready=setup.server.ready,
        before=lambda: _note(setup.server.stop_stray(), "stopped a PostgreSQL that an earlier supervisor left"),
        # fast shutdown: SIGTERM would wait for every client to leave by itself
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
        grace=30.0,
        account=setup.server.account,
    )


def _steps(setup: Setup) -> list[Service]:
    environment = setup.airflow_environment
    metadata = Metadata(setup)
    return [
        Service(
            "metadata",
            _airflow_command("db", "migrate"),
            environment,
            after=("postgres",),
            once=True,
            skip=metadata.is_current,
            done=metadata.remember,
            patience=300.0,
        ),
        Service("warehouse", _step("warehouse"), environment, after=("postgres",), once=True),
        Service("sandbox", _step("sandbox"), environment | _department(setup), after=("postgres",), once=True),
    ]


def _sandbox(setup: Setup) -> list[Service]:
    basic = airflow.basic(setup.env, setup.folders)
    kept = [
        Service(
            "department",
            _module(
                "lienthong.sandbox.department_service",
                *_listen(setup, "department"),
                *("--data", str(department_file(setup.folders)), "--api-key-env", "SANDBOX_DEPARTMENT_KEY"),
            ),
            {**basic, "SANDBOX_DEPARTMENT_KEY": department_key(setup.folders)},
            after=("sandbox",),
            ready=lambda: answers(setup.ports["department"]),
        )
    ]
    if not airflow.foreign(setup.env, airflow.PORTAL):
        accounts = {
            "SANDBOX_PORTAL_USER": airflow.PORTAL_USER,
            "SANDBOX_PORTAL_PASSWORD": setup.keys.portal,
            "SANDBOX_PORTAL_CONTROL_TOKEN": setup.keys.control,
        }
        kept.append(
            Service(
                "portal",
                _module("lienthong.sandbox.portal", *_listen(setup, "portal"), "--data", str(setup.folders.portal)),
                {**basic, **accounts},
                ready=lambda: answers(setup.ports["portal"]),
            )
        )
    if not airflow.foreign(setup.env, airflow.PLATFORM):
        kept.append(_platform(setup, basic))
    if not airflow.foreign(setup.env, airflow.CENTRE):
        kept.append(_centre(setup, basic))
    if not airflow.foreign(setup.env, airflow.APP):
        kept.append(_app(setup, basic))
    if not airflow.foreign(setup.env, airflow.MAIL):
        kept.append(_mailbox(setup, basic))
    return kept


def _platform(setup: Setup, basic: Mapping[str, str]) -> Service:
    five = {
        "SANDBOX_PLATFORM_ACCESS_KEY": setup.keys.platform_access,
        "SANDBOX_PLATFORM_SECRET_KEY": setup.keys.platform_secret,
        "SANDBOX_PLATFORM_APP_NAME": airflow.APP_NAME,
        "SANDBOX_PLATFORM_PARTNER_CODE": airflow.PARTNER_CODE,
        "SANDBOX_PLATFORM_PARTNER_CODE_CUS": airflow.PARTNER_CODE_CUS,
    }
    return Service(
        "platform",
        _module(
            "lienthong.sandbox.platform",
            *_listen(setup, "platform"),
            *("--data", str(setup.folders.platform), "--national", str(setup.folders.national)),
        ),
        {**basic, **five, "SANDBOX_PLATFORM_CONTROL_TOKEN": setup.keys.control},
        ready=lambda: answers(setup.ports["platform"]),
    )


def _centre(setup: Setup, basic: Mapping[str, str]) -> Service:
    return Service(
        "centre",
        _module(
            "lienthong.sandbox.centre",
            *_listen(setup, "centre"),
            *("--data", str(setup.folders.centre), "--context", airflow.context_url(setup.ports)),
        ),
        {
            **basic,
            "SANDBOX_CENTRE_KEY": setup.keys.centre,
            "SANDBOX_CENTRE_TENANTS": airflow.TENANT,
            "SANDBOX_CENTRE_CONTROL_TOKEN": setup.keys.control,
        },
        ready=lambda: answers(setup.ports["centre"]),
    )


def _app(setup: Setup, basic: Mapping[str, str]) -> Service:
    return Service(
        "app",
        _module("lienthong.sandbox.app_receiver", *_listen(setup, "app"), "--data", str(setup.folders.app)),
        {**basic, "SANDBOX_APP_KEY": setup.keys.app, "SANDBOX_APP_CONTROL_TOKEN": setup.keys.control},
        ready=lambda: answers(setup.ports["app"]),
    )


def _mailbox(setup: Setup, basic: Mapping[str, str]) -> Service:
    return Service(
        "mailbox",
        _module(
            "lienthong.sandbox.mailbox",
            *("--host", HOST, "--port-smtp", str(setup.ports["mail"]), "--port-http", str(setup.ports["mailbox"])),
            *("--data", str(setup.folders.mailbox), "--docs", str(setup.folders.data_docs)),
        ),
        {**basic, "SANDBOX_MAILBOX_CONTROL_TOKEN": setup.keys.control},
        ready=lambda: answers(setup.ports["mail"]) and answers(setup.ports["mailbox"]),
    )


def _airflow(setup: Setup) -> list[Service]:
    environment = setup.airflow_environment
    health = AirflowHealth(setup.ports["airflow"])
    metadata = Metadata(setup)
    scheduler, processor, triggerer = (_Component(health, name) for name in ("scheduler", "dag_processor", "triggerer"))
    main = ("api-server", "scheduler", "dag-processor")

    def before_scheduler() -> None:
        scheduler.before()
        metadata.end_dead_jobs()

    return [
        Service(
            "api-server",
            _airflow_command("api-server", "--apps", "all"),
            environment,
            after=("metadata",),
            # tasks that are ending still have something to say to it
            outlives=("scheduler",),
            ready=health.api_server,
            well=health.api_server,
            # a busy machine can keep it from answering for long, and tasks wait for it
            tolerance=120.0,
            before=health.restarted,
            # it has answered its last request long before Python has taken it apart
            grace=1.0,
        ),
        Service(
            "scheduler",
            _airflow_command("scheduler", "--skip-serve-logs"),
            environment,
            after=("metadata",),
            # it waits for running tasks, of which some only wait themselves; every step may be cut off
            grace=5.0,
            ready=scheduler.ready,
            well=scheduler.well,
            before=before_scheduler,
        ),
        Service(
            "dag-processor",
            _airflow_command("dag-processor"),
            environment,
            after=("metadata",),
            ready=processor.ready,
            well=processor.well,
            before=processor.before,
        ),
        Service(
            "triggerer",
            _airflow_command("triggerer", "--skip-serve-logs"),
            environment,
            after=("metadata",),
            behind=main,
            ready=triggerer.ready,
            well=triggerer.well,
            before=triggerer.before,
            # it waits ten seconds for triggers that nobody has
            grace=1.5,
            nice=5,
        ),
    ]


def _share(setup: Setup) -> Service:
    """The read service knows the warehouse and no other connection."""
    known = airflow.connections(setup.env, setup.folders, setup.ports, setup.keys, setup.server)
    return Service(
        "share",
        _module("lienthong.cli", "share", "serve", *_listen(setup, "share")),
        airflow.basic(setup.env, setup.folders) | {airflow.WAREHOUSE: known[airflow.WAREHOUSE]},
        after=("warehouse",),
        # a day does not need it
        behind=("api-server", "scheduler", "dag-processor"),
        ready=lambda: answers(setup.ports["share"]),
        nice=5,
    )


def _department(setup: Setup) -> dict[str, str]:
    return {DEPARTMENT: f"http://{HOST}:{setup.ports['department']}"}


def _airflow_command(*arguments: str) -> tuple[str, ...]:
    return _module("airflow", *arguments)


def _module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _step(name: str) -> tuple[str, ...]:
    return _module("lienthong.services.prepare", name)


def _listen(setup: Setup, name: str) -> tuple[str, ...]:
    return ("--host", HOST, "--port", str(setup.ports[name]))


def _note(happened: bool, words: str) -> None:
    if happened:
        log.warning("%s", words)


class Metadata:
    """The few things that must be done to Airflow's own database from outside."""

    def __init__(self, setup: Setup) -> None:
        self._server = setup.server
        self._record = setup.folders.airflow / "migrated.json"

    def is_current(self) -> bool:
        """Whether ``airflow db migrate`` has run for this version; asking Airflow itself takes seconds."""
        present = {"airflow": version("apache-airflow-core"), "revision": self._revision()}
        try:
            if json.loads(self._record.read_text(encoding="utf-8")) == present:
                return True
        except (OSError, ValueError):
            pass
        return False

    def remember(self) -> None:
        """Record that the database is at the head of this version."""
        present = {"airflow": version("apache-airflow-core"), "revision": self._revision()}
        self._record.write_text(json.dumps(present), encoding="utf-8")

    def end_dead_jobs(self) -> None:
        """Mark schedulers as ended: ours is about to start, so none runs. Their tasks are then taken up at once
        instead of after a time of silence."""
        import psycopg

        # A database that is away again ends the new scheduler too, and this is asked once more before the next.
        with suppress(psycopg.Error), self._server.connect("airflow") as session:
            session.execute("UPDATE job SET state = 'failed' WHERE job_type = 'SchedulerJob' AND state = 'running'")

    def _revision(self) -> str:
        import psycopg

        try:
            with self._server.connect("airflow") as session:
                row = session.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.Error:
            return ""
        return str(row[0]) if row else ""
