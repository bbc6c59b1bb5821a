"""Drops of every kind read like any source, wherever they lie; what they may hold, and what is refused."""

import os
import shutil
from datetime import datetime, timedelta

import fsspec
import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sources import source_of

from ..sql.builders import CHA, DANH_MUC, at, contract, day
from .kit import KINDS, TEXTS, csv_of, in_1258, in_tcvn3, in_vni, xlsx_of, zip_of
from .suite import ROWS, SECRET, SourceSuite, Stage, read

TEXT = contract("cha", [("ma", "string"), ("ten", "string")], [])


class DropStage(Stage):
    """A folder with one file a day; a row's day is that of its time."""

    ending, extra = "csv", ()

    def __init__(self, folder):
        self.folder, self.names = folder, ["ma", "gia_tri", "luc", "them"]
        extra = {"path": str(folder), "pattern": f"{{dataset}}_{{day}}.{self.ending}", **dict(self.extra)}
        self.connection = Connection("unit_h15_1", "fs", password=SECRET, extra=extra)
        self.rows = []

    def put(self, rows):
        self.rows = rows
        for number in (1, 2, 3):
            of_day = [row for row in rows if row[2][:10] == f"2025-09-{number:02d}"]
            self.drop(f"cha_2025-09-{number:02d}.{self.ending}", self.made(of_day))

    def made(self, rows):
        return csv_of(rows, names=self.names).encode()

    def drop(self, name, content):
        (self.folder / name).write_bytes(content)

    def rename(self, column, other):
        self.names[self.names.index(column)] = other
        self.put(self.rows)

    def stop(self):
        shutil.rmtree(self.folder)

    def content(self):
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.iterdir()}


class TestCsv(SourceSuite):
    @pytest.fixture
    def stage(self, tmp_path):
        (tmp_path / "drops").mkdir()
        return DropStage(tmp_path / "drops")


class XlsxStage(DropStage):
    ending = "xlsx"

    def made(self, rows):
        return xlsx_of(rows, dict(zip(self.names, KINDS.values(), strict=False)))


class TestXlsx(SourceSuite):
    @pytest.fixture
    def stage(self, tmp_path):
        (tmp_path / "drops").mkdir()
        return XlsxStage(tmp_path / "drops")


class ZipStage(DropStage):
    ending, extra = "zip", (("member", "{dataset}*{day}.tsv"),)

    def made(self, rows):
        inside = csv_of(rows, "\t", self.names).encode("utf-16")
        days = [f"cha của ngày 2025-09-{number:02d}.tsv" for number in (1, 2, 3)]
        return zip_of(("thư mục/", b""), ("đọc trước.txt", b"?"), *[(f"thư mục/{name}", inside) for name in days])


class TestZip(SourceSuite):
    @pytest.fixture
    def stage(self, tmp_path):
        (tmp_path / "drops").mkdir()
        return ZipStage(tmp_path / "drops")


class StoreStage(DropStage):
    """The same drops in a store that only fsspec reaches."""

    def __init__(self, name):
        self.files = fsspec.filesystem("memory")
        self.files.makedirs(f"/{name}", exist_ok=True)
        super().__init__(f"memory://{name}")

    def drop(self, name, content):
        self.files.pipe(f"{self.folder}/{name}", content)

    def stop(self):
        self.files.rm(self.folder, recursive=True)

    def content(self):
        return {name: self.files.cat(name) for name in self.files.find(self.folder)}


class TestStore(SourceSuite):
    @pytest.fixture
    def stage(self, request):
        made = StoreStage(request.node.name)
        yield made
        if made.files.exists(made.folder):
            made.stop()


@pytest.fixture
def drops(tmp_path):
    folder = tmp_path / "drops"
    folder.mkdir()
    return folder


def dropped(folder, content, ending="csv", **extra):
    """A connection to a folder in which the file of the first day lies."""
    (folder / f"cha_2025-09-01.{ending}").write_bytes(content)
    extra = {"path": str(folder), "pattern": f"{{dataset}}_{{day}}.{ending}", **extra}
    return Connection("unit_h15_1", "fs", extra=extra)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_the_header_tells_the_delimiter(drops, mark, newline):
    text = csv_of([("001", "1,5;2|3\t4", at(1))], mark).replace("\r\n", newline)
    assert read(dropped(drops, text.encode())) == [("001", "1,5;2|3\t4", at(1))]


def test_cells_stay_as_they_are(drops):
    text = (
        'ma,gia_tri,luc\r\n\r\n001,NA," 01/09/2025"\n=1+1,"hai\ndòng ""x""",null\r,,\r\n'
        "\x00,\ufffd,x\n"  # mixed ends, a blank line, an empty row, a zero byte
    )
    assert read(dropped(drops, text.encode())) == [
        ("001", "NA", " 01/09/2025"), ("=1+1", 'hai\ndòng "x"', "null"), ("\u2400", "\ufffd", "x"),
    ]  # fmt: skip


def test_excels_own_line_about_the_delimiter_is_understood(drops):
    assert read(dropped(drops, b"sep=#\r\nma#gia_tri#luc\r\n1#2#3\r\n")) == [("1", "2", "3")]
    with pytest.raises(SourceChanged, match="dòng 4 có 2 cột, dòng tiêu đề có 3 cột"):
        read(dropped(drops, b"sep=#\r\nma#gia_tri#luc\r\n1#2#3\r\n1#2\r\n"))


def test_a_declared_delimiter_is_believed(drops):
    assert read(dropped(drops, b"ma~gia_tri~luc\n1~2,0~3\n", delimiter="~")) == [("1", "2,0", "3")]


@pytest.mark.parametrize(
    ("encode", "same"),
    [
        (str.encode, str),
        (lambda text: text.encode("utf-8-sig"), str),
        (lambda text: text.encode("utf-16"), str),
        (in_1258, str),
        (lambda text: in_tcvn3(text).encode("cp1252"), str.lower),
        (lambda text: in_vni(text).encode("cp1252"), str),
        (lambda text: in_vni(text).encode(), str),
    ],
)
def test_the_same_rows_come_from_every_encoding(drops, encode, same):
    rows = [(f"{number}", text) for number, text in enumerate(TEXTS)]
    text = csv_of(rows, names=("ma", "ten", "them"))
    found = read(dropped(drops, encode(text)), TEXT)
    assert [(ma, same(ten)) for ma, ten in found] == [(ma, same(ten)) for ma, ten in rows]


def test_a_workbook_typed_in_a_legacy_font_is_converted_and_it_is_said(drops, caplog):
    caplog.set_level("INFO", "lienthong")
    rows = [(f"{number}", in_tcvn3(text)) for number, text in enumerate(TEXTS)]
    connection = dropped(drops, xlsx_of(rows, {"ma": "text", "ten": "text"}), "xlsx")
    assert [ten.lower() for _, ten in read(connection, TEXT)] == [text.lower() for text in TEXTS]
    assert "unit_h15_1: the text is read as tcvn3" in caplog.text
    short = dropped(drops, xlsx_of([("1", in_vni("bộ"))], {"ma": "text", "ten": "text"}), "xlsx", encoding="vni")
    assert read(short, TEXT) == [("1", "bộ")]


def test_cells_of_a_workbook_come_as_they_stand(drops):
    from openpyxl import Workbook
    from openpyxl.worksheet.formula import ArrayFormula

    book = Workbook()
    sheet = book.active
    sheet["B2"] = "DANH SÁCH HỒ SƠ"
    sheet.append([])
    sheet.append(["", " luc ", "ma", "gia_tri"])
    sheet.append([None, datetime(2025, 9, 1, 8), "001", 4.0])
    sheet.append([None, "cuối tháng", "=1+1", 0.1, "thừa"])
    sheet.append([])
    sheet.append([None, timedelta(hours=30), 66123456789012, True])
    sheet.append([None, "#N/A", "NA", None])
    sheet["C20"] = ArrayFormula("C20", "=SUM(A1:A2)")
    book.create_sheet("Khác").append(["ma", "gia_tri", "luc"])
    book.save(drops / "x.xlsx")
    connection = dropped(drops, (drops / "x.xlsx").read_bytes(), "xlsx")
    assert read(connection) == [
        ("001", "4", at(1)), ("=1+1", "0.1", "cuối tháng"), ("66123456789012", "1", "30:00:00"),
        ("NA", None, "#N/A"), ("=SUM(A1:A2)", None, None),
    ]  # fmt: skip
    assert read(dropped(drops, (drops / "x.xlsx").read_bytes(), "xlsx", sheet="Khác")) == []
    with pytest.raises(SourceChanged, match="không có trang tính 'Mất'"):
        read(dropped(drops, (drops / "x.xlsx").read_bytes(), "xlsx", sheet="Mất"))


def test_a_file_for_a_snapshot_needs_no_day(drops):
    (drops / "danh_muc.csv").write_text("ma,ten\n1,Một\n", encoding="utf-8")
    known = Connection("danh_muc", "fs", extra={"path": f"file://{drops}", "pattern": "{dataset}.csv"})
    assert read(known, DANH_MUC) == [("1", "Một")]


@pytest.mark.parametrize(
    ("ending", "content", "words"),
    [
        ("csv", b"", r"tệp rỗng \(0 byte\)"),
        ("csv", b"\r\n\r\n", "không có dòng tiêu đề"),
        ("csv", b"ma,luc\n1,2\n", "thiếu cột gia_tri"),
        ("csv", b"ma,gia_tri,luc\n1,2,3\n4,5\n", "dòng 3 có 2 cột, dòng tiêu đề có 3 cột"),
        ("csv", b"ma,gia_tri,luc\n1,2,3,4\n", "dòng 2 có 4 cột"),
        ("csv", b'ma,gia_tri,luc\n1,2,"3\n', "dấu ngoặc kép .* ở dòng 2"),
        ("csv", b'ma,gia_tri,luc\n1,"2"x,3\n', "dấu ngoặc kép .* ở dòng 2"),
        ("csv", b"ma,gia_tri,luc,ma\n1,2,3,4\n", "cột ma đứng hai lần"),
        ("csv", b"m\xe3,gi\xe1\n\xff\xfe,1\n", "không phải UTF-8"),
        ("csv", b"PK\x03\x04....", "nội dung là Excel hoặc tệp nén"),
        ("csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", r"Excel kiểu cũ \(.xls\)"),
        ("xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "«Lưu thành» dạng .xlsx"),
        ("xlsm", b"PK\x03\x04....", "có macro"),
        ("ods", b"PK\x03\x04....", "OpenDocument"),
        ("xlsx", b"PK\x03\x04 half a workbook", "hỏng hoặc đang ghi dở"),
        ("xlsx", b"ma,gia_tri,luc\n", "hỏng hoặc đang ghi dở"),
        ("xlsx", zip_of(("a.csv", b"ma")), "không phải là bảng tính .xlsx"),
        ("xlsx", xlsx_of([], {"ma": "text", "luc": "text"}), "thiếu cột gia_tri"),
        ("zip", zip_of(("a.csv", b"1"), ("b.csv", b"2")), "có 2 tệp, cần đúng một"),
        ("zip", zip_of(), "có 0 tệp, cần đúng một"),
        ("zip", zip_of(("a.zip", zip_of(("a.csv", b"1")))), "lại có tệp nén"),
        ("zip", zip_of(("a.csv", zip_of(("a.csv", b"1")))), "nội dung là Excel hoặc tệp nén"),
        ("zip", zip_of(("a.xls", b"1")), "Excel kiểu cũ"),
        ("zip", zip_of(("a.csv", csv_of([]).encode() * 9))[:-30], "hỏng hoặc đang ghi dở"),
    ],
)
def test_a_bad_drop_says_what_to_do(drops, ending, content, words):
    with pytest.raises(SourceChanged, match=words) as error:
        read(dropped(drops, content, ending))
    assert str(error.value).startswith("cha, unit_h15_1: ")


def test_a_row_of_data_where_the_header_should_be_is_not_told(drops):
    for content, ending in ((b"036090123456,Nguyen Van A,0912345678\n", "csv"),
                            (xlsx_of([], {"036090123456": "text", "Nguyen Van A": "text"}), "xlsx")):  # fmt: skip
        with pytest.raises(SourceChanged, match="thiếu cột ma, gia_tri, luc. ") as error:
            read(dropped(drops, content, ending))
        assert "Nguyen" not in str(error.value)
        assert "036090123456" not in str(error.value)


def test_a_header_alone_is_a_day_without_rows(drops):
    assert read(dropped(drops, b"ma,gia_tri,luc")) == []
    assert read(dropped(drops, xlsx_of([]), "xlsx")) == []


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({}, "needs extra.path"),
        ({"path": "http://may/x"}, "extra.path must be"),
        ({"path": "zip://a::memory://b"}, "extra.path must be"),
        ({"path": "/x", "pattern": "../{dataset}.csv"}, "extra.pattern must be"),
        ({"path": "/x", "pattern": "/etc/{dataset}"}, "extra.pattern must be"),
        ({"path": "/x", "encoding": "viscii"}, "extra.encoding must be utf-8, utf-16"),
        ({"path": "/x", "delimiter": "||"}, "extra.delimiter must be"),
    ],
)
def test_a_mistake_in_the_connection_is_named(extra, words):
    with pytest.raises(NeedsPerson, match=words):
        source_of(Connection("unit_h15_1", "fs", extra=extra))


def test_a_store_whose_library_is_missing_is_named():
    known = Connection("kho", "fs", extra={"path": "sftp://may/x"})
    with pytest.raises((NeedsPerson, SourceDown), match="kho"):
        list(source_of(known).read(CHA, day(1)))


def test_a_store_that_does_not_answer_is_down(monkeypatch, request):
    stage = StoreStage(request.node.name)
    stage.put(ROWS)
    monkeypatch.setattr(type(stage.files), "info", lambda *_: (_ for _ in ()).throw(RuntimeError(SECRET)))
    with pytest.raises(SourceDown, match=r"nơi chứa tệp không trả lời \(RuntimeError\)"):
        read(stage.connection)


def test_a_file_without_right_to_read_is_told(drops, monkeypatch):
    connection = dropped(drops, b"ma,gia_tri,luc\n")
    real = os.open

    def refusing(path, *rest, **named):
        if str(path).endswith(".csv"):
            raise PermissionError(13, "no")
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(SourceChanged, match="không có quyền đọc"):
        read(connection)
