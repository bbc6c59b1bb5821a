"""What each fault does to a row. A row is changed in the named columns only, so that only its own rule is broken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lienthong.sandbox.rows import Columns
from lienthong.sandbox.units import Unit

_T = TypeVar("_T")

_UNKNOWN_PREFIXES = ("003", "005", "013", "047", "099", "097")  # 047 is the invented province of some lists
_WORDS_FOR_A_DATE = ("chưa hẹn", "chiều thứ sáu", "theo giấy hẹn", "cuối tháng")
_BAD_TELEPHONES = ("{0} {1}", "{0}.{1}.", "{2}", "{0}{1} - {0}{1}")
_LATE_NOTE = "Đính chính thông tin liên hệ theo đề nghị của người nộp"
FORMULA = '=HYPERLINK("https://vidu.invalid/ho-so","Xem hồ sơ")'
STATUSES_OUT_OF_RANGE = (0, 11, 12, 99)
# Spoilt codes must not meet a real one: no unit receives nine thousand dossiers on a day.
_FOREIGN_SERIAL, _UNKNOWN_SERIAL = 9_000, 9_500
_OPEN_TONES = {
    "òa": "oà",
    "óa": "oá",
    "ỏa": "oả",
    "õa": "oã",
    "ọa": "oạ",
    "òe": "oè",
    "óe": "oé",
    "ủy": "uỷ",
    "úy": "uý",
}
_FINAL_TONE = re.compile(rf"(?:{'|'.join(_OPEN_TONES)})\b")


class Row:
    """One row of a table of columns, read and changed in place."""

    __slots__ = ("_columns", "_place", "chance", "other", "unit")

    def __init__(self, columns: Columns, place: int, unit: Unit, other: Unit, chance: int) -> None:
        self._columns, self._place = columns, place
        self.unit, self.other, self.chance = unit, other, chance

    def __getitem__(self, column: str) -> Any:
        return self._columns[column][self._place]

    def __setitem__(self, column: str, value: Any) -> None:
        self._columns[column][self._place] = value

    def choose(self, options: tuple[_T, ...]) -> _T:
        """One of the options, always the same for the same row."""
        return options[self.chance % len(options)]

    def key(self, names: tuple[str, ...]) -> str:
        """The natural key as the truth log writes it."""
        return "|".join(str(self[name]) for name in names)


def foreign_code(code: str, other: Unit) -> str:
    """The code of a dossier as if another unit had given it, with a number that no real dossier has."""
    _, day, serial = code.rsplit("-", 2)
    return f"{other.code}-{day}-{_FOREIGN_SERIAL + int(serial) % 500:04d}"


def name_variants(name: str) -> tuple[str, ...]:
    """Other spellings of a unit's name that mean the same: tone mark, apostrophe, letter case, doubled space."""
    kind, _, rest = name.partition(" ")
    last = rest.rpartition(" ")[2]
    toned = _FINAL_TONE.sub(lambda found: _OPEN_TONES[found.group()], name)
    spellings = (toned, name.replace("'", "\u2019"), name[: -len(last)] + last.lower(), f"{kind}  {rest}")
    return tuple(spelling for spelling in spellings if spelling != name)


def _shift(text: str, **by: int) -> str:
    return str(datetime.fromisoformat(text) + timedelta(**by))


def _unknown_procedure(row: Row) -> None:
    row["ma_tthc"] = f"9.{row.chance % 1_000_000:06d}"


def _due_before_reception(row: Row) -> None:
    row["ngay_hen_tra"] = _shift(row["ngay_tiep_nhan"], days=-1 - row.chance % 5)


def _citizen_number_short(row: Row) -> None:
    short = row["so_dinh_danh"][1:]
    # A spreadsheet loses the zero because it takes the number for a number.
    row["so_dinh_danh"] = int(short) if row.unit.store == "excel" and short[0] != "0" else short


def _citizen_number_scientific(row: Row) -> None:
    row["so_dinh_danh"] = f"{float(row['so_dinh_danh']):.5E}"


def _citizen_number_prefix(row: Row) -> None:
    row["so_dinh_danh"] = row.choose(_UNKNOWN_PREFIXES) + row["so_dinh_danh"][3:]


def _duplicate_key(row: Row) -> None:
    """The second of the two rows: another place, another number, entered a little later."""
    row["dia_chi"] = f"Số {row.chance % 90 + 1}, {row['dia_chi']}"
    row["so_dien_thoai"] = None
    row["ghi_chu"] = "Nhập lại"


def _unit_contradicts_code(row: Row) -> None:
    row["don_vi_xu_ly"] = row.other.name


def _status_out_of_range(row: Row) -> None:
    row["trang_thai"] = row.choose(STATUSES_OUT_OF_RANGE)


def _text_in_date(row: Row) -> None:
    row["ngay_hen_tra"] = row.choose(_WORDS_FOR_A_DATE)


def _formula(row: Row) -> None:
    row["trich_yeu"] = FORMULA


def _code_of_other_unit(row: Row) -> None:
    row["ma_ho_so"] = foreign_code(row["ma_ho_so"], row.other)


def _finished_before_received(row: Row) -> None:
    row["ngay_ket_thuc_xu_ly"] = _shift(row["ngay_tiep_nhan"], days=-1 - row.chance % 3)


def _phone_malformed(row: Row) -> None:
    number = row["so_dien_thoai"]
    row["so_dien_thoai"] = row.choose(_BAD_TELEPHONES).format(number[:4], number[4:], number[1:])


def _decomposed_unicode(row: Row) -> None:
    for column in ("chu_ho_so", "dia_chi", "trich_yeu"):
        row[column] = unicodedata.normalize("NFD", row[column])


def _unit_name_variant(row: Row) -> None:
    row["don_vi_xu_ly"] = row.choose(name_variants(row["don_vi_xu_ly"]))


def _missing(column: str) -> Callable[[Row], None]:
    def empty(row: Row) -> None:
        row[column] = None

    return empty


def _untouched(_row: Row) -> None:
    """The fault lies in the steps or in the absence of the row."""


def late_change(row: Row) -> None:
    """An old dossier gets its contact corrected; everything else stays."""
    row["so_dien_thoai"] = f"030{row.chance % 9_000_000 + 1_000_000}"
    row["ghi_chu"] = _LATE_NOTE


def _step_before_reception(row: Row) -> None:
    row["thoi_diem_xu_ly"] = row["ngay_bat_dau"] = _shift(row["thoi_diem_xu_ly"], days=-12 - row.chance % 5)


def _step_of_unknown_dossier(row: Row) -> None:
    head, _, serial = row["ma_ho_so"].rpartition("-")
    row["ma_ho_so"] = f"{head}-{_UNKNOWN_SERIAL + int(serial) % 500:04d}"


def _step_in_future(row: Row) -> None:
    row["thoi_diem_xu_ly"] = _shift(row["thoi_diem_xu_ly"], days=1 + row.chance % 4)


def _step_duplicate(row: Row) -> None:
    row["noi_dung_xu_ly"] = "Chuyển thụ lý (ghi lần hai)"


HEADERS: dict[str, Callable[[Row], None]] = {
    "unknown_procedure": _unknown_procedure,
    "due_before_reception": _due_before_reception,
    "citizen_number_short": _citizen_number_short,
    "citizen_number_scientific": _citizen_number_scientific,
    "citizen_number_prefix": _citizen_number_prefix,
    "duplicate_key": _duplicate_key,
    "missing_unit": _missing("don_vi_xu_ly"),
    "missing_reception": _missing("ngay_tiep_nhan"),
    "missing_status": _missing("trang_thai"),
    "unit_contradicts_code": _unit_contradicts_code,
    "status_out_of_range": _status_out_of_range,
    "text_in_date": _text_in_date,
    "formula": _formula,
    "code_of_other_unit": _code_of_other_unit,
    "finished_before_received": _finished_before_received,
    "phone_malformed": _phone_malformed,
    "decomposed_unicode": _decomposed_unicode,
    "unit_name_variant": _unit_name_variant,
    "status_jump": _untouched,
    "deleted_at_source": _untouched,
}
STEPS: dict[str, Callable[[Row], None]] = {
    "step_before_reception": _step_before_reception,
    "step_of_unknown_dossier": _step_of_unknown_dossier,
    "step_status_out_of_range": _status_out_of_range,
    "step_in_future": _step_in_future,
    "step_duplicate": _step_duplicate,
}
