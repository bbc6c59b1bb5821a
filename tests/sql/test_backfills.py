"""A backfill runs exactly what its preview lists, once, whatever is killed, paused or cancelled on the way."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from lienthong import orchestration
from lienthong.backfill import queue, task
from lienthong.backfill.airflow import AirflowBackfills, Begun
from lienthong.backfill.feed import Feeder
from lienthong.backfill.plan import Part, Request, preview
from lienthong.batches import Window
from lienthong.commands import backfill as command
from lienthong.contracts import SourceSpec
from lienthong.errors import NeedsPerson, SourceDown, TryAgain
from lienthong.warehouse import ledger as run_ledger
from lienthong.warehouse.statements import statement

from ..unit.airflow_server import PASSWORD, FakeAirflow, serving
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
    paused_dags: set = field(default_factory=set)
    dies: str = ""

    def paused(self, dataset):
        return dataset in self.paused_dags

    def active(self, dataset):
        if dataset in self.foreign:
            return Begun(0, False, False, {})
        return next((b for name, b in self.backfills.values() if name == dataset and not b.over), None)

    def found(self, airflow_id):
        return self.backfills[airflow_id][1] if airflow_id in self.backfills else None

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

    def clear_up(self, part, ours):
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
    backfills: set = field(default_factory=set)
    after: object = None

    def run(self, dataset, window, only=(), *, backfill=None):
        self.ran.append((dataset, window.day, tuple(only)))
        self.backfills.add(backfill)
        if window.day in self.down:
            raise SourceDown("no source answered")
        promoted(self.warehouse, dataset, window.day, dict.fromkeys(only, "landed"))
        if self.after:
            self.after()


def feeder(warehouse, airflow, steps=None):
    return Feeder(steps or Steps(warehouse), airflow)


def walk(warehouse, steps):
    """Look until no day is walked any more."""
    while (fed := feeder(warehouse, Airflow(), steps).look()).walked:
        pass
    return fed


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
    assert "killed before" in str(feeder(ledger, airflow).look().troubles[0])
    assert [(part.state, part.airflow_id) for part in state_of(ledger, number).parts] == [("running", None)]
    feeder(ledger, airflow).look()
    assert len(airflow.begun) == 1
    assert state_of(ledger, number).parts[0].airflow_id == 1


def test_killed_after_airflow_has_begun_it_and_over_by_now_it_is_not_run_again(ledger):
    number = asked(ledger, "cha", last=date(2025, 7, 1))
    airflow = Airflow(dies="begun")
    feeder(ledger, airflow).look()
    promoted(ledger, "cha", date(2025, 7, 1))
    airflow.end()
    assert feeder(ledger, airflow).look().open == 0
    assert (len(airflow.begun), state_of(ledger, number).state) == (1, "done")


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
    assert walk(ledger, steps).open == 0
    assert steps.ran == [("to", day, ("A",)) for day in [*days, days[1]]], "it is asked once more at the end"
    assert steps.backfills == {number}
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
    walk(ledger, steps)
    assert [day.day for _, day, _ in steps.ran] == [1]
    with ledger.session() as session:
        queue.resume(session, number, "a")
    walk(ledger, steps)
    assert [day.day for _, day, _ in steps.ran] == [1, 2, 3, 4]
    assert state_of(ledger, number).state == "done"


def test_a_walk_goes_one_day_a_look_behind_what_airflow_runs(ledger):
    asked(ledger, "to", units=("A",), last=date(2025, 7, 2))
    asked(ledger, "cha", last=date(2025, 7, 2))
    airflow, steps = Airflow(), Steps(ledger)
    steps.after = lambda: steps.backfills.add(len(airflow.begun))
    fed = feeder(ledger, airflow, steps).look()
    assert (fed.walked, [day.day for _, day, _ in steps.ran]) == (True, [1])
    assert steps.backfills == {1}, "Airflow had its part before the day was walked"


def test_a_source_that_was_down_among_others_is_asked_alone_at_the_end(ledger):
    number = asked(ledger, "to", units=("A", "B"), last=date(2025, 7, 2))
    steps = Steps(ledger)

    def lose_a():
        if len(steps.ran) == 1:
            with ledger.session() as session:
                session.execute("UPDATE ops.batches SET state = 'missing' WHERE source = 'A'")

    steps.after = lose_a
    assert walk(ledger, steps).open == 0
    assert [(day.day, only) for _, day, only in steps.ran] == [(1, ("A", "B")), (2, ("A", "B")), (1, ("A",))]
    assert (state_of(ledger, number).promoted, state_of(ledger, number).failed) == (2, [])


def test_what_is_cancelled_before_it_began_has_ended(ledger):
    promoted(ledger, "cha", date(2025, 7, 2))
    number = asked(ledger, "cha", last=date(2025, 7, 3))
    airflow = Airflow()
    feeder(ledger, airflow).look()
    with ledger.session() as session:
        queue.end(session, number, 1)
        queue.cancel(session, number, "a")
    found = state_of(ledger, number)
    assert [part.state for part in found.parts] == ["done", "cancelled"]
    assert found.ended_at is not None
    with ledger.session() as session:
        assert queue.listed(session, HOME, open_only=True) == []


@pytest.mark.parametrize("units", [(), ("A",)])
@pytest.mark.parametrize(("stop", "state"), [(queue.cancel, "cancelled"), (queue.pause, "waiting")])
def test_stopped_while_a_look_is_at_it_nothing_begins(ledger, units, stop, state):
    number = asked(ledger, "to", units=units, last=date(2025, 7, 2))
    airflow, steps = Airflow(), Steps(ledger)
    listed = feeder(ledger, airflow, steps)._listed()
    with ledger.session() as session:
        stop(session, number, "a")
    fed = Late(steps, airflow, listed).look()
    assert (airflow.begun, steps.ran, fed.walked) == ([], [], False)
    assert [part.state for part in state_of(ledger, number).parts] == [state]


class Late(Feeder):
    """A look that listed the backfills before a person did something."""

    def __init__(self, pipeline, airflow, listed):
        super().__init__(pipeline, airflow)
        self.listed = listed

    def _listed(self):
        return self.listed


def test_one_that_airflow_lost_waits_again_and_keeps_nobody_from_his_own(ledger):
    first = asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow()
    feeder(ledger, airflow).look()
    airflow.backfills.clear()  # its database was made anew
    assert feeder(ledger, airflow).look().open == 1
    assert [part.state for part in state_of(ledger, first).parts] == ["waiting"]
    feeder(ledger, airflow).look()
    airflow.backfills[1] = ("cha", Begun(1, False, False, {"backfill": 99, "part": 1}))  # and has another's under it
    with ledger.session() as session:
        queue.cancel(session, first, "a")
    assert feeder(ledger, airflow).look().open == 0
    assert state_of(ledger, first).ended_at is not None
    assert not airflow.backfills[1][1].over, "what is not ours is left alone"


def test_an_error_at_one_is_told_and_the_others_go_on(ledger):
    first = asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow()
    feeder(ledger, airflow).look()
    asked(ledger, "danh_muc", last=date(2025, 7, 2))

    def refused(airflow_id):
        raise NeedsPerson("Airflow refused it.")

    airflow.found = refused
    fed = feeder(ledger, airflow).look()
    assert [name for name, *_ in airflow.begun] == ["cha", "danh_muc"]
    assert fed.notes == (f"Backfill {first} could not be looked after: Airflow refused it.",)


def test_what_nothing_else_waits_for_fails_the_task(ledger, monkeypatch):
    asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow(dies="begun")
    monkeypatch.setattr(task, "AirflowBackfills", lambda api: airflow)
    connection = ledger.connection
    with pytest.raises(TryAgain, match="killed before"):
        task.look(Steps(ledger), connection)
    assert task.look(Steps(ledger), connection).open == 1


def test_a_dag_that_a_person_paused_stays_paused(ledger):
    number = asked(ledger, "cha", last=date(2025, 7, 2))
    airflow = Airflow(paused_dags={"cha"})
    fed = feeder(ledger, airflow).look()
    assert airflow.begun == []
    assert fed.open == 1
    assert "its DAG ingest.cha is paused" in fed.notes[0]
    assert [part.state for part in state_of(ledger, number).parts] == ["waiting"]


class Api:
    """Airflow's list of runs, a hundred at a time."""

    def __init__(self, runs):
        self.runs, self.deleted = runs, []

    def call(self, method, path, body=None, *, parameters=None, conflict=False, missing=False):
        if method == "DELETE":
            self.deleted.append(path.rpartition("/")[2])
            return {}
        found = [run for run in self.runs if run["state"] == parameters["state"]]
        start = parameters["offset"]
        return {"dag_runs": found[start : start + parameters["limit"]], "total_entries": len(found)}


def test_after_a_cancel_only_our_own_runs_that_never_began_are_removed():
    ours, others = {"backfill": 1, "part": 1}, {"backfill": 2, "part": 1}
    runs = [
        {
            "dag_run_id": f"r{n}",
            "conf": ours if n % 3 else others,
            "state": "failed",
            "start_date": None if n % 2 else "x",
        }
        for n in range(250)
    ]
    runs += [{"dag_run_id": "now", "conf": ours, "state": "running", "start_date": "x"}]
    runs += [{"dag_run_id": "theirs", "conf": None, "state": "running", "start_date": "x"}]
    api = Api(runs)
    part = Part("cha", date(2025, 7, 1), date(2025, 7, 9))
    assert AirflowBackfills(api).clear_up(part, ours) == 1
    assert api.deleted == [f"r{n}" for n in range(250) if n % 3 and n % 2]


# What is held


DAY = date(2025, 7, 1)


def opened(session, dataset, day, backfill=None, **how):
    return run_ledger.open_run(session, dataset, Window.of_day(day), ["s"], backfill=backfill, **how).run_id


def handed_over(session, run_id, key, dataset="cha"):
    """The outbox's part of a promote, of one record that is new."""
    session.execute("DROP TABLE IF EXISTS pg_temp.delta, pg_temp.gone")
    session.execute(
        "CREATE TEMP TABLE delta AS SELECT %s::text AS _record_key, %s::text AS _order_key,"
        " NULL::bigint AS _old_version, 'inserted' AS _action",
        [key, key],
    )
    session.execute("CREATE TEMP TABLE gone AS SELECT * FROM delta WHERE false")
    session.execute(
        statement(HOME, "warehouse/promote_outbox"), {"endpoints": ["e"], "dataset": dataset, "run_id": run_id}
    )


def held_back(warehouse):
    query = "SELECT record_key FROM publish.outbox WHERE next_attempt_at = 'infinity' ORDER BY 1"
    return [key for (key,) in rows_of(warehouse, query)]


def test_held_is_what_its_own_runs_promote_and_nothing_else(ledger):
    one, other = asked(ledger, "to", units=("A",), last=DAY, held=True), asked(ledger, "to", units=("B",), last=DAY)
    for key, backfill in (("A", one), ("B", other), ("daily", None)):
        with ledger.session() as session:
            run_id = opened(session, "to", DAY, backfill)
            handed_over(session, run_id, key, "to")
            session.execute("DELETE FROM ops.batches")
            session.execute(
                "UPDATE ops.runs SET state = 'promoted', extracted = 0, inserted = 0, updated = 0, unchanged = 0,"
                " superseded = 0, quarantined = 0 WHERE run_id = %s", [run_id]
            )  # fmt: skip
    assert held_back(ledger) == ["A"]
    assert (state_of(ledger, one).waiting_to_leave, state_of(ledger, other).waiting_to_leave) == (1, 0)
    with ledger.session() as session:
        assert queue.release(session, HOME, other, "a") == 0
    assert held_back(ledger) == ["A"]
    with ledger.session() as session:
        assert queue.release(session, HOME, one, "a") == 1
    assert held_back(ledger) == []
    assert (state_of(ledger, one).held, state_of(ledger, one).waiting_to_leave) == (False, 0)


def test_cancelled_it_stays_held_until_somebody_releases_it(ledger):
    number = asked(ledger, "cha", last=DAY, held=True)
    with ledger.session() as session:
        handed_over(session, opened(session, "cha", DAY, number), "K")
        queue.cancel(session, number, "a")
    assert (held_back(ledger), state_of(ledger, number).waiting_to_leave) == (["K"], 1)


def test_a_release_waits_for_a_promote_that_is_under_way(ledger):
    number = asked(ledger, "cha", last=DAY, held=True)
    with ledger.session() as session:
        run_id = opened(session, "cha", DAY, number)
    released = []

    def release():
        with ledger.session() as session:
            released.append(queue.release(session, HOME, number, "a"))

    thread = threading.Thread(target=release)
    with ledger.session() as session:
        handed_over(session, run_id, "K")
        thread.start()
        wait_until(lambda: released or rows_of(ledger, "SELECT FROM pg_locks WHERE NOT granted"))
        assert released == []
    thread.join(10)
    assert released == [1]
    assert held_back(ledger) == []
    with ledger.session() as session:
        handed_over(session, run_id, "L")
    assert held_back(ledger) == [], "what comes later is released as well"


def wait_until(happened):
    until = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_run_that_is_resumed_loses_no_hold(ledger):
    held, free = asked(ledger, "cha", last=DAY, held=True), asked(ledger, "danh_muc", last=DAY)

    def of(session, run_id):
        return session.execute("SELECT backfill_id FROM ops.runs WHERE run_id = %s", [run_id]).fetchone()["backfill_id"]

    with ledger.session() as session:
        run_id = opened(session, "cha", DAY)
        assert of(session, run_id) is None
        assert opened(session, "cha", DAY, 12345) == run_id
        assert of(session, run_id) is None, "no backfill has this number"
        opened(session, "cha", DAY, free)
        assert of(session, run_id) == free
        opened(session, "cha", DAY, held)
        opened(session, "cha", DAY)
        opened(session, "cha", DAY, free)
        assert of(session, run_id) == held
        assert of(session, run_ledger.open_redrive(session, "cha", Window.of_day(DAY))) == held, "rows of its window"


# Who is told when


@pytest.fixture
def away(monkeypatch, tmp_path):
    """No embedded services; an Airflow that only a connection leads to."""
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))
    with serving(FakeAirflow(["backfills", "ingest.cha", "ingest.con"])) as airflow:
        port = airflow.address.rpartition(":")[2]
        monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW", f"http://admin:{PASSWORD}@127.0.0.1:{port}")
        yield airflow


def test_away_from_the_embedded_services_the_connection_wakes_the_queue(away):
    away.dags["ingest.con"]["paused"] = True
    told = command.wake(["cha", "con"])
    assert "Airflow looks at it now" in told
    assert told.endswith("Paused in Airflow, so that their days wait: ingest.con.")
    assert [dag for dag, _ in away.runs] == ["backfills"]
    away.dags["backfills"]["paused"] = True
    away.runs.clear()
    assert "DAG backfills is paused" in command.wake()
    assert (away.runs, away.dags["backfills"]["paused"]) == ({}, True)


def test_without_a_way_to_airflow_the_next_look_is_named(away, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_AIRFLOW")
    assert "make up" in command.wake()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://u@db.example/w")
    assert "every quarter of an hour" in command.wake()


@pytest.mark.parametrize(("conf", "number"), [({"backfill": 7, "part": 2}, 7), ({}, None), (None, None)])
def test_a_task_learns_whose_run_it_is_from_its_dag_run(monkeypatch, conf, number):
    monkeypatch.setattr(orchestration, "get_current_context", lambda: {"dag_run": SimpleNamespace(conf=conf)})
    assert orchestration.backfill() == number
