"""A held row has a way back, each step of it is in the ledger of transitions, and nothing of it is ever deleted."""

import dataclasses
import itertools
from datetime import timedelta

import pytest

from lienthong import steps
from lienthong.connections import Connection
from lienthong.contracts import SourceSpec
from lienthong.errors import NeedsPerson, SourceDown, TryAgain
from lienthong.quality import judging
from lienthong.quality.great import Found
from lienthong.settings import ROOT, Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import Warehouse, held, waivers
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.quarantine import Selection, ask_redrive

from .builders import CHA, CON, DANH_MUC, at, day, rows_of, rule

# con: a row waits for its father, and may have to wait again until the father changes.
CON = dataclasses.replace(
    CON,
    rules=(
        *CON.rules,
        rule("ma_duy_nhat", "unique", "ma"),
        rule("cha_chan", "sql", "ma_cha", dataset="cha", by="ma_cha",
             expression="NOT EXISTS (SELECT FROM core.cha r WHERE r.ma_cha = t.ma_cha AND r.gia_tri % 2 = 1)"),
    ),
)  # fmt: skip
CHA = dataclasses.replace(
    CHA,
    key=("ma_cha",),
    order_key="ma_cha",
    columns=(dataclasses.replace(CHA.columns[0], name="ma_cha"), *CHA.columns[1:]),
    rules=(
        rule("ma_bat_buoc", "required", "ma_cha"),
        rule("ma_dung_dang", "matches", "ma_cha", pattern="^[A-Z0-9]+$"),
        rule("gia_tri_dung_kieu", "type", "gia_tri", type="integer"),
        rule("luc_dung_kieu", "type", "luc", type="timestamp"),
        rule("ma_duy_nhat", "unique", "ma_cha"),
        rule("gia_tri_nho", "between", "gia_tri", min=0, max=100),
        rule("gia_tri_khong_13", "sql", "gia_tri", expression="t.gia_tri <> 13 AND t.gia_tri <> 913"),
        rule("khong_tuong_lai", "not_future", "luc"),
    ),
)
CON = dataclasses.replace(
    CON, rules=tuple(dataclasses.replace(r, arguments={**r.arguments, "column": "ma_cha"}) if r.kind == "exists_in"
                     else r for r in CON.rules),
)  # fmt: skip
# A list that every unit gives whole.
BANG = dataclasses.replace(DANH_MUC, dataset="bang", delete_brake=1.0)
ALL = [CHA, CON, DANH_MUC, BANG]
UNITS = ("H15.1", "H15.2")


class World:
    """The pipeline as it is, but its sources are lists in this process: ``rows[dataset, unit, day]``."""

    def __init__(self, warehouse, contracts=ALL):
        self.warehouse = warehouse
        self.rows = {}
        self.down = set()
        self.reads = []
        contracts = [
            dataclasses.replace(one, source=SourceSpec("{member}", None, "danh_muc"))
            if one is not DANH_MUC and one.source.for_each is None else one
            for one in contracts
        ]  # fmt: skip
        self.pipeline = Pipeline(
            Settings(ROOT, ROOT / "var", "H15", 1, 1), {one.dataset: one for one in contracts}, warehouse, Connection
        )

    def with_contract(self, contract):
        """The same world with another wording of one contract."""
        kept = self.pipeline.contracts
        changed = dataclasses.replace(contract, source=kept[contract.dataset].source)
        self.pipeline = dataclasses.replace(self.pipeline, contracts={**kept, contract.dataset: changed})

    def read(self, dataset, unit, window):
        self.reads.append((dataset, unit, window.day.day))
        if unit in self.down:
            raise SourceDown("tắt")
        return [self.rows.get((dataset, unit, window.day.day), [])]

    def give(self, dataset, number, rows, unit="H15.1"):
        self.rows[dataset, unit, number] = rows

    def run(self, dataset, number):
        self.reads.clear()
        done = self.pipeline.run(dataset, day(number))
        assert unbalanced(self.warehouse) == []
        return done

    def play(self, dataset, number, rows, unit="H15.1"):
        self.give(dataset, number, rows, unit)
        return self.run(dataset, number)

    def redrive(self, dataset, **chosen):
        done = self.pipeline.redrive_rows(dataset, by="An", **chosen)
        assert unbalanced(self.warehouse) == []
        return done

    def waive(self, key, *rules, source="H15.1", days=30, reason="Công văn 12/UBND", by="Bình"):
        return self.pipeline.waive(
            "cha", source=source, record_key=key, rules=rules, reason=reason, by=by,
            until=self.now() + timedelta(days=days),
        )  # fmt: skip

    def now(self):
        return rows_of(self.warehouse, "SELECT ops.moment()")[0][0]

    def clock(self, number):
        """It is two in the morning after the day."""
        with self.warehouse.session() as session:
            session.execute("DELETE FROM ops.clock")
            session.execute("INSERT INTO ops.clock VALUES (true, %s)", [day(number).end + timedelta(hours=2)])

    def held(self, dataset="cha"):
        return rows_of(
            self.warehouse,
            "SELECT record_key, state, rules FROM quarantine.rows WHERE dataset = %s ORDER BY 1, source, place",
            dataset,
        )

    def story(self, key):
        return rows_of(
            self.warehouse,
            "SELECT from_state, to_state, rules, actor FROM quarantine.transitions WHERE record_key = %s"
            " ORDER BY transition_id", key,
        )  # fmt: skip

    def core(self, dataset="cha"):
        name, value = ("ma_cha", "gia_tri::int") if dataset == "cha" else ("ma", "ma_cha")
        return rows_of(
            self.warehouse, f"SELECT {name}, {value} FROM core.{dataset} WHERE _deleted_at IS NULL ORDER BY 1"
        )

    def outbox(self):
        return rows_of(
            self.warehouse, "SELECT record_key, version FROM publish.outbox WHERE state = 'pending' ORDER BY 1"
        )

    def content(self):
        """Everything that a repetition may not change."""
        tables = ("core.cha", "history.cha", "core.con", "quarantine.rows", "quarantine.transitions", "publish.outbox")
        return [
            rows_of(self.warehouse, f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {t} t") for t in tables
        ]


def unbalanced(warehouse):
    return rows_of(
        warehouse,
        "SELECT run_id, state FROM ops.runs WHERE state = 'promoted'"
        " AND extracted <> inserted + updated + unchanged + superseded + quarantined",
    )


@pytest.fixture(scope="module")
def prepared(new_database):
    """A database with the schema and the two units of this file, to be copied."""
    with new_database() as connection:
        warehouse = Warehouse(connection, ROOT)
        units = dataclasses.replace(
            DANH_MUC,
            columns=(*DANH_MUC.columns, *(
                dataclasses.replace(DANH_MUC.columns[0], name=name, type="date")
                for name in ("hieu_luc_tu", "hieu_luc_den")
            )),
        )  # fmt: skip
        migrate(warehouse, [CHA, CON, units, BANG])
        with warehouse.session() as session:
            for unit in UNITS:
                session.execute(
                    "INSERT INTO core.danh_muc (ma, ten, _record_key, _source, _source_time, _row_hash, _version,"
                    " _run_id) VALUES (%(u)s, %(u)s, %(u)s, 's', '2025-07-01', gen_random_uuid(), 1, 1)",
                    {"u": unit},
                )
        yield connection.schema


@pytest.fixture
def empty(new_database, prepared):
    """A warehouse with the schema of this file."""
    with new_database(prepared) as connection:
        yield Warehouse(connection, ROOT)


@pytest.fixture
def judged(empty, monkeypatch):
    """A world in which Great Expectations judges too; it takes a second a run."""
    made = World(empty)
    monkeypatch.setattr(steps, "SECOND_TRY_AFTER", 0.0)
    monkeypatch.setattr(Pipeline, "_read", lambda self, contract, window, name: reading(made, contract, window, name))
    return made


@pytest.fixture
def world(judged, monkeypatch):
    """A world in which the split's own counts take the place of Great Expectations', which have their own tests."""

    def counts(url, table, contract, window, *_):
        marks = table.replace("__typed", "__marks")
        return Found(
            {
                found.id: rows_of(
                    judged.warehouse, f'SELECT count(*) FROM landing."{marks}" WHERE ({bits}) & {1 << place} <> 0'
                )[0][0]
                for rules, bits in ((contract.rejecting, "broken | waived"), (contract.warning, "warned"))
                for place, found in enumerate(rules)
            },
            None,
        )

    monkeypatch.setattr(judging, "expect", counts)
    return judged


def reading(world, contract, window, name):
    unit = next((unit for unit in UNITS if unit.lower().replace(".", "_") == name), name)
    try:
        yield from world.read(contract.dataset, unit, window)
    except SourceDown as error:
        raise steps._SourceFailed(error) from None


# -- identity and the ledger of transitions


def test_a_held_row_keeps_where_it_stood_and_when_it_came(world):
    world.clock(1)
    world.play("cha", 1, [("A", "1", at(1)), ("B", "900", at(1))])
    [row] = rows_of(
        world.warehouse,
        "SELECT record_key, line, window_start, first_seen = ops.moment() AS first, last_seen = ops.moment() AS last"
        " FROM quarantine.rows",
    )
    assert row == ("B", 2, day(1).start, True, True)
    world.clock(2)
    world.play("cha", 2, [("B", "901", at(2))])
    [row] = rows_of(world.warehouse, "SELECT line, window_start, last_seen - first_seen FROM quarantine.rows")
    assert row == (1, day(2).start, timedelta(days=1))


def test_every_step_of_a_row_is_written_and_repeating_a_window_writes_none(world):
    world.play("cha", 1, [("B", "900", at(1))])
    world.play("cha", 2, [("B", "x", at(2))])
    world.play("cha", 3, [("B", "5", at(3))])
    world.play("cha", 4, [("B", "13", at(4))])
    assert world.story("B") == [
        (None, "open", ["gia_tri_nho"], "pipeline"),
        ("open", "open", ["gia_tri_dung_kieu"], "pipeline"),
        ("open", "corrected", ["gia_tri_dung_kieu"], "pipeline"),
        ("corrected", "open", ["gia_tri_khong_13"], "pipeline"),
    ]
    runs = rows_of(world.warehouse, "SELECT run_id FROM ops.runs ORDER BY run_id")
    assert rows_of(world.warehouse, "SELECT run_id FROM quarantine.transitions ORDER BY transition_id") == runs
    before = world.content()
    for number in (1, 2, 3, 4):
        world.run("cha", number)
    assert world.content() == before


@pytest.mark.parametrize("table", ["rows", "transitions", "waivers"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET record_key = 'x'"])
def test_nothing_is_deleted_and_nothing_becomes_another(world, table, verb):
    world.play("cha", 1, [("B", "900", at(1))])
    world.waive("B", "gia_tri_nho")
    before = rows_of(world.warehouse, f"SELECT count(*), min(record_key) FROM quarantine.{table}")
    with pytest.raises(NeedsPerson), world.warehouse.session() as session:
        session.execute(verb.format(f"quarantine.{table}"))
    assert rows_of(world.warehouse, f"SELECT count(*), min(record_key) FROM quarantine.{table}") == before


DAYS = {
    1: [("A", "900", at(1)), ("b", "1", at(1)), (None, "1", at(1)), ("D", "901", at(1)), ("D", "902", at(1))],
    2: [("A", "5", at(2)), ("B", "1", at(2)), ("C", "13", at(2)), ("D", "1", at(2))],
    3: [("A", "900", at(3)), ("C", "13", at(3)), ("E", "x", at(3))],
}


@pytest.mark.parametrize("order", list(itertools.permutations(DAYS)))
def test_days_in_any_order_hold_the_same_rows(world, order):
    for number in order:
        world.play("cha", number, DAYS[number])
    found = rows_of(
        world.warehouse,
        "SELECT split_part(record_key, ':', 1) AS key, place, state, rules[1], to_char(window_start, 'FMDD') AS day,"
        " line FROM quarantine.rows",
    )
    assert sorted(found    ) == [
        ("A", 1, "open", "gia_tri_nho", "3", 1), ("C", 1, "open", "gia_tri_khong_13", "3", 2),
        ("D", 1, "corrected", "ma_duy_nhat", "1", 4), ("D", 2, "corrected", "ma_duy_nhat", "1", 5),
        ("E", 1, "open", "gia_tri_dung_kieu", "3", 3), ("b", 1, "open", "ma_dung_dang", "1", 2),
        ("row", 1, "open", "ma_bat_buoc", "1", 3),
    ]  # fmt: skip
    steps_of = "SELECT DISTINCT from_state, to_state FROM quarantine.transitions WHERE to_state <> 'open'"
    assert rows_of(world.warehouse, steps_of) == [("open", "corrected")]


# -- closing by itself


def test_a_row_corrected_without_a_new_time_closes_and_opens_again_when_it_is_broken_again(world):
    world.play("cha", 1, [("A", "900", at(1))])
    world.play("cha", 1, [("A", "9", at(1))])
    assert world.held() == [("A", "corrected", ["gia_tri_nho"])]
    world.play("cha", 1, [("A", "901", at(1))])
    assert world.held() == [("A", "open", ["gia_tri_nho"])]
    assert world.core() == [("A", 9)]


def test_a_row_that_its_source_no_longer_gives_is_withdrawn_and_may_come_back(world):
    world.play("cha", 1, [("a!", "1", at(1)), (None, "2", at(1)), ("B", "900", at(1)), ("C", "x", at(1))])
    world.play("cha", 1, [("A", "1", at(1)), ("B", "900", at(1))])
    states = {key.split(":")[0]: state for key, state, _ in world.held()}
    assert states == {"a!": "withdrawn", "row": "withdrawn", "B": "open", "C": "withdrawn"}
    world.play("cha", 1, [("C", "x", at(1))])
    assert [(before, after) for before, after, _, _ in world.story("C")] == [
        (None, "open"), ("open", "withdrawn"), ("withdrawn", "open"),
    ]  # fmt: skip


def test_a_source_that_gives_nothing_withdraws_nothing(world):
    world.give("cha", 1, [("X", "900", at(1))], "H15.2")
    world.play("cha", 1, [("B", "900", at(1))])
    world.down = {"H15.2"}
    world.play("cha", 1, [])
    assert [(key, state) for key, state, _ in world.held()] == [("B", "withdrawn"), ("X", "open")]


def test_a_later_version_in_another_window_is_not_withdrawn_with_the_first(world):
    world.play("cha", 1, [("A", "900", at(1))])
    world.play("cha", 2, [("A", "901", at(2))])
    world.play("cha", 1, [])
    assert world.held() == [("A", "open", ["gia_tri_nho"])]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_snapshot_withdraws_what_its_newest_window_no_longer_holds(world, order):
    units = [(unit, unit) for unit in UNITS]
    days = {1: [("K", None), ("L", None), ("M", "m")], 2: [("L", None), ("M", "m"), ("N", "n")]}
    for number in order:
        world.give("danh_muc", number, units + days[number], "nguon")
        world.run("danh_muc", number)
    assert world.held("danh_muc") == [("K", "withdrawn", ["ten_bat_buoc"]), ("L", "open", ["ten_bat_buoc"])]


def test_a_redrive_of_a_snapshot_deletes_nothing_and_does_not_pass_for_a_newer_list(world):
    many = [(f"{n}", f"tên {n}") for n in (*UNITS, *range(30))]
    world.give("danh_muc", 1, [*many, ("K", None)], "nguon")
    world.run("danh_muc", 1)
    kept = rows_of(world.warehouse, "SELECT count(*) FROM core.danh_muc WHERE _deleted_at IS NULL")
    world.with_contract(dataclasses.replace(DANH_MUC, rules=DANH_MUC.rules[:1]))
    [done] = world.redrive("danh_muc")
    assert (done.inserted, done.deleted) == (1, 0)
    assert rows_of(world.warehouse, "SELECT count(*) FROM core.danh_muc WHERE _deleted_at IS NULL") == [
        (kept[0][0] + 1,)
    ]
    assert rows_of(world.warehouse, "SELECT _source_time FROM core.danh_muc WHERE ma = 'K'") == [(day(1).local_end,)]


def test_a_run_that_reads_only_some_sources_deletes_nothing_of_the_others(world):
    world.give("bang", 1, [("A", "a"), ("B", "b")])
    world.give("bang", 1, [("Y", "y"), ("Z", "z")], "H15.2")
    world.run("bang", 1)
    world.down = {"H15.2"}
    world.give("bang", 2, [("A", "a"), ("B", "b")])
    assert world.run("bang", 2).deleted == 0
    world.down = set()
    late = world.play("bang", 2, [("Y", "y")], "H15.2")
    assert (late.extracted, late.deleted) == (1, 0)
    assert world.run("bang", 2).deleted == 1, "read whole again, it shows what is gone"


# -- reading again


def test_a_key_corrected_at_the_source_closes_the_old_name_in_the_next_window(world):
    world.give("cha", 1, [("Z", "1", at(1))], "H15.2")
    world.play("cha", 1, [("a!", "1", at(1)), (None, "2", at(1)), ("B", "900", at(1))])
    marks = rows_of(world.warehouse, "SELECT source, window_end FROM ops.watermarks WHERE dataset = 'cha' ORDER BY 1")
    world.give("cha", 1, [("B", "900", at(1))])
    world.play("cha", 2, [("A", "1", at(2)), ("C", "2", at(2))])
    assert world.reads == [("cha", "H15.1", 2), ("cha", "H15.2", 2), ("cha", "H15.1", 1)]
    assert {key.split(":")[0]: state for key, state, _ in world.held()} == {
        "a!": "withdrawn", "row": "withdrawn", "B": "open",
    }  # fmt: skip
    now = rows_of(world.warehouse, "SELECT source, window_end FROM ops.watermarks WHERE dataset = 'cha' ORDER BY 1")
    assert [end for _, end in now] == [end + timedelta(days=1) for _, end in marks]


def test_a_row_that_is_still_there_is_asked_for_once_a_window_and_changes_nothing(world):
    world.play("cha", 1, [("a!", "1", at(1))])
    world.play("cha", 2, [])
    assert ("cha", "H15.1", 1) in world.reads
    before = world.content()
    world.run("cha", 2)
    assert ("cha", "H15.1", 1) not in world.reads
    world.play("cha", 3, [])
    assert world.reads.count(("cha", "H15.1", 1)) == 1
    world.play("cha", 16, [])
    assert ("cha", "H15.1", 1) not in world.reads, "fourteen days are over"
    assert world.content() == before


def test_nothing_to_read_again_opens_no_run(world):
    world.play("cha", 1, [("B", "900", at(1))])
    world.play("cha", 2, [])
    assert rows_of(world.warehouse, "SELECT count(*) FROM ops.runs") == [(2,)]


def test_a_source_that_is_down_when_it_is_read_again_costs_nothing_and_is_asked_later(world):
    world.play("cha", 1, [("a!", "1", at(1))])
    world.give("cha", 1, [])
    world.give("cha", 2, [("A", "1", at(2))])
    world.down = {"H15.1"}
    world.give("cha", 2, [("Y", "1", at(2))], "H15.2")
    world.run("cha", 2)
    assert world.held() == [("a!", "open", ["ma_dung_dang"])]
    assert "cha" not in world.pipeline.waits_for("con", day(1)), "what only waits for a source holds nobody up"
    world.down = set()
    world.pipeline.run_late(14)
    assert world.held() == [("a!", "withdrawn", ["ma_dung_dang"])]
    assert [key for key, _ in world.core()] == ["A", "Y"]
    assert rows_of(world.warehouse, "SELECT count(*) FROM ops.runs WHERE state = 'open'") == [(0,)]


def test_reading_one_source_again_does_not_hide_that_another_is_still_missing(world):
    world.down = {"H15.2"}
    world.play("cha", 1, [("a!", "1", at(1))])
    world.give("cha", 1, [("Y", "1", at(1))], "H15.2")
    world.down = set()
    world.play("cha", 2, [])
    assert world.core() == []
    world.pipeline.run_late(14)
    assert world.core() == [("Y", 1)]
    done = len(rows_of(world.warehouse, "SELECT 1 FROM ops.runs"))
    assert world.pipeline.run_late(14) == []
    assert len(rows_of(world.warehouse, "SELECT 1 FROM ops.runs")) == done


def test_a_source_still_down_does_not_hold_up_the_late_windows_after_it(world):
    world.down = {"H15.2"}
    world.play("cha", 1, [("A", "1", at(1))])
    world.down = {"H15.1"}
    world.give("cha", 2, [("B", "1", at(2))])
    world.play("cha", 2, [("C", "1", at(2))], "H15.2")
    world.give("cha", 2, [("B", "1", at(2))])
    world.down = {"H15.2"}
    world.pipeline.run_late(14)
    assert [key for key, _ in world.core()] == ["A", "B", "C"]


def test_a_blocked_source_comes_back_when_it_is_read_again(world):
    rows = [(f"A{n}", "900", at(1)) for n in range(15)] + [(f"B{n}", "1", at(1)) for n in range(10)]
    world.play("cha", 1, rows)
    assert world.core() == []
    assert ("B0", "open", ["nguon_bi_chan"]) in world.held()
    world.give("cha", 1, rows[15:])
    world.play("cha", 2, [(f"A{n}", "9", at(2)) for n in range(15)])
    assert len(world.core()) == 25
    assert {state for _, state, _ in world.held()} == {"corrected"}


def test_an_operator_can_redrive_what_was_held_with_its_whole_source(world):
    rows = [(f"A{n}", "900", at(1)) for n in range(15)] + [(f"B{n}", "1", at(1)) for n in range(10)]
    world.play("cha", 1, rows)
    [done] = world.redrive("cha", rules=["nguon_bi_chan"])
    assert (done.extracted, done.inserted, done.quarantined) == (25, 10, 15)
    assert {rules[0] for _, state, rules in world.held() if state == "open"} == {"gia_tri_nho"}


# -- waiting


def test_a_row_waits_for_the_record_it_refers_to(world):
    world.play("con", 1, [("c1", " A ", at(1)), ("c2", "B", at(1))])
    world.play("cha", 2, [("A", "2", at(2))])
    assert world.core("con") == [("c1", "A")]
    assert world.held("con") == [("c1", "released", ["cha_ton_tai"]), ("c2", "open", ["cha_ton_tai"])]
    redriven = "SELECT window_start, extracted, inserted FROM ops.runs WHERE kind = 'redrive'"
    assert rows_of(world.warehouse, redriven) == [(day(1).start, 1, 1)]


def test_a_row_waits_again_for_the_same_record_to_change_and_only_then_is_judged_again(world):
    world.play("con", 3, [("c1", "A", at(3))])
    world.play("cha", 1, [("A", "1", at(1))])
    assert world.held("con") == [("c1", "open", ["cha_chan"])], "its father is there, but odd"
    runs = "SELECT count(*) FROM ops.runs WHERE kind = 'redrive'"
    done = rows_of(world.warehouse, runs)
    world.run("cha", 1)
    world.play("cha", 2, [("B", "1", at(2))])
    assert rows_of(world.warehouse, runs) == done, "nothing that it refers to has changed"
    world.play("cha", 4, [("A", "2", at(4))])
    assert world.core("con") == [("c1", "A")]
    assert [to for _, to, _, _ in world.story("c1")] == ["open", "open", "released"]


def test_a_row_that_waits_and_breaks_another_rule_does_not_wait(world):
    world.play("con", 1, [(None, "A", at(1))])
    world.play("cha", 1, [("A", "2", at(1))])
    assert [state for _, state, _ in world.held("con")] == ["open"]
    assert rows_of(world.warehouse, "SELECT count(*) FROM ops.runs WHERE kind = 'redrive'") == [(0,)]


def test_a_released_row_that_its_source_gives_again_is_the_same_record(world):
    world.play("con", 1, [("c1", "A", at(1))])
    world.play("cha", 1, [("A", "2", at(1))])
    done = world.run("con", 1)
    assert (done.extracted, done.unchanged) == (1, 1)
    assert world.outbox() == [("A", 1), ("c1", 1)]


def test_rows_are_not_marked_while_a_dataset_that_they_refer_to_is_promoted(world):
    """Else a record that is just coming would be older than the judgement that did not see it, and wait for ever."""
    world.give("con", 1, [("c1", "A", at(1))])
    [lane] = world.pipeline.plan("con", day(1))
    run_id = world.pipeline.extract("con", day(1), lane).run_id
    landing = Landing(world.warehouse, world.pipeline.contract("con"), day(1), run_id)

    def mark(patience):
        with world.warehouse.session() as session:
            session.execute(f"SET lock_timeout = '{patience}'")
            landing.mark(session)

    with world.warehouse.session() as promoting:
        promoting.execute("SELECT pg_advisory_xact_lock(hashtextextended('core.cha', 1))")
        with pytest.raises(TryAgain):
            mark("100ms")
    mark("10s")


# -- redrives


def lenient(limit=1000):
    rules = [dataclasses.replace(r, arguments={"min": 0, "max": limit}) if r.id == "gia_tri_nho" else r
             for r in CHA.rules]  # fmt: skip
    return dataclasses.replace(CHA, rules=tuple(rules))


def test_a_mended_rule_releases_what_it_wrongly_held_and_nothing_else(judged):
    judged.play("cha", 1, [("A", "900", at(1)), ("B", "x", at(1)), ("C", "913", at(1)), ("D", "5000", at(1))])
    judged.play("cha", 2, [("E", "901", at(2))])
    assert judged.redrive("cha", rules=["gia_tri_nho"])[0].inserted == 0
    steps_before = rows_of(judged.warehouse, "SELECT count(*) FROM quarantine.transitions")
    assert steps_before == [(5,)], "a redrive that finds the same writes no step"
    judged.with_contract(lenient())
    done = judged.redrive("cha", rules=["gia_tri_nho"], reason="quy tắc đã sửa")
    assert [(one.window, one.extracted, one.inserted, one.quarantined, one.enqueued) for one in done] == [
        ("2025-09-01", 3, 1, 2, 1), ("2025-09-02", 1, 1, 0, 1),
    ]  # fmt: skip
    assert judged.core() == [("A", 900), ("E", 901)]
    assert judged.outbox() == [("A", 1), ("E", 1)]
    assert judged.held() == [
        ("A", "released", ["gia_tri_nho"]), ("B", "open", ["gia_tri_dung_kieu"]),
        ("C", "open", ["gia_tri_khong_13"]), ("D", "open", ["gia_tri_nho"]), ("E", "released", ["gia_tri_nho"]),
    ]  # fmt: skip
    assert judged.story("A")[-1] == ("open", "released", ["gia_tri_nho"], "An")
    assert judged.story("C")[-1] == ("open", "open", ["gia_tri_khong_13"], "An")
    assert rows_of(judged.warehouse, "SELECT DISTINCT reason FROM quarantine.transitions WHERE actor = 'An'") == [
        ("quy tắc đã sửa",)
    ]
    judged.with_contract(CHA)
    judged.run("cha", 1)
    states = {key: state for key, state, _ in judged.held()}
    assert states == {"A": "released", "B": "open", "C": "open", "D": "open", "E": "released"}, (
        "what was let through is not held again for the same content"
    )


def test_what_a_page_asked_for_is_done_once_by_whoever_comes_next(judged):
    judged.play("cha", 1, [("A", "900", at(1)), ("B", "x", at(1))])
    judged.with_contract(lenient())
    contract, home = judged.pipeline.contracts["cha"], judged.warehouse.home

    def ask():
        with judged.warehouse.session() as session:
            return ask_redrive(session, home, contract, Selection(by="Bình"))

    with judged.warehouse.alone("redrive cha"), pytest.raises(NeedsPerson, match="already"):
        ask()
    assert ask() == 1
    with pytest.raises(NeedsPerson, match="already"):
        ask()
    assert judged.core() == []
    [done] = judged.pipeline.end_redrives()
    assert (done.extracted, done.inserted) == (2, 1)
    assert judged.core() == [("A", 900)]
    assert judged.story("A")[-1] == ("open", "released", ["gia_tri_nho"], "Bình")
    assert judged.pipeline.end_redrives() == []


def test_a_released_row_never_takes_the_place_of_a_newer_version(world):
    world.play("cha", 3, [("A", "3", at(3))])
    world.play("cha", 1, [("A", "900", at(1))])
    assert world.held() == [("A", "corrected", ["gia_tri_nho"])]
    world.play("cha", 5, [("A", "905", at(5))])
    world.with_contract(lenient())
    world.play("cha", 4, [("A", "4", at(4))])
    world.redrive("cha")
    assert world.core() == [("A", 905)]
    world.run("cha", 4)
    assert world.core() == [("A", 905)]


def test_each_row_is_judged_in_the_window_in_which_it_came(world):
    world.play("cha", 1, [("A", "900", at(2))])
    world.play("cha", 5, [])
    world.with_contract(lenient())
    assert [one.inserted for one in world.redrive("cha")] == [0]
    assert world.held() == [("A", "open", ["khong_tuong_lai"])]


def test_twins_are_redriven_together_or_not_at_all(world):
    world.give("cha", 1, [("A", "1", at(1)), ("B", "1", at(1))])
    world.play("cha", 1, [("A", "2", at(1))], "H15.2")
    [done] = world.redrive("cha", sources=["H15.2"])
    assert (done.extracted, done.inserted) == (2, 0)
    assert world.core() == [("B", 1)]


def test_a_redrive_takes_only_what_was_asked_for(world):
    world.give("cha", 1, [("Z", "900", at(1))], "H15.2")
    world.play("cha", 1, [("A", "900", at(1)), ("B", "900", at(1))])
    world.with_contract(lenient())
    assert world.redrive("cha", keys=["C"]) == []
    world.redrive("cha", sources=["H15.1"], keys=["A", "Z"])
    assert world.core() == [("A", 900)]
    world.redrive("cha", sources=["H15.2"])
    assert world.core() == [("A", 900), ("Z", 900)]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"rules": ["gia_tri_nhỏ"]}, "no rejecting rule .* Was gia_tri_nho"),
        ({"sources": ["H15.3"]}, "No source 'H15.3' of cha was ever read. Was H15.[12]"),
    ],
)
def test_an_unknown_rule_or_unit_is_refused_with_what_was_meant(world, chosen, words):
    world.play("cha", 1, [("A", "900", at(1))])
    with pytest.raises(NeedsPerson, match=words):
        world.redrive("cha", **chosen)


def test_a_rule_that_the_contract_no_longer_has_can_still_be_asked_for(world):
    world.play("cha", 1, [("A", "900", at(1))])
    world.with_contract(dataclasses.replace(CHA, rules=tuple(r for r in CHA.rules if r.id != "gia_tri_nho")))
    assert world.redrive("cha", rules=["gia_tri_nho"])[0].inserted == 1


# -- waivers


def test_a_waived_record_is_promoted_published_and_stays_judged(judged):
    judged.play("cha", 1, [("A", "900", at(1)), ("B", "901", at(1))])
    waiver, [done] = judged.waive("A", "gia_tri_nho")
    assert (done.extracted, done.inserted, done.enqueued) == (1, 1, 1)
    assert judged.core() == [("A", 900)]
    assert judged.held() == [("A", "waived", ["gia_tri_nho"]), ("B", "open", ["gia_tri_nho"])]
    [(actor, reason, number)] = rows_of(
        judged.warehouse, "SELECT actor, reason, waiver FROM quarantine.transitions WHERE to_state = 'waived'"
    )
    assert (actor, reason, number) == ("Bình", "Công văn 12/UBND", waiver.waiver_id)
    counted = "SELECT failing FROM ops.verdicts WHERE rule = 'gia_tri_nho' ORDER BY run_id"
    assert rows_of(judged.warehouse, counted) == [(2,), (1,)], "Great Expectations knows no waivers"
    before = judged.content()
    judged.run("cha", 1)
    assert judged.content() == before


def test_while_a_waiver_is_in_force_later_versions_pass_and_then_no_more(world):
    world.clock(1)
    world.play("cha", 1, [("A", "900", at(1))])
    world.waive("A", "gia_tri_nho", days=3)
    world.clock(2)
    world.play("cha", 2, [("A", "902", at(2))])
    assert world.core() == [("A", 902)]
    world.play("cha", 3, [("A", "913", at(3))])
    assert world.held() == [("A", "open", ["gia_tri_khong_13"])], "the waiver is for the other rule"
    world.clock(10)
    world.play("cha", 10, [("A", "910", at(10))])
    assert world.core() == [("A", 902)]
    assert world.held() == [("A", "open", ["gia_tri_nho"])]
    world.run("cha", 2)
    assert world.core() == [("A", 902)], "what was promoted stays"


def test_a_waiver_in_force_closes_a_row_as_waived_when_its_other_fault_is_corrected(world):
    world.play("cha", 1, [("A", "913", at(1))])
    world.waive("A", "gia_tri_nho")
    assert world.held() == [("A", "open", ["gia_tri_khong_13"])]
    world.play("cha", 2, [("A", "914", at(2))])
    assert world.held() == [("A", "waived", ["gia_tri_khong_13"])]
    assert world.core() == [("A", 914)]


def test_a_waiver_taken_back_holds_the_next_version(world):
    world.play("cha", 1, [("A", "900", at(1))])
    waiver, _ = world.waive("A", "gia_tri_nho")
    with world.warehouse.session() as session:
        found = waivers.revoke(session, waiver.waiver_id, "Chi")
        assert waivers.revoke(session, waiver.waiver_id, "Dung") == found
        assert waivers.waivers(session, "cha", in_force=True) == []
    world.play("cha", 2, [("A", "902", at(2))])
    assert world.core() == [("A", 900)]
    assert world.held() == [("A", "open", ["gia_tri_nho"])]
    assert [to for _, to, _, _ in world.story("A")] == ["open", "waived", "open"]


def test_a_waiver_is_for_one_unit_and_one_record(world):
    world.give("cha", 1, [("A", "900", at(1))])
    world.run("cha", 1)
    world.waive("A", "gia_tri_nho")
    world.give("cha", 2, [("B", "902", at(2))])
    world.give("cha", 2, [("A", "902", at(2))], "H15.2")
    world.run("cha", 2)
    assert world.core() == [("A", 900)]


@pytest.mark.parametrize(
    ("key", "rules", "changes", "words"),
    [
        ("A", ["gia_tri_khong_13"], {}, "does not break 'gia_tri_khong_13'; it breaks gia_tri_nho"),
        ("A", [], {}, "names the rules"),
        ("A", ["gia_tri_nho"], {"reason": " ngắn quá "}, "reason of at least 10 characters, found 8"),
        ("A", ["gia_tri_nho"], {"by": "  "}, "name of the person"),
        ("A", ["gia_tri_nho"], {"days": 0}, "ends after today"),
        ("A", ["gia_tri_nho"], {"days": 367}, "within 366 days"),
        ("A", ["gia_tri_nho"], {"source": "H15.2"}, "no open row 'A' of H15.2"),
        ("G", ["gia_tri_nho"], {}, "no open row 'G' of H15.1"),
        ("B", ["gia_tri_dung_kieu"], {}, "kind type.* can never be waived"),
        ("C", ["ma_duy_nhat"], {}, "kind unique.* can never be waived"),
        ("row", ["ma_bat_buoc"], {}, "has no key of its own"),
    ],
)
def test_a_waiver_that_cannot_be_is_refused_with_the_reason(world, key, rules, changes, words):
    world.play(
        "cha", 1, [("A", "900", at(1)), ("B", "x", at(1)), ("C", "1", at(1)), ("C", "2", at(1)), (None, "1", at(1))]
    )
    if key == "row":
        [(key,)] = rows_of(world.warehouse, "SELECT record_key FROM quarantine.rows WHERE record_key LIKE 'row:%%'")
    with pytest.raises(NeedsPerson, match=words):
        world.waive(key, *rules, **changes)
    assert rows_of(world.warehouse, "SELECT count(*) FROM quarantine.waivers") == [(0,)]


def test_the_pseudo_rule_of_a_blocked_source_cannot_be_waived(world):
    rows = [(f"A{n}", "900", at(1)) for n in range(15)] + [(f"B{n}", "1", at(1)) for n in range(10)]
    world.play("cha", 1, rows)
    with pytest.raises(NeedsPerson, match="the whole source of 'B0' was held"):
        world.waive("B0", "nguon_bi_chan")


def test_a_rule_that_holds_a_whole_source_cannot_be_waived_for_one_record(world):
    rules = [dataclasses.replace(r, severity="block") if r.id == "gia_tri_nho" else r for r in CHA.rules]
    world.with_contract(dataclasses.replace(CHA, rules=tuple(rules)))
    world.play("cha", 1, [("A", "900", at(1)), ("B", "1", at(1))])
    assert world.core() == []
    with pytest.raises(NeedsPerson, match="'gia_tri_nho' holds a whole source"):
        world.waive("A", "gia_tri_nho")


# -- interruptions


@pytest.mark.parametrize("point", ["judge.before_record", "waive.before_commit", "promote.before_commit"])
@pytest.mark.parametrize("act", ["waive", "redrive"])
def test_stopped_anywhere_the_next_redrive_ends_where_an_undisturbed_one_ends(world, monkeypatch, act, point):
    from lienthong.warehouse import promote

    world.play("cha", 1, [("A", "900", at(1)), ("B", "901", at(1))])
    world.play("cha", 2, [("C", "902", at(2))])
    if act == "redrive":
        world.with_contract(lenient())
    armed = {point}

    def crash(here, subject=""):
        if here in armed:
            armed.discard(here)
            raise KeyboardInterrupt

    for module in (steps, judging, promote):
        monkeypatch.setattr(module, "crashpoint", crash)

    def go():
        if act == "waive":
            world.waive("A", "gia_tri_nho")
        else:
            world.redrive("cha", rules=["gia_tri_nho"])

    if act == "redrive" and point == "waive.before_commit":
        go()
    else:
        with pytest.raises(KeyboardInterrupt):
            go()
    if act == "waive" and point == "waive.before_commit":
        assert rows_of(world.warehouse, "SELECT count(*) FROM quarantine.waivers") == [(0,)]
        go()
    world.pipeline.redrive("cha", day(2))
    assert unbalanced(world.warehouse) == []
    assert rows_of(world.warehouse, "SELECT count(*) FROM ops.runs WHERE state = 'open'") == [(0,)]
    assert rows_of(
        world.warehouse, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'landing'"
    ) == [(0,)]
    if act == "waive":
        assert world.core() == [("A", 900)]
        assert [(to, by) for _, to, _, by in world.story("A")] == [("open", "pipeline"), ("waived", "Bình")]
        assert world.story("B") == [(None, "open", ["gia_tri_nho"], "pipeline")]
    else:
        assert world.core() == [("A", 900), ("B", 901), ("C", 902)]
        assert [(to, by) for _, to, _, by in world.story("C")] == [("open", "pipeline"), ("released", "An")]
    assert len(world.outbox()) == len(world.core())


def test_a_row_that_its_source_gives_anew_while_it_is_redriven_stays_held_as_it_came(world, monkeypatch):
    world.play("cha", 1, [("A", "900", at(1)), ("B", "900", at(1))])
    world.with_contract(lenient())
    real, once = judging.crashpoint, []

    def meanwhile(here, subject=""):
        if here == "judge.before_record" and not once:
            once.append(here)
            world.give("cha", 2, [("A", "x", at(2))])
            for lane in world.pipeline.plan("cha", day(2)):
                world.pipeline.extract("cha", day(2), lane)
            world.pipeline.judge("cha", day(2))
            world.pipeline.promote("cha", day(2))
        real(here, subject)

    monkeypatch.setattr(judging, "crashpoint", meanwhile)
    world.redrive("cha")
    assert world.core() == [("A", 900), ("B", 900)]
    assert world.held() == [("A", "open", ["gia_tri_dung_kieu"]), ("B", "released", ["gia_tri_nho"])]


# -- showing


def test_what_is_listed_shows_names_and_never_a_value(world):
    world.play("cha", 1, [("A", "900901902", at(1)), ("B", "1", at(1)), ("C", "x", at(1))])
    with world.warehouse.session() as session:
        rows = held.listed(session, dataset="cha", rule="gia_tri_nho")
        assert [row["record_key"] for row in rows] == ["A"]
        assert [step["to_state"] for step in held.transitions(session, rows[0])] == ["open"]
        assert held.listed(session, source="H15.2", state=None) == []
        assert held.source_of(session, "cha", "C") == "H15.1"
        with pytest.raises(NeedsPerson, match="no open row 'B'"):
            held.source_of(session, "cha", "B")
    assert "900901902" not in str(rows)
