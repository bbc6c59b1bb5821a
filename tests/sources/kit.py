"""Files as units make them: workbooks with any part in them, texts in any encoding and font."""

import io
import unicodedata
import zipfile

from lienthong.sandbox.xlsx import workbook
from lienthong.sources import fonts

TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
SMALL = {value: key for key, value in fonts._TCVN3.items()}
VNI = {value: key for key, value in fonts._VNI.items() if key in (key.lower(), key.upper())}
KINDS = {"ma": "text", "gia_tri": "int", "luc": "text"}

TEXTS = [
    "Cộng hòa xã hội chủ nghĩa Việt Nam, Độc lập – Tự do – Hạnh phúc",
    "Ủy ban nhân dân xã Ea Súp; phường Buôn Ma Thuột; Krông Pắc, Cư M'gar",
    "Đề nghị cấp giấy chứng nhận quyền sử dụng đất, quyền sở hữu nhà ở",
    "Nguyễn Thị Hương, Trần Văn Đức, Lê Hoàng Yến, Phạm Quỳnh Chi, Y Blô Niê",
    "Hồ sơ chờ bổ sung: thiếu bản sao chứng thực của sổ hộ khẩu cũ",
    "Đường Lý Thường Kiệt, thửa đất số 12, tờ bản đồ 7",
]


def in_1258(text):
    """As Windows keeps it: letters with their hat, the tone behind them."""
    out = b""
    for letter in text:
        try:
            out += letter.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in TONES))
            out += (base + "".join(part for part in parts if part in TONES)).encode("cp1258")
    return out


def in_tcvn3(text):
    """As typed in .VnTime; capitals with a tone have no place of their own."""
    return "".join(SMALL.get(letter) or SMALL.get(letter.lower(), letter) for letter in text)


def in_vni(text):
    """As typed in VNI-Times."""
    return "".join(VNI.get(letter, letter) for letter in text)


def csv_of(rows, delimiter=",", names=("ma", "gia_tri", "luc", "them")):
    def cell(value):
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '",;\t\n') else text

    return "\r\n".join(delimiter.join(map(cell, row)) for row in (names, *[(*row, "") for row in rows])) + "\r\n"


def xlsx_of(rows, names=KINDS):
    return workbook("Trang tính 1", names, [tuple(row) for row in rows])


def with_parts(book, parts):
    """A workbook with some parts replaced or added, by their names."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename not in parts:
                new.writestr(item, old.read(item))
        for name, content in parts.items():
            new.writestr(name, content)
    return target.getvalue()


def zip_of(*members, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()
