"""What the console was opened with: settings, sessions that only read, two that act, and the contracts as they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from lienthong.airflow_api import AirflowApi
from lienthong.batches import LOCAL
from lienthong.connections import Lookup
from lienthong.console.indicators.kept import Kept
from lienthong.console.queries import Look
from lienthong.contracts import Contract, load_all
from lienthong.errors import LienThongError, NeedsPerson
from lienthong.reconcile.options import Options
from lienthong.settings import Settings
from lienthong.share.pool import Pool

SESSIONS = 4
ACTING = 2
BOUNDED = "SET LOCAL statement_timeout = '20s'; SET LOCAL lock_timeout = '5s'"
"""A person waits for what an action does, and an api-server serves others meanwhile."""
PATIENCE = 10.0
"""Seconds for which Airflow is asked to begin a run before the DAG's own schedule is left to it."""
log = logging.getLogger("lienthong.console")


class Desk:
    """Looks at the warehouse; the sessions of pages are read-only, and those of actions are others."""

    def __init__(self, settings: Settings, lookup: Lookup) -> None:
        self.settings = settings
        self.pool = Pool(lookup("warehouse"), SESSIONS, name="lienthong-console")
        self._acting = Pool(lookup("warehouse"), ACTING, writes=True, name="lienthong-console-acts")
        self._lookup = lookup
        self._contracts = load_all(settings.home / "expectations")
        self._kept = Kept()

    def contracts(self) -> dict[str, Contract]:
        """The contracts of this moment; while one of them has a mistake, all as they were before it."""
        try:
            self._contracts = load_all(self.settings.home / "expectations")
        except NeedsPerson as error:
            log.warning("The console goes on with the contracts that it read before: %s", error)
        return self._contracts

    @contextmanager
    def look(self) -> Iterator[Look]:
        """One state of the warehouse."""
        contracts = self.contracts()
        with self.pool.session() as session:
            yield Look(session, self.settings.home, contracts, self._kept)

    @contextmanager
    def act(self) -> Iterator[Look]:
        """The warehouse in one transaction that changes it: all that an action does, or nothing."""
        contracts = self.contracts()
        with self._acting.session() as session:
            session.execute(BOUNDED)
            yield Look(session, self.settings.home, contracts)

    def reconciled_within(self, endpoint: str) -> int:
        """In how many days a receiver is looked at whole, as its connection says it; the default where none is kept."""
        try:
            return Options.of(self._lookup(endpoint)).whole_days
        except LienThongError:
            return Options().whole_days

    def wake(self, dag_id: str) -> None:
        """Have a DAG look now at what was asked for. Where Airflow does not answer, its own schedule does."""
        try:
            own = self._lookup("airflow")
            api = AirflowApi(own.base_url, own.login, own.password, patience=PATIENCE, connection=own.name)
            if all(run.ended for run in api.runs(dag_id)):
                api.run_now(dag_id, f"asked__{datetime.now(LOCAL):%Y-%m-%dT%H:%M:%S.%f}")
        except LienThongError as error:
            log.warning("%s could not be woken and waits for its schedule: %s", dag_id, error)

    def close(self) -> None:
        """Close what is open and not in use."""
        self.pool.close()
        self._acting.close()
