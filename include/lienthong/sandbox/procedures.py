"""What the national catalogue of procedures promises, in arrays: who offers what, how fast, through which channel.

How often a procedure is asked for is not published. Demand falls with the place of the field in the catalogue and of
the procedure in its field, and is then tilted towards quick or slow procedures, at each level, until the share of
dossiers that is still open after two months is the published one (1 July to 2 September 2025: 78 % resolved at
provincial bodies, 91 % at communes). So a changed catalogue needs no new tuning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lienthong.errors import NeedsPerson
from lienthong.sandbox.calendar_vn import CALENDAR_DAYS, HOURS_PER_DAY, WORKING_HOURS, unit_of
from lienthong.sandbox.noise import Bools, Floats, Ints
from lienthong.sandbox.units import Unit

CATALOGUE = Path(__file__).with_name("catalogue.json")
PROVINCE, COMMUNE = "1", "3"
DIRECT, ONLINE, POST = 1, 2, 3
CHANNELS = (DIRECT, ONLINE, POST)
OWNERS = ("1", "2", "3", "4")  # citizen, enterprise, agency, other
WINDOW_DAYS = 64  # 1 July to 2 September 2025
_LONGEST_TILT = 1.0
_LIFE = 0.73  # part of the time allowed that a life takes on average, as ``lives`` is paced

Catalogue = Path | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Procedures:
    """Public procedures of the catalogue. Second axis: channel 1, 2, 3; third: the ordinary case, the other one."""

    codes: NDArray[np.object_]
    names: NDArray[np.object_]
    results: NDArray[np.object_]
    fields: tuple[str, ...]
    levels: tuple[frozenset[str], ...]
    offered: Bools
    amount: Floats
    unit: NDArray[np.int8]
    fee: Ints
    owners: Bools

    def days(self) -> Floats:
        """Calendar days that each procedure may take when submitted in person."""
        amount, unit = self.amount[:, 0, 0], self.unit[:, 0, 0]
        hours = np.where(unit == WORKING_HOURS, amount / HOURS_PER_DAY, amount)
        return np.where(unit == CALENDAR_DAYS, amount, hours * 7 / 5)


def load(catalogue: Catalogue = None) -> Procedures:
    """Read a catalogue in the shape of LayThuTuc: a file, its content or the bare list. Withdrawn ones are left out."""
    public = [entry for entry in _entries(catalogue) if str(entry["TRANGTHAI"]) == "1"]
    if not public:
        raise NeedsPerson("Catalogue of procedures: expected at least one public procedure, found none.")
    shape = (len(public), len(CHANNELS))
    offered, fee = np.zeros(shape, bool), np.zeros(shape, np.int64)
    amount, unit = np.zeros((*shape, 2)), np.zeros((*shape, 2), np.int8)
    for place, entry in enumerate(public):
        for way in entry["CACHTHUCTHUCHIEN"]:
            terms = way["THOIGIAN"]
            if int(way["KENH"]) not in CHANNELS or not terms:
                continue
            channel = int(way["KENH"]) - 1
            offered[place, channel] = True
            fee[place, channel] = sum(int(float(row["SOTIEN"] or 0)) for row in terms[0]["PHILEPHI"])
            for case, term in enumerate((terms[0], terms[1] if len(terms) > 1 else terms[0])):
                amount[place, channel, case] = float(term["THOIGIANGIAIQUYET"] or 0)
                unit[place, channel, case] = unit_of(term["DONVITINH"])
    return Procedures(
        codes=np.array([entry["MATTHC"] for entry in public], object),
        names=np.array([" ".join(entry["TENTTHC"].split()) for entry in public], object),
        results=np.array([_result(entry) for entry in public], object),
        fields=tuple(entry["LINHVUCTHUCHIEN"][0]["MALINHVUC"] for entry in public),
        levels=tuple(frozenset(str(row["CAPTHUCHIEN"]) for row in entry["CAPTHUCHIEN"]) for entry in public),
        offered=offered,
        amount=amount,
        unit=unit,
        fee=fee,
        owners=np.array([_owners(entry) for entry in public]),
    )


def _entries(catalogue: Catalogue) -> Sequence[Mapping[str, Any]]:
    if catalogue is None or isinstance(catalogue, Path):
        catalogue = _content(catalogue or CATALOGUE)
    return catalogue["procedures"] if isinstance(catalogue, Mapping) else catalogue


def _content(path: Path) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    found: Mapping[str, Any] | Sequence[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def demand(procedures: Procedures, units: Sequence[Unit], still_open: tuple[float, float]) -> Floats:
    """How often each unit is asked for each procedure: one row a unit, adding up to one.

    ``still_open`` is the share to be open after two months at provincial bodies and at communes."""
    days = procedures.days()
    table = np.zeros((len(units), len(days)))
    for level, target in ((PROVINCE, still_open[0]), (COMMUNE, still_open[1])):
        rows = [n for n, unit in enumerate(units) if bool(unit.commune) == (level == COMMUNE)]
        if not rows:
            continue
        plain = np.array([_popularity(procedures, _offers(procedures, units[n], level)) for n in rows])
        sizes = np.array([units[n].size for n in rows], dtype=float)
        table[rows] = _tilted(plain, sizes / sizes.sum(), days, target * WINDOW_DAYS / _LIFE)
    return table


def _tilted(plain: Floats, sizes: Floats, days: Floats, target: float) -> Floats:
    """Weights whose mean duration over all units is ``target`` days, or as near as the catalogue allows."""

    def weights(tilt: float) -> Floats:
        raw: Floats = plain * np.exp(-tilt * days)
        total: Floats = raw / raw.sum(axis=1, keepdims=True)
        return total

    low, high = -_LONGEST_TILT, _LONGEST_TILT  # a high tilt makes quick procedures frequent
    for _ in range(60):
        middle = (low + high) / 2
        slow = float(sizes @ (weights(middle) @ np.minimum(days, WINDOW_DAYS))) > target
        low, high = (middle, high) if slow else (low, middle)
    return weights((low + high) / 2)


def _offers(procedures: Procedures, unit: Unit, level: str) -> Bools:
    """What a unit offers: its own fields at its level; all of its level, or everything, when the catalogue has none."""
    at_level = np.array([level in levels for levels in procedures.levels])
    own = np.array([field.partition("-")[0] in unit.ministries for field in procedures.fields])
    for chosen in (at_level & own, at_level):
        if chosen.any():
            return chosen
    return np.ones_like(at_level)


def _popularity(procedures: Procedures, offered: Bools) -> Floats:
    """Weights that fall with the place of the field and with the place of the procedure in its field."""
    weights = np.zeros(len(offered))
    seen: dict[str, int] = {}
    for place in np.flatnonzero(offered):
        field = procedures.fields[place]
        seen[field] = seen.get(field, 0) + 1
        weights[place] = 1 / ((list(seen).index(field) + 1) * seen[field])
    return weights


def _owners(entry: Mapping[str, Any]) -> list[bool]:
    named = {str(row["MADOITUONG"]) for row in entry.get("DOITUONGTHUCHIEN", ())}
    return [owner in named for owner in OWNERS] if named & set(OWNERS) else [True] * len(OWNERS)


def _result(entry: Mapping[str, Any]) -> str | None:
    results = entry.get("KETQUATHUCHIEN") or ()
    return str(results[0]["MAKETQUA"]) if results else None
