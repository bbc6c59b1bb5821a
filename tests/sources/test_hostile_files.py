"""Files that somebody made to do harm are refused quickly, in little memory, with a sentence for their owner."""

import io
import json
import os
import re
import stat
import struct
import subprocess
import sys
import time
import zipfile

import pytest

from lienthong.connections import Connection
from lienthong.errors import SourceChanged
from lienthong.settings import ROOT

from ..sql.builders import at
from .kit import KINDS, with_parts, xlsx_of, zip_of
from .suite import read

BOOK = xlsx_of([("A", 1, at(1))])
SHEET, BOOK_PART, TYPES = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"
RELS = "xl/_rels/workbook.xml.rels"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def part(name, book=BOOK):
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read(name).decode()


def sheet(inside, before="", after=""):
    return with_parts(
        BOOK, {SHEET: f'{before}<worksheet xmlns="{MAIN}"><sheetData>{inside}</sheetData>{after}</worksheet>'}
    )


def patched(name, old, new):
    text = part(name)
    assert old in text
    return with_parts(BOOK, {name: text.replace(old, new, 1)})


def shared(strings):
    relation = f'<Relationship Id="r3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    rels = part(RELS).replace("</Relationships>", relation)
    return with_parts(BOOK, {RELS: rels, "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>'})


def doctype(name, declaration, encoding="utf-8"):
    """A part with a document type before its root."""
    text = part(name)
    head, mark, body = text.partition("?>")
    if encoding != "utf-8":
        head = head.replace("UTF-8", "UTF-16")
    return with_parts(BOOK, {name: (head + mark + declaration + body).encode(encoding)})


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {new} "{"&" + old + ";" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/a.dtd" [<!ENTITY % b SYSTEM "http://127.0.0.1:1/b"> %b;]>'


def growing(content, name, megabytes=120):
    """An archive of some hundred kilobytes with a part that is much larger."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        for _ in range(megabytes):
            file.write(MEGABYTE)
    return target.getvalue()


def lying(content, name, size):
    """The archive's own list says another size than the entry has."""
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    return content[: place + 24] + struct.pack("<I", size) + content[place + 28 :]


def flagged(content, bit):
    place = content.index(b"PK\x01\x02")
    flags = struct.unpack("<H", content[place + 8 : place + 10])[0] | bit
    return content[: place + 8] + struct.pack("<H", flags) + content[place + 10 :]


def linked():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        item = zipfile.ZipInfo("cha.csv")
        item.create_system, item.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(item, "/etc/passwd")
    return target.getvalue()


MEGABYTE = b" " * 1_000_000
CELLS = "<c/>" * 1_000_001
GROWS, MUCH, DTD = "bung ra quá lớn", "quá nhiều dòng, cột hoặc ô", "khai báo DTD"
OUT, DAMAGED = "có liên kết sang tệp khác", "hỏng hoặc đang ghi dở"

BOOKS = {
    "a bomb of one part": (lambda: growing(BOOK, "xl/media.xml"), GROWS),
    "a bomb that lies about its size": (
        lambda: lying(growing(BOOK, "xl/media.xml"), "xl/media.xml", 1_000), DAMAGED),
    "many parts": (lambda: with_parts(BOOK, {f"xl/{number}.xml": "<a/>" for number in range(2_001)}), GROWS),
    "billion laughs in the sheet": (lambda: doctype(SHEET, LAUGHS), DTD),
    "billion laughs in the book": (lambda: doctype(BOOK_PART, LAUGHS), DTD),
    "billion laughs in the list of contents": (lambda: doctype(TYPES, LAUGHS), DTD),
    "billion laughs in UTF-16": (lambda: doctype(SHEET, LAUGHS, "utf-16"), DTD),
    "an external entity": (lambda: doctype(SHEET, OUTSIDE), DTD),
    "an external entity in the relations": (lambda: doctype(RELS, OUTSIDE), DTD),
    "a parameter entity": (lambda: doctype("xl/styles.xml", PARAMETER), DTD),
    "a million columns": (lambda: sheet(f"<row>{CELLS}</row>"), MUCH),
    "a column far out": (lambda: sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'), MUCH),
    "a column that is none": (lambda: sheet('<row r="1"><c r="ZZZZZZZZ1"><v>1</v></c></row>'), MUCH),
    "a row far out": (lambda: sheet('<row r="99999999"><c><v>1</v></c></row>'), MUCH),
    "more rows than Excel has": (lambda: sheet("<row/>" * 1_048_577), MUCH),
    "elements without end": (lambda: sheet("<row>" + "<x/>" * 300_000 + "</row>"), MUCH),
    "elements without bottom": (lambda: sheet("<x>" * 300_000 + "</x>" * 300_000), MUCH),
    "elements behind the rows": (lambda: sheet("", after="<x/>" * 300_000), MUCH),
    "many sheets": (lambda: patched(BOOK_PART, "<sheets>", "<sheets>" + '<sheet name="x"/>' * 101), MUCH),
    "a cell without end": (lambda: sheet(f'<row><c t="inlineStr"><is><t>{"a" * 40_000}</t></is></c></row>'), "dài hơn"),
    "a cell of many runs": (
        lambda: sheet(f'<row><c t="inlineStr"><is>{"<r><t>aaaa</t></r>" * 10_000}</is></c></row>'), "dài hơn"),
    "a shared text without end": (lambda: shared(f"<si><t>{'a' * 40_000}</t></si>"), "dài hơn"),
    "a macro": (lambda: with_parts(BOOK, {"xl/vbaProject.bin": b"x"}), "chứa macro"),
    "an Excel 4 macro": (lambda: with_parts(BOOK, {"xl/macrosheets/sheet1.xml": "<x/>"}), "chứa macro"),
    "a macro book by its kind": (
        lambda: patched(TYPES, "spreadsheetml.sheet.main", "ms-excel.sheet.macroEnabled.main"), "không macro"),
    "an external link": (lambda: with_parts(BOOK, {"xl/externalLinks/externalLink1.xml": "<x/>"}), OUT),
    "a relation to outside": (
        lambda: patched(RELS, "</Relationships>",
                        f'<Relationship Id="x" Type="{OFFICE}/oleObject" Target="\\\\may\\x" TargetMode="External"/>'
                        "</Relationships>"), OUT),
    "a connection to data": (lambda: with_parts(BOOK, {"xl/connections.xml": "<x/>"}), "kết nối tới dữ liệu ngoài"),
    "an embedded object": (lambda: with_parts(BOOK, {"xl/embeddings/ole1.bin": b"x"}), "đối tượng nhúng"),
    "a control": (lambda: with_parts(BOOK, {"xl/activeX/activeX1.xml": "<x/>"}), "đối tượng nhúng"),
    "rows in a part that is not looked at": (
        lambda: with_parts(patched(RELS, "worksheets/sheet1.xml", "media/sheet1.png"),
                           {"xl/media/sheet1.png": part(SHEET)}), DAMAGED),
    "XML under another ending": (
        lambda: patched(TYPES, "</Types>", '<Override PartName="/xl/s.bin" ContentType="a+xml"/></Types>'), DAMAGED),
    "no XML at all": (lambda: with_parts(BOOK, {SHEET: "<worksheet><sheetData>"}), DAMAGED),
    "an unknown encoding": (lambda: with_parts(BOOK, {SHEET: b"<?xml version='1.0' encoding='utf-7'?><a/>"}), DAMAGED),
    "no rows where they should be": (lambda: patched(RELS, "worksheets/sheet1.xml", "worksheets/khac.xml"),
                                      "không có trang tính nào"),
}  # fmt: skip
STRAYS = "trỏ ra ngoài"
ARCHIVES = {
    "a bomb": (lambda: growing(zip_of(), "cha.csv"), GROWS),
    "a name that climbs": (lambda: zip_of(("../cha.csv", b"x")), STRAYS),
    "a name from the root": (lambda: zip_of(("/etc/cha.csv", b"x")), STRAYS),
    "a name for Windows": (lambda: zip_of(("C:cha.csv", b"x")), STRAYS),
    "a name with back slashes": (lambda: zip_of(("..\\cha.csv", b"x")), STRAYS),
    "a symbolic link": (linked, STRAYS),
    "a password": (lambda: flagged(zip_of(("cha.csv", b"x")), 1), "có mật khẩu"),
    "another way of packing": (lambda: zip_of(("cha.csv", b"x"), method=zipfile.ZIP_BZIP2), "cách không dùng được"),
    "a wrong sum": (lambda: zip_of(("cha.csv", b"ma,gia_tri,luc\n"), method=zipfile.ZIP_STORED).replace(b"ma,", b"mb,"),
                    DAMAGED),
}  # fmt: skip


@pytest.fixture
def drops(tmp_path):
    folder = tmp_path / "drops"
    folder.mkdir()
    return folder


def connection(folder, ending="xlsx", pattern="cha"):
    return Connection("unit_h15_1", "fs", extra={"path": str(folder), "pattern": f"{pattern}.{ending}"})


@pytest.fixture(scope="module")
def made():
    """Each hostile file once, by the name under which it is dropped, with what its owner must be told."""
    found = {}
    for ending, kinds in (("xlsx", BOOKS), ("zip", ARCHIVES)):
        for name, (make, words) in kinds.items():
            found[f"{name}.{ending}"] = (make(), words)
    return found


def test_each_is_refused_quickly_with_its_reason(drops, made):
    wrong = {}
    for name, (content, words) in made.items():
        (drops / name).write_bytes(content)
        started = time.process_time()
        with pytest.raises(SourceChanged) as error:
            read(connection(drops, *name.split(".")[::-1]))
        seconds = time.process_time() - started
        if not re.search(words, str(error.value)) or seconds > 2:
            wrong[name] = (str(error.value), round(seconds, 2))
    assert wrong == {}


MEASURE = """
import json, resource, sys
from lienthong.connections import Connection
from lienthong.errors import SourceChanged
from tests.sources.suite import read
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
extra = lambda name: {"path": sys.argv[1], "pattern": name}
read(Connection("x", "fs", extra=extra("good.xlsx")))
idle, refused = peak(), 0
for name in json.loads(sys.argv[2]):
    try:
        read(Connection("x", "fs", extra=extra(name)))
    except SourceChanged:
        refused += 1
print(json.dumps([refused, peak() - idle]))
"""


def test_all_of_them_together_take_little_memory(drops, made):
    (drops / "good.xlsx").write_bytes(BOOK)
    for name, (content, _words) in made.items():
        (drops / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(drops), json.dumps(list(made))],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    refused, grown = json.loads(done.stdout.splitlines()[-1])
    assert refused == len(made)
    assert grown < 150, f"{grown:.0f} MB more than at rest"


def test_what_only_looks_dangerous_is_read(drops):
    link = f'<Relationship Id="x" Type="{OFFICE}/hyperlink" Target="https://vi.du" TargetMode="External"/>'
    rels = f'<Relationships xmlns="{PACKAGE}/relationships">{link}</Relationships>'
    rows = [(f"=cmd|' /c calc'!A{number}", number, at(1)) for number in range(3)]
    book = with_parts(xlsx_of(rows, KINDS), {"xl/worksheets/_rels/sheet1.xml.rels": rels})
    (drops / "cha.xlsx").write_bytes(book)
    assert [row[0] for row in read(connection(drops))] == [row[0] for row in rows], "formulas are text, nothing runs"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "là một liên kết"),
        (lambda path: path.mkdir(), "không phải là tệp thông thường"),
        (lambda path: os.mkfifo(path), "không phải là tệp thông thường"),
        (lambda path: path.touch() or os.truncate(path, 600 * 1024 * 1024), "lớn hơn 512 MB"),
    ],
)
def test_what_is_no_plain_file_is_not_opened(drops, make, words):
    make(drops / "cha.csv")
    started = time.monotonic()
    with pytest.raises(SourceChanged, match=words):
        read(connection(drops, "csv"))
    assert time.monotonic() - started < 2


def test_no_link_below_the_folder_is_followed(drops, tmp_path):
    (tmp_path / "khac").mkdir()
    (tmp_path / "khac" / "cha.csv").write_text("ma,gia_tri,luc\n")
    (drops / "ngay").symlink_to(tmp_path / "khac")
    with pytest.raises(SourceChanged, match="là một liên kết"):
        read(connection(drops, "csv", "ngay/cha"))
    (drops / "ngay").unlink()
    (drops / "ngay").mkdir()
    (drops / "ngay" / "cha.csv").write_text("ma,gia_tri,luc\n1,2,3\n")
    assert read(connection(drops, "csv", "ngay/cha")) == [("1", "2", "3")]
