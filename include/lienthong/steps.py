"""What a task does, without Airflow: each step can be killed and called again, and ends in the same state."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lienthong import quality
from lienthong.batches import Batch, Ledger, Verdict, Window
from lienthong.connections import Lookup
from lienthong.contracts import Contract, load_all
from lienthong.crashpoints import crashpoint
from lienthong.endpoints import ENDPOINTS
from lienthong.errors import LienThongError, NeedsPerson, SourceDown, TryAgain
from lienthong.publishing import PublishReport
from lienthong.publishing import publish as publish_to
from lienthong.settings import Settings
from lienthong.sources import Rows, source_of
from lienthong.warehouse import Warehouse, ledger
from lienthong.warehouse.landing import Landing, any_waiting
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote as promote_run
from lienthong.warehouse.store import Session

log = logging.getLogger("lienthong")

SECOND_TRY_AFTER = 2.0  # seconds before a lane asks its missing sources once more


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything the steps need: settings, contracts, the warehouse and a way to look up connections."""

    settings: Settings
    contracts: dict[str, Contract]
    warehouse: Warehouse
    lookup: Lookup

    @classmethod
    def of(cls, settings: Settings, lookup: Lookup) -> Pipeline:
        """Read the contracts and find the warehouse; a mistake in either is named at once."""
        return cls(
            settings,
            load_all(settings.home / "expectations"),
            Warehouse(lookup("warehouse"), settings.home),
            lookup,
        )

    def contract(self, dataset: str) -> Contract:
        """The contract of a dataset that exists."""
        if dataset not in self.contracts:
            raise NeedsPerson(f"There is no dataset {dataset!r}; there are {', '.join(self.contracts)}.")
        return self.contracts[dataset]

    def prepare(self) -> list[str]:
        """Bring the warehouse to the present schema; gives what was applied."""
        return migrate(self.warehouse, self.contracts.values())

    def waits_for(self, dataset: str, window: Window) -> list[str]:
        """Datasets that must be promoted first and are not yet: a catalogue for this window or a later one, a
        dataset of events for exactly this window."""
        with self.warehouse.session() as session:
            return [
                name
                for name in self.contract(dataset).references
                if not ledger.settled(session, name, window, exactly=self.contracts[name].mode == "incremental")
            ]

    def plan(self, dataset: str, window: Window) -> list[list[str]]:
        """Open the run of the window and deal its unread sources into lanes."""
        contract = self.contract(dataset)
        with self.warehouse.session() as session:
            plan = ledger.open_run(session, dataset, window, self._sources(session, contract, window))
            Landing(self.warehouse, contract, window, plan.run_id).create(session)
        lanes = min(self.settings.lanes, len(plan.todo))
        return [list(plan.todo[start::lanes]) for start in range(lanes)]

    def _sources(self, session: Session, contract: Contract, window: Window) -> tuple[str, ...]:
        if contract.source.for_each is None:
            return (contract.source.connection,)
        return ledger.members(session, contract.source.for_each, window)

    def extract(self, dataset: str, window: Window, sources: Iterable[str]) -> Batch:
        """Land the sources side by side; one that is down costs only itself and is noted with its reason."""
        with self.warehouse.session() as session:
            run_id = ledger.current_run(session, dataset, window)
        wanted = list(sources)
        landed = self._land_all(dataset, window, run_id, wanted)
        missing = [source for source in wanted if landed[source] is None]
        if missing:
            time.sleep(SECOND_TRY_AFTER)
            landed |= self._land_all(dataset, window, run_id, missing)
            missing = [source for source in missing if landed[source] is None]
        rows = sum(count or 0 for count in landed.values())
        log.info("%s %s: %s rows from %s sources, %s missing", dataset, window, rows, len(wanted), len(missing))
        return Batch(dataset, str(window), run_id, rows, len(wanted) - len(missing), tuple(missing))

    def _land_all(self, dataset: str, window: Window, run_id: int, sources: list[str]) -> dict[str, int | None]:
        with ThreadPoolExecutor(self.settings.readers) as pool:
            counts = pool.map(lambda source: self._land_one(dataset, window, run_id, source), sources)
            return dict(zip(sources, counts, strict=True))

    def _land_one(self, dataset: str, window: Window, run_id: int, source: str) -> int | None:
        """Rows landed from one source in one transaction, or None with the reason in the ledger."""
        contract = self.contracts[dataset]
        started = time.monotonic()
        name = contract.source.name_for(source) if contract.source.for_each else contract.source.connection
        landing = Landing(self.warehouse, contract, window, run_id)
        try:
            with self.warehouse.session() as session:
                rows = landing.land(session, source, self._read(contract, window, name))
                crashpoint("extract.before_commit", f"{dataset}.{source}")
                if not ledger.mark_landed(session, run_id, source, rows, time.monotonic() - started):
                    session.rollback()
            return rows
        except _SourceFailed as failure:
            error = failure.error
        code = "nguon_khong_tra_loi" if isinstance(error, SourceDown) else "nguon_thay_doi"
        with self.warehouse.session() as session:
            ledger.mark_missing(session, run_id, source, code, str(error), time.monotonic() - started)
        log.warning("%s %s: source %s gave nothing: %s", dataset, window, source, code)
        return None

    def _read(self, contract: Contract, window: Window, connection: str) -> Iterator[Rows]:
        """The batches of one source; its errors are told from those of the warehouse."""
        try:
            yield from source_of(self.lookup(connection), contract.source.reader).read(contract, window)
        except LienThongError as error:
            raise _SourceFailed(error) from None

    def judge(self, dataset: str, window: Window) -> Verdict:
        """Judge what was landed; whatever was lost or never tried is read first. A promoted run keeps its verdict."""
        contract = self.contract(dataset)
        with self.warehouse.alone(f"judge {dataset} {window}"):
            with self.warehouse.session() as session:
                run_id = ledger.current_run(session, dataset, window)
                if ledger.promoted(session, run_id):
                    return quality.recorded(session, contract, window, run_id)
                landing = Landing(self.warehouse, contract, window, run_id)
                if not landing.intact(session):
                    landing.drop(session)
                    ledger.forget_landing(session, run_id)
                landing.create(session)
                todo = ledger.unread(session, run_id)
            if todo:
                self.extract(dataset, window, todo)
            self._some_source_answered(dataset, window, run_id)
            verdict = quality.judge(self.warehouse, contract, window, run_id)
        log.info("%s %s: %s rows judged, %s rejected", dataset, window, verdict.rows, verdict.rejected)
        return verdict

    def _some_source_answered(self, dataset: str, window: Window, run_id: int) -> None:
        with self.warehouse.session() as session:
            rows = session.execute("SELECT source, state, reason FROM ops.batches WHERE run_id = %s", [run_id])
            states = list(rows)
        if states and all(row["state"] == "missing" for row in states):
            raise TryAgain(f"{dataset} {window}: no source answered. {states[0]['reason']}")

    def promote(self, dataset: str, window: Window) -> Ledger:
        """Promote the judged run of the window; a landing lost meanwhile is read and judged again first."""
        contract = self.contract(dataset)
        with self.warehouse.session() as session:
            run_id = ledger.current_run(session, dataset, window)
        try:
            done = promote_run(self.warehouse, contract, window, run_id)
        except TryAgain:
            self.judge(dataset, window)
            done = promote_run(self.warehouse, contract, window, run_id)
        log.info("%s %s: %s", dataset, window, done)
        return done

    def redrive(self, dataset: str, window: Window) -> list[Ledger]:
        """Promote the rejected rows, here and in the datasets that refer to this one, that only waited for a
        record which is there now."""
        done = []
        for contract in self.contracts.values():
            if contract.dataset != dataset and dataset not in contract.references:
                continue
            with self.warehouse.alone(f"redrive {contract.dataset}"):
                done += self._redrive(contract, window)
        return done

    def _redrive(self, contract: Contract, window: Window) -> list[Ledger]:
        """One redrive, if there is something to move; one that was killed is ended first, in its own window."""
        with self.warehouse.session() as session:
            begun = ledger.unfinished_redrive(session, contract.dataset)
            if begun is None and not any_waiting(session, contract):
                return []
            run_id, window = begun or (ledger.open_redrive(session, contract.dataset, window), window)
            landing = Landing(self.warehouse, contract, window, run_id)
            if not landing.intact(session):
                landing.drop(session)
                ledger.forget_landing(session, run_id)
            landing.create(session)
        quality.judge(self.warehouse, contract, window, run_id)
        return [promote_run(self.warehouse, contract, window, run_id)]

    def publish(self, endpoint: str) -> PublishReport:
        """Send what is due to an endpoint until nothing is; the receipts say what became of each record."""
        if endpoint not in ENDPOINTS:
            raise NeedsPerson(f"There is no endpoint {endpoint!r}; there are {', '.join(ENDPOINTS)}.")
        receiver = ENDPOINTS[endpoint](self.lookup(endpoint), self.settings.agency)
        try:
            return publish_to(self.warehouse, receiver)
        finally:
            receiver.close()

    def run(self, dataset: str, window: Window) -> Ledger:
        """Read, judge and promote one window in this process: the same steps as the DAG's."""
        for lane in self.plan(dataset, window):
            self.extract(dataset, window, lane)
        self.judge(dataset, window)
        done = self.promote(dataset, window)
        self.redrive(dataset, window)
        return done

    def run_late(self, days: int) -> list[Ledger]:
        """Run again every window of the last ``days`` days that missed a source; only what is missing is read."""
        done = []
        for dataset in self.contracts:
            with self.warehouse.session() as session:
                windows = ledger.windows_with_missing(session, dataset, days)
            done += [self.run(dataset, window) for window in windows]
        return done


class _SourceFailed(Exception):
    """Carries an error of a source past the warehouse's session, which rolls back on it."""

    def __init__(self, error: LienThongError) -> None:
        super().__init__()
        self.error = error
