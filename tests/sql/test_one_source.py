"""A dataset of one source loses no day on which that was away, and its problem ends when nothing more is to be read."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lienthong import steps
from lienthong.contracts import SourceSpec
from lienthong.errors import SourceDown
from lienthong.settings import Settings
from lienthong.sources.shapes import Shape
from lienthong.sources.text import require_columns
from lienthong.steps import Pipeline
from lienthong.warehouse.migrations import migrate

from .builders import CHA, DANH_MUC, at, day, rows_of
from .test_problems import clock

SO = replace(CHA, source=SourceSpec("nguon", None, None), endpoints=())


class World:
    """One source that can be away or have another column, and the pipeline that reads it."""

    def __init__(self, warehouse, contract, monkeypatch):
        migrate(warehouse, [contract])
        clock(warehouse, 2025, 9, 5, 8)
        monkeypatch.setattr(steps, "SECOND_TRY_AFTER", 0.0)
        monkeypatch.setattr(steps, "source_of", lambda *_: SimpleNamespace(read=self.read))
        self.warehouse, self.contract, self.state, self.reads = warehouse, contract, "", []
        self.pipeline = Pipeline(Settings.from_env(), {contract.dataset: contract}, warehouse, lambda name: None)

    def read(self, contract, window):
        number = window.local_start.day
        self.reads.append(number)
        if self.state == "down":
            raise SourceDown("tắt")
        added = ["moi"] if self.state == "drift" else []
        require_columns(contract, "nguon", Shape.header([*contract.names, *added]))
        yield [("1", "x")] if contract is DANH_MUC else [(f"k{number}", "2", at(number))]

    def run(self, *numbers, state=""):
        """Run the windows as their DAG does; one of which nothing comes fails."""
        self.state = state
        for number in numbers:
            if state:
                with pytest.raises(SourceDown):
                    self.pipeline.run(self.contract.dataset, day(number))
            else:
                self.pipeline.run(self.contract.dataset, day(number))
        self.state = ""

    def wait(self):
        """Until the retries of every DAG are over."""
        with self.warehouse.session() as session:
            session.execute("UPDATE ops.batches SET read_at = read_at - interval '11 minutes'")

    def problems(self):
        return rows_of(self.warehouse, "SELECT kind FROM ops.problems WHERE closed_at IS NULL")


@pytest.mark.parametrize("mode", ["incremental", "append"])
@pytest.mark.parametrize(("state", "kind"), [("down", "source_down"), ("drift", "schema_drift")])
def test_a_day_that_its_only_source_missed_is_read_late(warehouse, monkeypatch, mode, state, kind):
    world = World(warehouse, replace(SO, mode=mode), monkeypatch)
    world.run(1)
    world.run(2, 2, state=state)
    world.run(3)
    assert world.problems() == [(kind,)]
    world.wait()
    assert [done.inserted for done in world.pipeline.run_late(14)] == [1]
    assert rows_of(warehouse, "SELECT ma FROM core.cha ORDER BY 1") == [("k1",), ("k2",), ("k3",)]
    assert world.problems() == []
    assert rows_of(warehouse, "SELECT count(*) FROM ops.runs WHERE state = 'open'") == [(0,)]
    assert world.pipeline.run_late(14) == []


def test_a_day_that_its_own_dag_still_tries_is_left_to_it(warehouse, monkeypatch):
    world = World(warehouse, SO, monkeypatch)
    world.run(1)
    world.run(2, state="down")
    world.reads.clear()
    assert world.pipeline.run_late(14) == []
    assert world.reads == []


@pytest.mark.parametrize("state", ["down", "drift"])
def test_what_is_read_whole_owes_nothing_older_than_what_it_gave_last(warehouse, monkeypatch, state):
    world = World(warehouse, DANH_MUC, monkeypatch)
    world.run(1)
    world.run(2, 3, state=state)
    world.run(2)
    assert len(world.problems()) == 1, "the newest is still owed"
    world.run(4)
    assert world.problems() == []
    world.wait()
    world.reads.clear()
    assert world.pipeline.run_late(14) == []
    assert world.reads == [], "what is gone is not asked for"
