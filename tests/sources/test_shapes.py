"""Each kind of source tells its shape before its first row, and each kind of difference is seen and told in words."""

import shutil
import subprocess

import pytest

from lienthong.contracts import load
from lienthong.settings import ROOT
from lienthong.sources import source_of
from lienthong.sources.columntypes import compared
from lienthong.sources.proposals import proposed
from lienthong.sources.shapes import Change, Drifted, Gate, Shape, differences, shown

from ..sql.builders import CHA, at, day
from .kit import xlsx_of
from .suite import ROWS
from .test_files import DropStage
from .test_rest import RestStage
from .test_tables import PostgresStage, SqliteStage

NAMES = ("ma", "gia_tri", "luc", "them")
PERSON = "036090123456"


class XlsxStage(DropStage):
    ending = "xlsx"

    def made(self, rows):
        return xlsx_of([(*row, "") for row in rows], names=dict.fromkeys(self.names, "text"))


class Rest(RestStage):
    def found(self, asked):
        return [{**dict.fromkeys(self.columns), **row} for row in super().found(asked)]


@pytest.fixture(params=["sqlite", "postgres", "csv", "xlsx", "rest"])
def stage(request, tmp_path):
    if request.param in ("csv", "xlsx"):
        (tmp_path / "drops").mkdir()
        yield {"csv": DropStage, "xlsx": XlsxStage}[request.param](tmp_path / "drops")
    elif request.param == "rest":
        made = Rest()
        yield made
        made.stop()
    elif request.param == "postgres":
        yield PostgresStage(request.getfixturevalue("database"))
    else:
        yield SqliteStage(tmp_path)


def heard(stage, *accepted, contract=CHA):
    """The shape that a reading tells; or what stopped it, and then not one row was given."""
    gate, parts, drift = Gate(contract, stage.connection.name, accepted), [], None
    with gate.listening():
        try:
            parts.extend(source_of(stage.connection).read(contract, day(1)))
        except Drifted as stopped:
            drift = stopped
    assert bool(parts) == (drift is None), "a difference is known before the first row"
    return drift or gate.heard


def test_every_kind_tells_its_columns_and_reads_on_when_nothing_changed(stage):
    stage.put(ROWS)
    shape = heard(stage)
    assert shape.names == NAMES
    types = {
        "sqlite": ("text", "integer", "text", "text"),
        "postgres": ("text", "integer", "timestamp without time zone", "text"),
    }
    assert tuple(type_ for _, type_ in shape.columns) == types.get(stage.connection.kind, ("",) * 4)
    assert heard(stage, shape) == shape
    assert len(list(source_of(stage.connection).read(CHA, day(1)))) == 1, "nobody has to listen"


def test_a_renamed_column_is_seen_as_such_and_no_value_is_told(stage):
    stage.put([(PERSON, 7, at(1))])
    before = heard(stage)
    stage.rename("gia_tri", "gia_tri_moi")
    drift = heard(stage, before)
    assert drift.lines == ["Cột «gia_tri» không còn; có thể đã đổi tên thành «gia_tri_moi»."]
    assert PERSON not in str(drift)
    stage.rename("gia_tri_moi", "gia_tri")
    assert heard(stage, before) == before, "put back, it is read again"


def test_a_column_that_no_contract_reads_counts_too(stage):
    stage.put(ROWS)
    before = heard(stage)
    stage.rename("them", "so_nha")
    changes = [(change.kind, change.new) for change in heard(stage, before).changes]
    if stage.connection.kind == "http":  # a service may leave out what has no value: nobody knows whether it is gone
        assert changes == [("added", "so_nha")]
    else:
        assert changes == [("renamed", "so_nha")], "same place"


@pytest.fixture(params=["sqlite", "postgres"])
def table(request, tmp_path):
    if request.param == "postgres":
        stage = PostgresStage(request.getfixturevalue("database"))
        stage.run("DROP TABLE c_1.cha")
        stage.name = "c_1.cha"
    else:
        stage = SqliteStage(tmp_path)
        stage.run("DROP TABLE cha")
        stage.name = "cha"
    return stage


BASE = "ma varchar(20) NOT NULL, gia_tri int, luc timestamp, gia numeric(10,2)"


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        (BASE, []),
        ("gia numeric(10,2), luc timestamp, gia_tri int, ma varchar(20) NOT NULL", []),
        (BASE + ", ghi_chu varchar(9)", ["Cột «ghi_chu» mới xuất hiện, kiểu {text}(9)."]),
        (BASE.replace(", gia numeric(10,2)", ""), ["Cột «gia» không còn."]),
        (BASE.replace("(20)", "(50)"), ["Cột «ma» được nới rộng: {text}(20) not null → {text}(50) not null."]),
        (BASE.replace("(20)", "(10)"), ["Cột «ma» bị thu hẹp: {text}(20) not null → {text}(10) not null."]),
        (BASE.replace(" NOT NULL", ""), ["Cột «ma» được nới rộng: {text}(20) not null → {text}(20)."]),
        (BASE.replace("tri int", "tri bigint"), ["Cột «gia_tri» được nới rộng: {int} → bigint."]),
        (BASE.replace("tri int", "tri text"), ["Cột «gia_tri» đổi kiểu dữ liệu: {int} → text."]),
        (BASE.replace("(10,2)", "(12,1)"), ["Cột «gia» bị thu hẹp: numeric(10,2) → numeric(12,1)."]),
        (
            BASE.replace("gia_tri int", "tri_gia int").replace("(20)", "(30)"),
            [
                "Cột «gia_tri» không còn; có thể đã đổi tên thành «tri_gia».",
                "Cột «ma» được nới rộng: {text}(20) not null → {text}(30) not null.",
            ],
        ),
    ],
)
def test_a_table_tells_every_kind_of_difference(table, now, lines):
    def put(columns):
        table.run(f"CREATE TABLE {table.name} ({columns})")
        known = "tri_gia" if "tri_gia" in columns else "gia_tri"
        table.run(f"INSERT INTO {table.name} (ma, {known}, luc) VALUES ('a', '1', '2025-09-01 08:00:00')")

    put(BASE)
    before = heard(table)
    table.run(f"DROP TABLE {table.name}")
    put(now)
    found = heard(table, before)
    words = (
        {"text": "character varying", "int": "integer"}
        if table.connection.kind == "postgres"
        else {"text": "varchar", "int": "int"}
    )
    told = [line.replace(",", ", ") if "numeric" in line else line for line in getattr(found, "lines", [])]
    wanted = [line.format(**words) for line in lines]
    assert told == [line.replace(",", ", ") if "numeric" in line else line for line in wanted]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("int unsigned", "bigint unsigned", "widened"),
        ("int(10) unsigned", "int unsigned", ""),
        ("int", "int unsigned", "retyped"),
        ("varchar(20)", "text", "widened"),
        ("varchar(max)", "varchar(8000)", "narrowed"),
        ("VARCHAR2(20)", "varchar2(20)", ""),
        ("numeric", "numeric(10,2)", "narrowed"),
        ("number(10,0)", "number(12,0)", "widened"),
        ("integer", "numeric(10,0)", "retyped"),
        ("timestamp(0) without time zone", "timestamp without time zone", "widened"),
        ("datetime", "datetime(3)", "widened"),
        ("timestamp(6) without time zone", "timestamp with time zone", "retyped"),
        ("date", "timestamp", "retyped"),
        ("real", "double precision", "widened"),
        ("enum('a','b')", "enum('a')", "retyped"),
        ("bigint", "bigint not null", "narrowed"),
        ("", "bigint", ""),
    ],
)
def test_types_of_any_database_are_compared(old, new, kind):
    assert compared(old, new) == kind
    mirrored = {"widened": "narrowed", "narrowed": "widened"}
    assert compared(new, old) == mirrored.get(kind, kind)


def test_a_service_shows_only_a_part_of_its_names_at_once():
    known = [Shape.seen(["ma", "gia_tri", "luc", "ghi_chu"]), Shape.seen(["ma", "gia_tri", "luc", "so_nha"])]
    gate = Gate(CHA, "x", tuple(known))
    gate.hear(Shape.seen(["ma", "gia_tri", "luc", "ghi_chu", "so_nha"]))
    with pytest.raises(Drifted, match="Cột «gia_tri» không còn"):
        Gate(CHA, "x", tuple(known)).hear(Shape.seen(["ma", "luc"]))
    with pytest.raises(Drifted, match="Cột «moi» mới xuất hiện"):
        Gate(CHA, "x", tuple(known)).hear(Shape.seen(["ma", "gia_tri", "luc", "moi"]))


def test_any_accepted_shape_passes_and_the_newest_is_compared_with():
    old, new = Shape.header(["ma", "gia_tri", "luc"]), Shape.header(["ma", "gia_tri", "luc", "ghi_chu"])
    for shape in (old, new):
        Gate(CHA, "x", (new, old)).hear(shape)
    with pytest.raises(Drifted) as drift:
        Gate(CHA, "x", (new, old)).hear(Shape.header(["ma", "gia_tri", "luc", "ghi_chu", "email"]))
    assert drift.value.lines == ["Cột «email» mới xuất hiện."]


def test_a_row_of_data_in_the_place_of_the_names_is_no_shape(tmp_path):
    stage = DropStage(tmp_path)
    stage.names = [PERSON, "Nguyễn Văn An", "x", "y"]
    stage.put([("A", 1, at(1))])
    gate = Gate(CHA, "x", (Shape.header(NAMES),))
    with gate.listening(), pytest.raises(Exception, match=r"thiếu cột ma, gia_tri, luc\.") as error:
        list(source_of(stage.connection).read(CHA, day(1)))
    assert not isinstance(error.value, Drifted)
    assert gate.heard is None


@pytest.mark.parametrize("name", [PERSON, "0905 123 456", "Nguyễn Văn An", "NGUYEN VAN AN", "an@xa.example", "x" * 99])
def test_a_name_that_may_be_a_value_is_told_by_its_place(name):
    assert shown(name, 7) == "thứ 7 (tên đã che)"
    [change] = differences(Shape.header(["ma"]), Shape.header(["ma", name]), ["ma"])
    assert name not in change.line


@pytest.mark.parametrize("name", ["ghi_chu", "Ngày cấp số", "SO_NHA", "Cột2025"])
def test_a_plain_name_is_told(name):
    assert shown(name, 7) == f"«{name}»"


def test_values_that_a_type_lists_are_not_told():
    change = Change("retyped", "ma", "ma", "enum('Nguyễn Văn An','B')", "text")
    assert change.line == "Cột «ma» đổi kiểu dữ liệu: enum(…,…) → text."


# -- the proposed change of the contract


@pytest.fixture
def copied(tmp_path):
    """A contract of the province in a folder of the test's own."""
    folder = tmp_path / "expectations" / "cuc_kiem_soat_tthc"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "expectations/cuc_kiem_soat_tthc/thu_tuc.odcs.yaml", folder)
    return load(folder / "thu_tuc.odcs.yaml")


def applied(contract, *changes):
    """The contract after the proposal was applied as it stands in the letter, and the proposal."""
    proposal = proposed(contract, changes)
    home = contract.path.parents[2]
    subprocess.run(["git", "apply", "-p1"], cwd=home, input=proposal + "\n", text=True, check=True, timeout=20)
    return load(contract.path), proposal


def test_a_proposal_applies_to_the_contract_as_it_stands(copied):
    after, proposal = applied(
        copied,
        Change("dropped", old="cap_thuc_hien"),
        Change("renamed", "ma_linh_vuc", "ma_linh_vuc_moi"),
        Change("added", new="so_ngay", new_type="bigint"),
    )
    assert set(copied.names) - set(after.names) == {"cap_thuc_hien", "ma_linh_vuc"}
    found = {column.name: column for column in after.columns}
    assert (found["so_ngay"].type, found["so_ngay"].personal) == ("integer", True), "closed until somebody looked"
    assert found["ma_linh_vuc_moi"].title == "Mã lĩnh vực"
    assert proposal.count("\n# ") == 2
    assert "thu_tuc.samples.csv" in proposal


def test_a_new_type_is_proposed_where_the_contract_means_another(copied):
    after, _ = applied(copied, Change("retyped", "thoi_gian_giai_quyet", "thoi_gian_giai_quyet", "text", "integer"))
    assert {column.name: column.type for column in after.columns}["thoi_gian_giai_quyet"] == "integer"


@pytest.mark.parametrize(
    "change",
    [
        Change("widened", "ten_tthc", "ten_tthc", "varchar(20)", "varchar(50)"),
        Change("dropped", old="them"),
        Change("retyped", "ten_tthc", "ten_tthc", "varchar(20)", "text"),
        Change("added", new="Nguyễn Văn An", place=3),
        Change("renamed", "ten_tthc", "Tên thủ tục"),
    ],
)
def test_what_the_contract_need_not_know_leaves_it_as_it_is(copied, change):
    proposal = proposed(copied, [change])
    assert "@@" not in proposal
    assert "Nguyễn" not in proposal
    assert proposal.endswith("# Hợp đồng dữ liệu không phải sửa; chỉ cần xem xét và chấp nhận cấu trúc mới.")
