"""The list of contacts that a province would keep: one functional mailbox for each unit, one for its data team."""

from __future__ import annotations

import csv
import re
import unicodedata
from io import StringIO

from lienthong.sandbox.units import Unit, units

DOMAIN = "daklak.example"
HEADER = ("pham_vi", "don_vi", "ten", "kenh", "dia_chi", "gio_hanh_chinh")
DATA_TEAM = ("tinh", "", "Tổ dữ liệu tỉnh Đắk Lắk", "email", f"to.dulieu@{DOMAIN}", "co")


def contacts() -> str:
    """The list as CSV, in the form that ``lienthong contacts import`` reads."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(HEADER)
    lines.writerow(DATA_TEAM)
    for unit in units():
        lines.writerow(("don_vi", unit.code, office(unit), "email", mailbox(unit), "co"))
    return text.getvalue()


def office(unit: Unit) -> str:
    """How a unit is addressed: a commune by its People's Committee, a department by its own name."""
    kind, _, rest = unit.name.partition(" ")
    return f"UBND {kind.lower()} {rest}" if unit.commune else unit.name


def mailbox(unit: Unit) -> str:
    """The unit's mailbox: its name without diacritics."""
    decomposed = unicodedata.normalize("NFD", unit.name.lower().replace("đ", "d"))
    plain = re.sub("[\u0300-\u036f]", "", decomposed)
    return f"{'.'.join(re.findall('[a-z0-9]+', plain))}@{DOMAIN}"
