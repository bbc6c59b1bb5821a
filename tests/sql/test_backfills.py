"""A backfill runs exactly what its preview lists, once, whatever is killed, paused or cancelled on the way."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest

from lienthong.backfill import queue
from lienthong.backfill.airflow import Begun
from lienthong.backfill.feed import Feeder
from lienthong.backfill.plan import Request, preview
from lienthong.batches import Window
from lienthong.contracts import SourceSpec
from lienthong.errors import NeedsPerson, SourceDown, TryAgain

from .builders import CHA, CON, DANH_MUC, HOME, contract, rows_of

UNITS = contract("don_vi", [("ma", "string")], [], mode="snapshot", cursor=None)
TO = contract("to", [("ma", "string")], [], source=SourceSpec("unit_{member}", None, "don_vi"))
CONTRACTS = {one.dataset: one for one in (CHA, CON, DANH_MUC, UNITS, TO)}
FIRST, LAST = date(2025, 7, 1), date(2025, 9, 30)


@pytest.fixture
def ledger(province):
    """A warehouse whose ledger alone counts here."""
    with province.session() as session:
        session.execute(
            "INSERT INTO core.don_vi (ma_don_vi, _record_key, _source, _source_time, _row_hash, _version, _run_id)"
            " SELECT u, u, 's', now(), gen_random_uuid(), 1, 1 FROM unnest(%s::text[]) AS u",
            [["A", "B"]],
        )
    promoted(province, "don_vi", LAST)
    return province


def promoted(warehouse, dataset, day, sources=None):
    """Write a promoted run of one day into the ledger; ``sources`` by state."""
    window = Window.of_day(day)
    with warehouse.session() as session:
        run = session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end, state, extracted, inserted, updated, unchanged,"
            " superseded, quarantined, deleted, enqueued, closed_at, partial)"
            " VALUES (%s, %s, %s, 'promoted', 0, 0, 0, 0, 0, 0, 0, 0, clock_timestamp(), %s) RETURNING run_id",
            [dataset, window.start, window.end, sources is not None and len(sources) == 1],
        ).fetchone()["run_id"]
        for source, state in (sources or {"s": "landed"}).items():
            session.execute(
                "INSERT INTO ops.batches (run_id, source, state, rows) VALUES (%s, %s, %s, 5)", [run, source, state]
            )
    return run


def look_ahead(warehouse, *datasets, first=FIRST, last=LAST, **how):
    with warehouse.session() as session:
        return preview(session, HOME, CONTRACTS, Request(datasets, first, last, **how))


def asked(warehouse, *datasets, **how):
    found = look_ahead(warehouse, *datasets, **how)
    with warehouse.session() as session:
        return queue.ask(session, HOME, found, "người vận hành")


def state_of(warehouse, number):
    with warehouse.session() as session:
        return queue.listed(session, HOME, backfill_id=number)[0]


@dataclass
class Airflow:
    """Airflow's side: one active backfill a dataset; a test moves it on."""

    backfills: dict = field(default_factory=dict)
    begun: list = field(default_factory=list)
    running: int = 0
    foreign: set = field(default_factory=set)
    dies: str = ""

    def active(self, dataset):
        if dataset in self.foreign:
            return Begun(0, False, False, {})
        return next((b for name, b in self.backfills.values() if name == dataset and not b.over), None)

    def found(self, airflow_id):
        return self.backfills[airflow_id][1]

    def begin(self, part, ours, *, newest_first):
        if self.active(part.dataset):
            return None
        number = len(self.backfills) + 1
        self.backfills[number] = (part.dataset, Begun(number, False, False, ours))
        self.begun.append((part.dataset, part.first, part.last, newest_first))
        if self.dies == "begun":
            self.dies = ""
            raise TryAgain("killed before it was noted")
        return number

    def _change(self, airflow_id, **how):
        name, found = self.backfills[airflow_id]
        self.backfills[airflow_id] = (name, replace(found, **how))

    def pause(self, airflow_id):
        self._change(airflow_id, paused=True)

    def go_on(self, airflow_id):
        self._change(airflow_id, paused=False)

    def cancel(self, airflow_id):
        self._change(airflow_id, over=True)

    def clear_up(self, part):
        return self.running

    def end(self, airflow_id=None):
        for number in [airflow_id] if airflow_id else list(self.backfills):
            self._change(number, over=True)


@dataclass
class Steps:
    """The steps of the pipeline as the feeder uses them; every run of a window is noted in the real ledger."""

    warehouse: object
    ran: list = field(default_factory=list)
    down: tuple = ()
    after: object = None

    def run(self, dataset, window, only=()):
        self.ran.append((dataset, window.day, tuple(only)))
        if window.day in self.down:
            raise SourceDown("no source answered")
        promoted(self.warehouse, dataset, window.day, dict.fromkeys(only, "landed"))
        if self.after:
            self.after()


def feeder(warehouse, airflow, steps=None):
    return Feeder(steps or Steps(warehouse), airflow)


def test_the_first_and_the_last_day_are_local_days_and_both_included(ledger):
    found = look_ahead(ledger, "cha")
    assert [(part.first, part.last, part.days) for part in found.parts] == [(FIRST, LAST, 92)]
    starts = [window.start.isoformat() for window in found.parts[0].windows]
    assert (starts[0], starts[-1]) == ("2025-07-01T00:00:00+07:00", "2025-09-30T00:00:00+07:00")


def test_whole_days_are_left_alone_and_days_that_miss_a_source_are_not(ledger):
    for number in (1, 2, 3, 5):
        promoted(ledger, "cha", date(2025, 7, number), {"s": "landed", "t": "missing" if number == 2 else "landed"})
    found = look_ahead(ledger, "cha", last=date(2025, 7, 6))
    assert [(part.first.day, part.last.day) for part in found.parts] == [(2, 2), (4, 4), (6, 6)]
    assert (found.costs[0].to_run, found.costs[0].whole, found.costs[0].rows) == (3, 3, 30)
    again = look_ahead(ledger, "cha", last=date(2025, 7, 6), reprocess=True, newest_first=True)
    assert [(part.first.day, part.last.day) for part in again.parts] == [(1, 6)]
    backwards = look_ahead(ledger, "cha", last=date(2025, 7, 6), newest_first=True)
    assert [part.first.day for part in backwards.parts] == [6, 4, 2]


def test_what_it_refers_to_must_be_there_or_be_asked_for(ledger):
    with pytest.raises(NeedsPerson, match=r"con of 2025-07-02 refers to cha, which is not promoted for 2025-07-02"):
        look_ahead(ledger, "con", last=date(2025, 7, 2))
    both = look_ahead(ledger, "con", "cha", last=date(2025, 7, 2))
    assert [part.dataset for part in both.parts] == ["cha", "con"]
    promoted(ledger, "cha", date(2025, 7, 1))
    promoted(ledger, "cha", date(2025, 7, 2))
    assert [part.dataset for part in look_ahead(ledger, "con", last=date(2025, 7, 2)).parts] == ["con"]


def test_a_list_that_the_days_refer_to_comes_along_until_it_is_there(ledger):
    with ledger.session() as session:
        session.execute("DELETE FROM ops.batches")
        session.execute("DELETE FROM ops.runs")
    found = look_ahead(ledger, "to", last=date(2025, 7, 3))
    assert [(part.dataset, part.first.day, part.last.day) for part in found.parts] == [("don_vi", 3, 3), ("to", 1, 3)]
    promoted(ledger, "don_vi", date(2025, 7, 3))
    assert [part.dataset for part in look_ahead(ledger, "to", last=date(2025, 7, 3)).parts] == ["to"]


def test_what_is_read_whole_is_read_for_the_last_day_only(ledger):
    assert [(part.first, part.last) for part in look_ahead(ledger, "danh_muc").parts] == [(LAST, LAST)]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"datasets": ["hồ sơ"]}, "There is no dataset 'hồ sơ'"),
        ({"datasets": ["to"], "units": ("H15.7",)}, "H15.7: no unit of don_vi has this code"),
        ({"datasets": ["cha"], "units": ("A",)}, "read from one source"),
        ({"datasets": ["cha"], "first": LAST, "last": FIRST}, "from an earlier to a later one"),
    ],
)
def test_a_request_that_cannot_end_well_is_refused(ledger, how, words):
    with pytest.raises(NeedsPerson, match=words):
        look_ahead(ledger, *how.pop("datasets"), **how)


def test_a_day_is_not_in_the_queue_twice(ledger):
    number = asked(ledger, "cha", last=date(2025, 7, 10))
    with pytest.raises(NeedsPerson, match=f"already asked for by backfill {number}"):
        asked(ledger, "cha", first=date(2025, 7, 10), last=date(2025, 7, 12))
    asked(ledger, "cha", first=date(2025, 7, 11), last=date(2025, 7, 12))
    asked(ledger, "to", units=("A",), last=date(2025, 7, 3))
    asked(ledger, "to", units=("B",), last=date(2025, 7, 3))
    with pytest.raises(NeedsPerson, match="already asked for"):
        asked(ledger, "to", last=date(2025, 7, 1))


def test_airflow_is_given_one_part_of_a_dataset_at_a_time(ledger):
    for day in (3, 6):
        promoted(ledger, "cha", date(2025, 7, day))
    number = asked(ledger, "cha", "con", last=date(2025, 7, 7))
    airflow = Airflow()
    assert feeder(ledger, airflow).look().open == 4
    assert [(name, first.day, last.day) for name, first, last, _ in airflow.begun] == [("cha", 1, 2), ("con", 1, 7)]
    airflow.end(1)
    feeder(ledger, airflow).look()
    feeder(ledger, airflow).look()
    assert [(name, first.day, last.day) for name, first, last, _ in airflow.begun][2:] == [("cha", 4, 5)]
    for _ in range(4):
        airflow.end()
        left = feeder(ledger, airflow).look().open
    assert left == 0
    found = state_of(ledger, number)
    assert found.state == "done"
    assert found.promoted == 0
    assert [day.day for name, day in found.failed if name == "cha"] == [1, 2, 4, 5, 7], "no day was promoted"


def test_killed_after_airflow_has_begun_it_is_found_again_and_not_begun_twice(ledger):
    number = asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow(dies="begun")
    with pytest.raises(TryAgain):
        feeder(ledger, airflow).look()
    feeder(ledger, airflow).look()
    assert len(airflow.begun) == 1
    assert state_of(ledger, number).parts[0].airflow_id == 1


def test_it_waits_for_a_backfill_that_somebody_began_in_airflow(ledger):
    asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow(foreign={"cha"})
    fed = feeder(ledger, airflow).look()
    assert airflow.begun == []
    assert "waits for another backfill" in fed.notes[0]
    airflow.foreign.clear()
    assert feeder(ledger, airflow).look().open == 1
    assert len(airflow.begun) == 1


def test_paused_it_begins_nothing_and_resumed_it_goes_on(ledger):
    number = asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow()
    feeder(ledger, airflow).look()
    with ledger.session() as session:
        queue.pause(session, number, "a")
    feeder(ledger, airflow).look()
    assert airflow.backfills[1][1].paused
    assert feeder(ledger, airflow).look().open == 0, "nobody need look at what is paused"
    with ledger.session() as session, pytest.raises(NeedsPerson, match="only one that is open can be paused"):
        queue.pause(session, number, "a")
    with ledger.session() as session:
        queue.resume(session, number, "a")
    feeder(ledger, airflow).look()
    assert not airflow.backfills[1][1].paused
    acts = rows_of(ledger, "SELECT act FROM ops.backfill_acts ORDER BY act_id")
    assert [act for (act,) in acts] == ["asked", "paused", "resumed"]


def test_cancelled_the_running_day_ends_and_the_days_can_be_asked_for_again(ledger):
    number = asked(ledger, "cha", "con", last=date(2025, 7, 2))
    airflow = Airflow(running=1)
    feeder(ledger, airflow).look()
    with ledger.session() as session:
        queue.cancel(session, number, "a")
    assert feeder(ledger, airflow).look().open == 2, "a day still runs"
    airflow.running = 0
    assert feeder(ledger, airflow).look().open == 0
    assert state_of(ledger, number).state == "cancelled"
    assert all(found.over for _, found in airflow.backfills.values())
    assert asked(ledger, "cha", last=date(2025, 7, 2)) == number + 1


def test_some_units_are_walked_day_by_day_and_a_day_that_fails_is_named(ledger):
    days = [date(2025, 7, 1) + timedelta(days=n) for n in range(3)]
    number = asked(ledger, "to", units=("A",), last=days[-1])
    steps = Steps(ledger, down=(days[1],))
    assert feeder(ledger, Airflow(), steps).look().open == 0
    assert steps.ran == [("to", day, ("A",)) for day in days]
    found = state_of(ledger, number)
    assert (found.state, found.promoted, found.failed) == ("done", 2, [("to", days[1])])
    left = look_ahead(ledger, "to", units=("A",), last=days[-1])
    assert [(part.first, part.last) for part in left.parts] == [(days[1], days[1])]


def test_a_walk_that_is_paused_goes_on_where_it_stopped(ledger):
    number = asked(ledger, "to", units=("A",), last=date(2025, 7, 4))
    steps = Steps(ledger)

    def pause_once():
        steps.after = None
        with ledger.session() as session:
            queue.pause(session, number, "a")

    steps.after = pause_once
    feeder(ledger, Airflow(), steps).look()
    assert [day.day for _, day, _ in steps.ran] == [1]
    with ledger.session() as session:
        queue.resume(session, number, "a")
    feeder(ledger, Airflow(), steps).look()
    assert [day.day for _, day, _ in steps.ran] == [1, 2, 3, 4]
    assert state_of(ledger, number).state == "done"
