"""A source that changed is not landed until it is put back or a person accepts it; the others go on."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from psycopg import errors
from typer.testing import CliRunner

from lienthong import steps
from lienthong.alerts.render import render
from lienthong.commands import sources as commands
from lienthong.connections import Connection
from lienthong.contracts import SourceSpec
from lienthong.errors import NeedsPerson, SourceDown
from lienthong.settings import ROOT, Settings
from lienthong.sources.shapes import Drifted, Shape
from lienthong.sources.text import require_columns
from lienthong.steps import Pipeline
from lienthong.warehouse import ledger, problems, shapes
from lienthong.warehouse.migrations import migrate

from .alert_stories import EA_SUP, PROVINCE, Story, said
from .builders import CHA, at, day, rows_of

UNITS = ("H15.1", "H15.2")
RENAMED = "Cột «gia_tri» không còn; có thể đã đổi tên thành «gia_tri_moi»."


class Units:
    """Two units, a SQLite file each, and the real steps; what is read for a day is what stands there for it."""

    def __init__(self, warehouse, folder):
        self.warehouse, self.folder = warehouse, folder
        self.contract = replace(CHA, source=SourceSpec("unit_{member}", None, "danh_muc"))
        migrate(warehouse, [self.contract])
        self.pipeline = Pipeline(
            Settings(ROOT, folder / "var", "H15", 1, 2), {"cha": self.contract}, warehouse, self.connection
        )
        for unit in UNITS:
            self.change(unit, "CREATE TABLE cha (ma TEXT, gia_tri INTEGER, luc TEXT)")
            for number in (1, 2, 3):
                self.change(unit, f"INSERT INTO cha VALUES ('{unit}-{number}', 2, '{at(number)}')")

    def connection(self, name):
        return Connection(name, "sqlite", host=str(self.folder / f"{name}.sqlite"))

    def change(self, unit, statement):
        name = self.contract.source.name_for(unit)
        with closing(sqlite3.connect(self.folder / f"{name}.sqlite", isolation_level=None)) as database:
            database.execute(statement)

    def run(self, number):
        return self.pipeline.run("cha", day(number))

    def accept(self, unit, reason="Công văn 12/STC", **named):
        with self.warehouse.session() as session:
            return shapes.accept(session, self.pipeline.contracts["cha"], unit, by="Lê Văn Tám", reason=reason, **named)

    def core(self):
        return {key for (key,) in rows_of(self.warehouse, "SELECT _record_key FROM core.cha")}

    def open(self):
        return rows_of(
            self.warehouse, "SELECT kind, source, details FROM ops.problems WHERE closed_at IS NULL ORDER BY 1, 2"
        )


@pytest.fixture
def units(warehouse, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "SECOND_TRY_AFTER", 0.0)
    monkeypatch.setattr(Pipeline, "_sources", lambda *_: UNITS)
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path / "var"))
    units = Units(warehouse, tmp_path)
    units.run(1)
    assert units.core() == {"H15.1-1", "H15.2-1"}
    return units


def test_the_first_shape_is_accepted_by_being_landed(units):
    found = rows_of(units.warehouse, "SELECT source, accepted_by, reason, columns FROM ops.shapes ORDER BY 1")
    columns = [["ma", "text"], ["gia_tri", "integer"], ["luc", "text"]]
    assert found == [(unit, "pipeline", shapes.FIRST, columns) for unit in UNITS]
    units.run(2)
    assert len(rows_of(units.warehouse, "SELECT FROM ops.shapes")) == 2
    assert rows_of(units.warehouse, "SELECT count(*) FROM ops.batches WHERE shape_id IS NULL") == [(0,)]


def test_a_changed_source_is_blocked_alone_and_closes_when_it_is_put_back(units):
    units.change("H15.1", "ALTER TABLE cha RENAME COLUMN gia_tri TO gia_tri_moi")
    units.run(2)
    assert units.core() == {"H15.1-1", "H15.2-1", "H15.2-2"}, "the other unit goes on, nothing of this one is deleted"
    [(state, code, reason)] = rows_of(
        units.warehouse,
        "SELECT state, reason_code, reason FROM ops.batches WHERE source = 'H15.1' AND state <> 'landed'",
    )
    assert (state, code) == ("missing", "nguon_thay_doi")
    assert f"\n  - {RENAMED}\n" in reason
    [(kind, source, details)] = units.open()
    assert (kind, source, details["lines"]) == ("schema_drift", "H15.1", [RENAMED])
    assert "Hợp đồng" in details["proposal"] or "Sửa tên" in details["proposal"]

    units.run(3)
    assert units.open()[0][2]["windows"] == 2
    units.change("H15.1", "ALTER TABLE cha RENAME COLUMN gia_tri_moi TO gia_tri")
    assert [done.window for done in units.pipeline.run_late(14)] == ["2025-09-02", "2025-09-03"]
    assert units.open() == []
    assert units.core() >= {"H15.1-2", "H15.1-3"}
    with units.warehouse.session() as session:
        assert [kept for kept in shapes.listed(session) if kept.accepted_at is None] == [], "nothing waits any more"
        with pytest.raises(NeedsPerson, match="no changed shape of 'H15.1' waits"):
            shapes.accept(session, units.contract, "H15.1", by="An", reason="Công văn 12/STC")


def test_a_change_that_a_person_accepts_is_landed_and_noted(units):
    units.change("H15.1", "ALTER TABLE cha ADD COLUMN ghi_chu VARCHAR(20)")
    units.run(2)
    assert units.open()[0][2]["lines"] == ["Cột «ghi_chu» mới xuất hiện, kiểu varchar(20)."]
    with pytest.raises(NeedsPerson, match="a reason of at least 10 characters"):
        units.accept("H15.1", reason="ừ")
    with pytest.raises(NeedsPerson, match=r"no changed shape of 'H15\.2' waits"):
        units.accept("H15.2")
    kept = units.accept("H15.1")
    assert (kept.accepted_by, kept.reason) == ("Lê Văn Tám", "Công văn 12/STC")
    assert units.open(), "until it was read again"
    units.pipeline.run_late(14)
    assert units.open() == []
    assert "H15.1-2" in units.core()
    units.run(1)
    assert units.open() == [], "an earlier window is read with the shape of today"
    # the other unit has not changed: the same column is new there
    units.change("H15.2", "ALTER TABLE cha ADD COLUMN ghi_chu VARCHAR(20)")
    units.run(3)
    assert [(kind, source) for kind, source, _ in units.open()] == [("schema_drift", "H15.2")]


def test_what_lacks_a_column_of_the_contract_cannot_be_accepted_before_the_contract_is_changed(units):
    units.change("H15.1", "ALTER TABLE cha RENAME COLUMN gia_tri TO gia_tri_moi")
    units.run(2)
    with pytest.raises(NeedsPerson, match="no longer gives gia_tri, which the contract reads"):
        units.accept("H15.1")
    less = replace(
        units.contract,
        columns=tuple(column for column in units.contract.columns if column.name != "gia_tri"),
        rules=tuple(rule for rule in units.contract.rules if "gia_tri" not in rule.columns),
    )
    units.pipeline = replace(units.pipeline, contracts={"cha": less})
    units.pipeline.run_late(14)
    assert units.open(), "the contract alone lets nothing pass: somebody says yes to the source"
    units.accept("H15.1")
    units.pipeline.run_late(14)
    assert units.open() == []


def test_several_changes_that_wait_are_told_apart(units):
    units.change("H15.1", "ALTER TABLE cha ADD COLUMN ghi_chu TEXT")
    units.run(2)
    units.change("H15.1", "ALTER TABLE cha ADD COLUMN so_nha TEXT")
    units.run(3)
    with units.warehouse.session() as session:
        newest, older = (kept.shape_id for kept in shapes.listed(session, "cha", "H15.1") if kept.accepted_at is None)
    with pytest.raises(NeedsPerson, match=rf"several shapes that wait \({newest}, {older}\)"):
        units.accept("H15.1")
    units.accept("H15.1", shape_id=newest)
    units.pipeline.run_late(14)
    assert units.open() == []
    assert units.core() >= {"H15.1-2", "H15.1-3"}


def test_an_older_file_that_is_read_again_hides_no_change_that_waits(units, monkeypatch):
    """Files of before keep their first line; that one of them is read again does not put the source back."""

    class Files:
        def read(self, contract, window):
            later = ["moi"] if window.local_start.day >= 3 else []
            require_columns(contract, "nguon", Shape.header(["ma", "gia_tri", "luc", *later]))
            yield [("H15.1-9", "2", str(at(window.local_start.day)))]

    monkeypatch.setattr(steps, "source_of", lambda *_: Files())
    monkeypatch.setattr(Pipeline, "_sources", lambda *_: ("H15.9",))
    units.run(2)
    with pytest.raises(SourceDown):
        units.run(3)
    units.run(2)
    assert units.accept("H15.9").shape.names == ("ma", "gia_tri", "luc", "moi")


def test_held_rows_are_judged_again_while_their_source_is_blocked(units):
    units.change("H15.1", f"INSERT INTO cha VALUES ('x', 900, '{at(2)}')")
    units.run(2)
    units.change("H15.1", "ALTER TABLE cha RENAME COLUMN gia_tri TO gia_tri_moi")
    units.run(3)
    wider = replace(
        units.contract,
        rules=tuple(rule for rule in units.contract.rules if rule.id != "gia_tri_nho"),
    )
    units.pipeline = replace(units.pipeline, contracts={"cha": wider})
    [done] = units.pipeline.redrive_rows("cha", by="An", reason="quy tắc đã sửa")
    assert (done.extracted, done.quarantined) == (1, 0)
    assert "x" in units.core()
    assert [(kind, source) for kind, source, _ in units.open()] == [("schema_drift", "H15.1")]


def test_a_source_that_is_down_after_it_changed_keeps_what_was_seen(units):
    units.change("H15.1", "ALTER TABLE cha DROP COLUMN gia_tri")
    units.run(2)
    path = units.folder / "unit_h15_1.sqlite"
    away = path.rename(units.folder / "away")
    units.run(3)
    assert [(kind, details.get("lines")) for kind, _, details in units.open()] == [
        ("schema_drift", ["Cột «gia_tri» không còn."]), ("source_down", None),
    ]  # fmt: skip
    away.rename(path)


def test_what_was_accepted_is_never_rewritten(units):
    for statement in (
        "DELETE FROM ops.shapes",
        "TRUNCATE ops.shapes CASCADE",
        "UPDATE ops.shapes SET accepted_by = 'ai đó'",
        "UPDATE ops.shapes SET columns = '[]'",
    ):
        with pytest.raises(NeedsPerson, match="P0001"):
            rows_of(units.warehouse, statement)
    assert errors.RaiseException.sqlstate == "P0001"


def test_whatever_stands_in_a_first_line_can_be_kept_and_compared_at_once(units):
    odd = ["ma", "gia_tri", "luc", "a\x00b", "\ud800", "x" * 1_000_000, *(f"cột {number}" for number in range(990))]
    with units.warehouse.session() as session:
        run_id = ledger.open_run(session, "cha", day(5), ["H15.3"]).run_id
        gate = shapes.gate(session, units.contract, "H15.3")
        gate.hear(Shape.header(odd))
        shapes.keep(session, run_id, gate)
        with pytest.raises(Drifted) as drift:
            shapes.gate(session, units.contract, "H15.3").hear(Shape.header(["ma", *(name[::-1] for name in odd)]))
        shapes.note_missing(session, units.contract, "H15.3", run_id, drift.value)
    assert len(drift.value.lines) == 20
    assert rows_of(units.warehouse, "SELECT count(*) FROM ops.shapes WHERE source = 'H15.3'") == [(2,)]


# -- what people read


HIDDEN = "Nguyễn Thị Mật 066090900001"


def told_of(warehouse, contract, unit, window):
    """A dossier system that was accepted shows other columns: as the extract step notes it."""
    names = [(name, "text") for name in contract.names]
    before = Shape.declared(names)
    after = Shape.declared(
        [(name, "varchar(9)" if name == "email" else kind) for name, kind in names if name != "trich_yeu"]
        + [(HIDDEN, "text"), ("trich_yeu_moi", "text")]
    )
    with warehouse.session() as session:
        first = ledger.open_run(session, contract.dataset, day(4), [unit])
        gate = shapes.gate(session, contract, unit)
        gate.hear(before)
        ledger.mark_landed(session, first.run_id, unit, 0, 0.0)
        shapes.keep(session, first.run_id, gate)
        plan = ledger.open_run(session, contract.dataset, window, [unit])
        with pytest.raises(Drifted) as drift:
            shapes.gate(session, contract, unit).hear(after)
        ledger.mark_missing(session, plan.run_id, unit, "nguon_thay_doi", str(drift.value), 0.0)
        shapes.note_missing(session, contract, unit, plan.run_id, drift.value)
        problems.note_source(session, contract, window, plan.run_id, unit)
    return drift.value


def test_the_unit_reads_the_difference_and_the_data_team_the_change_of_the_contract(province, contracts):
    story = Story(province, contracts).at(8)
    unit = story.contact(EA_SUP)
    story.contact("")
    assert story.tick() == {}
    told_of(province, contracts["ho_so"], EA_SUP, day(7))
    letter = story.at(8, 8, 2).tick()[unit]
    assert said(letter) == ("immediate", [("new", "schema_drift", "ho_so", EA_SUP)])
    assert letter.told[0].proposal == ()
    rendered = render(letter)
    lines = [
        "Cột «trich_yeu» không còn; có thể đã đổi tên thành «trich_yeu_moi».",
        "mới xuất hiện, kiểu text.",
        "Cột «email» bị thu hẹp: text → varchar(9).",
    ]
    for shown in (" ".join(rendered.text.split()), rendered.html):
        for line in lines:
            assert line in shown
        assert "hợp đồng dữ liệu" not in shown.lower().replace("đề xuất", ""), "not the unit's affair"
    team = story.at(9, 7, 30).tick()[PROVINCE]
    shown = render(team)
    for text in (shown.text, shown.html):
        assert "Đề xuất sửa hợp đồng dữ liệu" in text
        assert "+      - name: trich_yeu_moi" in text
        assert "-      - name: trich_yeu" in text
    everything = json.dumps([letter.to_json(), team.to_json()], ensure_ascii=False) + rendered.text + shown.text
    assert "Mật" not in everything
    assert "066090900001" not in everything
    assert "(tên đã che)" in rendered.text


@pytest.fixture
def drifted(province, contracts, monkeypatch, tmp_path):
    """Ea Súp's dossiers wait with another shape, and an environment in which the commands find the warehouse."""
    told_of(province, contracts["ho_so"], EA_SUP, day(7))
    given = province.connection
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": given.host, "login": given.login, "schema": given.schema}),
    )
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))
    return contracts["ho_so"]


def run(*words, fails=False):
    result = CliRunner().invoke(commands.app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == int(fails), result.output
    assert "Mật" not in result.output
    return " ".join(result.output.split())


def test_the_commands_show_what_changed_and_take_a_word_for_it(drifted, province):
    shown = run("show")
    assert f"ho_so of {EA_SUP}: changed" in shown
    assert "- Cột «email» bị thu hẹp: text → varchar(9)." in shown
    assert "+ - name: trich_yeu_moi" in shown
    [found] = json.loads(CliRunner().invoke(commands.app, ["show", "ho_so", "--json"]).output)
    assert len(found["differences"]) == 3
    assert "accepted by pipeline" in run("shape", "ho_so")
    assert "changed, waits" in run("shape", "ho_so", EA_SUP)
    told = run("accept", "ho_so", EA_SUP, "--by", "Tổ dữ liệu", "--reason", "Công văn 5/UBND", fails=True)
    assert "no longer gives trich_yeu, which the contract reads" in told
    back = Shape.declared([*((name, "text") for name in drifted.names), ("them", "text")])
    with province.session() as session:
        plan = ledger.open_run(session, "ho_so", day(8), [EA_SUP])
        with pytest.raises(Drifted) as drift:
            shapes.gate(session, drifted, EA_SUP).hear(back)
        shapes.note_missing(session, drifted, EA_SUP, plan.run_id, drift.value)
    [newest, _] = json.loads(CliRunner().invoke(commands.app, ["show", "--json"]).output)
    number = str(newest["shape_id"])
    words = ("accept", "ho_so", EA_SUP, "--by", "Tổ dữ liệu", "--reason", "Công văn 5/UBND")
    assert "several shapes that wait" in run(*words, fails=True)
    assert "by Tổ dữ liệu." in run(*words, "--shape", number)
    assert "accepted by Tổ dữ liệu: Công văn 5/UBND" in run("shape", "ho_so", EA_SUP)
    assert "There is no dataset 'x'" in run("shape", "x", fails=True)
