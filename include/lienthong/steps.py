"""What a task does, without Airflow: each step can be killed and called again, and ends in the same state."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from lienthong import quality
from lienthong.alerts.tick import Tick, tick
from lienthong.batches import Batch, Ledger, Verdict, Window
from lienthong.connections import Connection, Lookup
from lienthong.contracts import MARTS, Contract, load_all
from lienthong.crashpoints import crashpoint
from lienthong.endpoints import ENDPOINTS, Endpoint, require_known
from lienthong.errors import LienThongError, NeedsPerson, SourceChanged, SourceDown, TryAgain
from lienthong.indicators import refresh as indicators
from lienthong.indicators.told import tell
from lienthong.publishing import PublishReport, chain_anchors, chain_live
from lienthong.publishing import publish as publish_to
from lienthong.publishing.trail import note_calls
from lienthong.quality import docs
from lienthong.reconcile import Reconciled
from lienthong.reconcile import reconcile as reconcile_with
from lienthong.settings import Settings
from lienthong.share.exports import Exported, export_all
from lienthong.share.shelf import folder_of as exports_of
from lienthong.sources import Rows, source_of
from lienthong.sources.intake import Intake
from lienthong.warehouse import Warehouse, held, ledger, problems, quarantine, shapes, waivers
from lienthong.warehouse import marts as scorecard
from lienthong.warehouse.counterpart import Compared, compare
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.marts import Refreshed
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote as promote_run
from lienthong.warehouse.quarantine import Selection
from lienthong.warehouse.store import Session

log = logging.getLogger("lienthong")

INTAKE_DAYS = 30
OURS = (
    "Hệ thống của tỉnh chưa cấu hình đúng kết nối đến nguồn này; quản trị viên của tỉnh kiểm tra kết nối. "
    "Đơn vị không phải làm gì."
)
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
                for name in self.contract(dataset).waits_for
                if not ledger.settled(session, name, window, exactly=self.contracts[name].mode != "snapshot")
            ]

    def plan(
        self, dataset: str, window: Window, only: Iterable[str] = (), *, backfill: int | None = None
    ) -> list[list[str]]:
        """Open the run of the window, or of ``only`` some sources, for the backfill that asked for it if one did, and
        deal what is unread into lanes. What is derived is computed first, from all that is promoted by now."""
        contract = self.contract(dataset)
        if contract.derived:
            self.indicators()
            tell(self.warehouse)
        with self.warehouse.session() as session:
            sources = self._sources(session, contract, window)
            plan = ledger.open_run(session, dataset, window, sources, only=only, backfill=backfill)
            Landing(self.warehouse, contract, window, plan.run_id).create(session)
        lanes = min(self.settings.lanes, len(plan.todo))
        log.info("%s %s: run %s reads %s of %s sources", dataset, window, plan.run_id, len(plan.todo), len(sources))
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
                if not ledger.keep_open(session, run_id):
                    return 0
                gate = shapes.gate(session, contract, source)
                with gate.listening():
                    rows = landing.land(session, source, self._read(contract, window, name))
                crashpoint("extract.before_commit", f"{dataset}.{source}")
                if ledger.mark_landed(session, run_id, source, rows, time.monotonic() - started):
                    shapes.keep(session, run_id, gate)
                else:
                    session.rollback()
                problems.note_source(session, contract, window, run_id, source)
            return rows
        except _SourceFailed as failure:
            error = failure.error
        code = "nguon_thay_doi" if isinstance(error, SourceChanged) else "nguon_khong_tra_loi"
        # Any other error is ours: its English words and names of variables are for the log.
        reason = str(error) if isinstance(error, SourceDown | SourceChanged) else OURS
        with self.warehouse.session() as session:
            ledger.mark_missing(session, run_id, source, code, reason, time.monotonic() - started)
            shapes.note_missing(session, contract, source, run_id, error)
            problems.note_source(session, contract, window, run_id, source)
        log.warning("%s %s: source %s gave nothing: %s. %s", dataset, window, source, code, error)
        return None

    def _read(self, contract: Contract, window: Window, connection: str) -> Iterator[Rows]:
        """The batches of one source; its errors are told from those of the warehouse."""
        try:
            yield from self._rows(contract, window, connection, contract.source.reader)
        except LienThongError as error:
            raise _SourceFailed(error) from None

    def _rows(self, contract: Contract, window: Window, connection: str, reader: str | None) -> Iterator[Rows]:
        """What one system gives; the requests that it took, where it counts them, stand in the audit trail."""
        source = source_of(self._connection(connection), reader)
        try:
            yield from source.read(contract, window)
        finally:
            note_calls(self.warehouse, connection, getattr(source, "calls", ()))

    def _connection(self, name: str) -> Connection:
        """A connection by its name. The marts are in the warehouse, whichever that is: they need no connection."""
        if name != MARTS:
            return self.lookup(name)
        ours = self.warehouse.connection
        return replace(ours, name=name, extra={**ours.extra, "namespace": MARTS})

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
            raise SourceDown(f"{dataset} {window}: no source answered. {states[0]['reason']}")

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
        log.info(
            "%s %s: %s rows: %s new, %s changed, %s unchanged, %s older, %s held; %s deleted, %s for receivers",
            dataset, window, done.extracted, done.inserted, done.updated, done.unchanged, done.superseded,
            done.quarantined, done.deleted, done.enqueued,
        )  # fmt: skip
        return done

    def redrive(self, dataset: str, window: Window) -> list[Ledger]:
        """After ``window`` was promoted, take up what it may have mended: sources are read again for rows that come
        back under another name only; rows that waited for what is there now, here and in the datasets that refer to
        this one, are judged again. What points to codes that have ended is noted."""
        done = self.recheck(dataset, window)
        self._note_ended(dataset, window)
        for contract in self.contracts.values():
            if contract.dataset == dataset or dataset in contract.references:
                done += self._redrive(contract, quarantine.WAITING_ROWS)
        freed = sum(one.extracted - one.quarantined for one in done)
        log.info("%s %s: %s windows judged again, %s rows taken", dataset, window, len(done), freed)
        return done

    def _note_ended(self, dataset: str, window: Window) -> None:
        for contract in self.contracts.values():
            if contract.dataset == dataset or dataset in contract.references:
                with self.warehouse.session() as session:
                    problems.note_ended(session, contract, self.contracts, window)

    def recheck(self, dataset: str, window: Window) -> list[Ledger]:
        """Read earlier windows of those sources again whose held rows cannot come back under their old name; a
        window asks once, and a source that is down keeps what it has."""
        contract = self.contract(dataset)
        with self.warehouse.session() as session:
            pairs = quarantine.pairs_to_recheck(session, self.warehouse, contract, window)
        return [done for place, sources in pairs.items() for done in self._read_again(contract, place, sources)]

    def _read_again(self, contract: Contract, window: Window, sources: Iterable[str]) -> list[Ledger]:
        dataset = contract.dataset
        with self.warehouse.alone(f"judge {dataset} {window}"), self.warehouse.session() as session:
            known = self._sources(session, contract, window)
            only = set(known) & set(sources)
            if not only:
                return []
            plan = ledger.open_run(session, dataset, window, known, only=only, again=True)
            Landing(self.warehouse, contract, window, plan.run_id).create(session)
        self.extract(dataset, window, plan.todo)
        try:
            self.judge(dataset, window)
        except SourceDown:
            log.warning("%s %s: sources to be read again do not answer; they are asked later", dataset, window)
            return []
        return [self.promote(dataset, window)]

    def redrive_rows(
        self,
        dataset: str,
        *,
        rules: Iterable[str] = (),
        sources: Iterable[str] = (),
        keys: Iterable[str] = (),
        by: str,
        reason: str = "",
    ) -> list[Ledger]:
        """Judge held rows again by the present rules and promote those that pass, one ledger a window.

        Rows are chosen by rules that they break, sources and keys; none given means all. What still breaks a rule
        stays held. ``by`` and ``reason`` stand in the ledger of transitions."""
        contract = self.contract(dataset)
        selection = Selection(tuple(rules), tuple(sources), tuple(keys), by=by, reason=reason)
        with self.warehouse.session() as session:
            held.require_known(session, [contract], selection.rules, selection.sources)
        return self._redrive(contract, selection)

    def waive(
        self,
        dataset: str,
        *,
        source: str,
        record_key: str,
        rules: Iterable[str],
        reason: str,
        by: str,
        until: datetime,
    ) -> tuple[waivers.Waiver, list[Ledger]]:
        """Grant a waiver for a held record and promote it by the same path; killed between, the next redrive of the
        dataset ends what was begun."""
        contract = self.contract(dataset)
        with self.warehouse.alone(f"redrive {dataset}"):
            self._end_redrives(contract)
            with self.warehouse.session() as session:
                waiver = waivers.grant(
                    session, contract, source=source, record_key=record_key, rules=list(rules), reason=reason, by=by,
                    until=until,
                )  # fmt: skip
                selection = Selection((), (source,), (record_key,), by=by, reason=f"waiver {waiver.waiver_id}")
                quarantine.open_redrives(session, self.warehouse.home, contract, selection)
                crashpoint("waive.before_commit", dataset)
            return waiver, self._end_redrives(contract)

    def _redrive(self, contract: Contract, selection: Selection) -> list[Ledger]:
        with self.warehouse.alone(f"redrive {contract.dataset}"):
            done = self._end_redrives(contract)
            with self.warehouse.session() as session:
                quarantine.open_redrives(session, self.warehouse.home, contract, selection)
            return done + self._end_redrives(contract)

    def _end_redrives(self, contract: Contract) -> list[Ledger]:
        """Judge and promote every open redrive of the dataset, each in its own window, killed ones too."""
        done: list[Ledger] = []
        while True:
            with self.warehouse.session() as session:
                begun = ledger.unfinished_redrive(session, contract.dataset)
                if begun is None:
                    return done
                run_id, window = begun
                landing = Landing(self.warehouse, contract, window, run_id)
                if not landing.intact(session):
                    landing.drop(session)
                    ledger.forget_landing(session, run_id)
                landing.create(session)
            quality.judge(self.warehouse, contract, window, run_id)
            try:
                done.append(promote_run(self.warehouse, contract, window, run_id))
            except TryAgain:  # judged once more, with the rows that are held now
                quality.judge(self.warehouse, contract, window, run_id)
                done.append(promote_run(self.warehouse, contract, window, run_id))
            log.info("%s %s: held rows judged again: %s", contract.dataset, window, done[-1])

    def publish(self, endpoint: str) -> PublishReport:
        """Send what is due to an endpoint until nothing is; the receipts say what became of each record."""
        with self._receiver(endpoint) as (receiver, _):
            done = publish_to(self.warehouse, receiver)
        log.info(
            "%s: %s records sent in %s requests and %.1f s: %s accepted, %s refused, %s in doubt; %s dead, %s wait",
            endpoint, done.sent, done.requests, done.seconds, done.accepted, done.refused, done.in_doubt, done.dead,
            done.pending,
        )  # fmt: skip
        return done

    def reconcile(self, endpoint: str, asked: tuple[date, date] | None = None) -> Reconciled:
        """Lay what an endpoint holds beside the receipts and these beside core, for the days that are due or for
        ``asked`` ones; cut off and called again it goes on."""
        with self._receiver(endpoint) as (receiver, connection):
            return reconcile_with(self.warehouse, receiver, connection, self.contracts, asked)

    @contextmanager
    def _receiver(self, name: str) -> Iterator[tuple[Endpoint, Connection]]:
        require_known(name)
        connection = self.lookup(name)
        receiver = ENDPOINTS[name](connection, self.settings.agency, self.contracts)
        try:
            yield receiver, connection
        finally:
            receiver.close()

    def compare(self, only: Iterable[str] = ()) -> list[Compared]:
        """Compare every dataset that another holder holds too, or ``only`` some, with what that holder gives now; what
        is wrong with one costs only its own comparison, and is told by the error at the end."""
        done: list[Compared] = []
        troubles: list[LienThongError] = []
        wanted = [self.contract(dataset) for dataset in only] or self.contracts.values()
        for contract in wanted:
            with self.warehouse.session() as session:
                window = ledger.newest_promoted(session, contract.dataset)
            other = contract.counterpart
            if other is None or window is None:
                continue
            rows = self._rows(contract.as_counterpart, window, other.connection, other.reader)
            try:
                done.append(compare(self.warehouse, contract, window, rows))
                log.info("%s", done[-1])
            except LienThongError as error:
                troubles.append(error)
        if troubles:
            needs_person = any(isinstance(error, NeedsPerson) for error in troubles)
            raise (NeedsPerson if needs_person else TryAgain)(" ".join(map(str, troubles)))
        return done

    def tell(self) -> Tick:
        """Note what is stale, write the letters that are due, send them; called again it tells nobody twice."""
        done = tick(self.warehouse, self.contracts, self.settings, self.lookup)
        log.info("%s", done)
        if done.troubles:
            raise TryAgain(f"{done.waiting} letters wait. {' '.join(done.troubles)}")
        return done

    def marts(self) -> Refreshed:
        """Bring the scorecard up to the ledger; called again it changes nothing."""
        done = scorecard.refresh(self.warehouse)
        log.info("%s", done)
        return done

    def indicators(self, *, whole: bool = False) -> indicators.Refreshed:
        """Bring the marts of indicators up to core; called again it changes nothing."""
        done = indicators.refresh(
            self.warehouse, self.settings.agency, whole=whole, floor=self.settings.indicators_from,
            province=self.settings.province,
        )  # fmt: skip
        log.info("%s", done)
        return done

    def data_docs(self) -> list[str]:
        """Build the pages of the days that were judged anew, and remove those beyond the retention; gives the days."""
        changed = docs.refresh(self.warehouse, self.contracts, docs.folder_of(self.settings))
        log.info("pages of results built for %s days", len(changed))
        return [str(day) for day in changed]

    def keep_house(self) -> int:
        """Remove the dropped files that were last taken more than thirty days ago, and anchor the receipts that came
        since the last time; gives how many files went."""
        gone = Intake(self.settings.var).forget(INTAKE_DAYS)
        log.info("%s files of the intake removed", gone)
        heads = chain_live.anchor(self.warehouse, chain_anchors.file_of(self.settings))
        log.info("%s chains of receipts anchored", heads)
        return gone

    def verify(self) -> int:
        """Walk the chains of receipts from their beginnings, beside their heads and anchors; gives how many receipts
        hold, and raises ``NeedsPerson`` when one does not."""
        lines = chain_anchors.read(chain_anchors.file_of(self.settings))
        chains = chain_live.verify(self.warehouse, lines)
        chain_live.require_whole(chains)
        whole = sum(chain.receipts for chain in chains)
        log.info("%s receipts in %s chains hold", whole, len(chains))
        return whole

    def exports(self) -> Exported:
        """Write the full exports of the datasets that changed since their last ones; called again it writes none."""
        done = export_all(
            self.warehouse, self.contracts.values(), exports_of(self.settings.var), agency=self.settings.agency
        )
        log.info("%s", done)
        return done

    def run(self, dataset: str, window: Window, only: Iterable[str] = (), *, backfill: int | None = None) -> Ledger:
        """Read, judge and promote one window in this process: the same steps as the DAG's."""
        for lane in self.plan(dataset, window, only, backfill=backfill):
            self.extract(dataset, window, lane)
        self.judge(dataset, window)
        done = self.promote(dataset, window)
        self.redrive(dataset, window)
        self._bring_up(dataset, window)
        return done

    def _bring_up(self, dataset: str, window: Window) -> None:
        """What is derived shows the present, whatever window asks: read for a window that a newer one has overtaken, it
        changes nothing, so that the newest is read again. It shows what the older days have restated."""
        if not self.contract(dataset).derived:
            return
        with self.warehouse.session() as session:
            newest = ledger.newest_promoted(session, dataset)
        if newest is not None and newest.start > window.start:
            self.run(dataset, newest)

    def sync(self, dataset: str, window: Window, *, backfill: int | None = None) -> bool:
        """Run one window whole; where a dataset that must be in place is not yet, do nothing and give False."""
        if self.waits_for(dataset, window):
            return False
        self.run(dataset, window, backfill=backfill)
        return True

    def end_redrives(self) -> list[Ledger]:
        """Judge and promote what people asked to be judged again; called again it does nothing."""
        done: list[Ledger] = []
        for contract in self.contracts.values():
            with self.warehouse.session() as session:
                left = ledger.unfinished_redrive(session, contract.dataset)
            if left is not None:
                with self.warehouse.alone(f"redrive {contract.dataset}"):
                    done += self._end_redrives(contract)
        return done

    def run_late(self, days: int) -> list[Ledger]:
        """Run again every window of the last ``days`` days that missed a source; only what is missing is read, and a
        window whose sources are still down does not hold up the others."""
        done: list[Ledger] = []
        troubles: list[str] = []
        for dataset, contract in self.contracts.items():
            with self.warehouse.session() as session:
                windows = ledger.windows_with_missing(session, dataset, days, whole=contract.mode == "snapshot")
            for window in windows:
                try:
                    with self.warehouse.session() as session:
                        late = ledger.missing(session, dataset, window)
                    done.append(self.run(dataset, window, late))
                except SourceDown as error:
                    log.warning("%s", error)
                except NeedsPerson as error:
                    log.error("%s", error)
                    troubles.append(str(error))
        if troubles:
            raise NeedsPerson(" ".join(troubles))
        return done


class _SourceFailed(Exception):
    """Carries an error of a source past the warehouse's session, which rolls back on it."""

    def __init__(self, error: LienThongError) -> None:
        super().__init__()
        self.error = error
