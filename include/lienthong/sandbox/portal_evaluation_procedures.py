"""What the catalogue of procedures says to the index: fees, documents, online services, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from lienthong.sandbox.calendar_vn import WorkingTime
from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.units import units

FIRST_YEAR, LAST_YEAR = 2020, 2035
"""Years of which the calendar of working days is known; a dossier of another year has no legal maximum."""
_PARTS = (
    "TENTTHC", "TRINHTUTHUCHIEN", "CACHTHUCTHUCHIEN", "THANHPHANHOSO", "DOITUONGTHUCHIEN", "COQUANTHUCHIEN",
    "KETQUATHUCHIEN",
)  # fmt: skip
"""The parts that a procedure must have to be public in full."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure as the index sees it."""

    code: str
    document: bool = False
    """Whether its result is a document."""
    fee: bool = False
    people: bool = False
    online: bool = False
    full: bool = False
    """Whether the whole of it is done online: the result comes that way too."""
    public: bool = False
    whole: bool = False
    levels: frozenset[str] = frozenset()
    ministry: str = ""
    in_force: str = ""
    """The day, yyyyMMdd, on which its newest legal basis takes effect."""
    limit: tuple[float, str] | None = None

    def due(self, received: str) -> str:
        """The end of the legal maximum, for a dossier without an appointment; far away where none is known."""
        if self.limit is None or not FIRST_YEAR <= int(received[:4]) < LAST_YEAR:
            return "99991231235959"
        start = datetime.fromisoformat(f"{received[:8]}T{received[8:]}")
        return f"{_calendar().due_at(start, *self.limit):%Y%m%d%H%M%S}"


class Procedures:
    """The catalogue, looked at once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._known = {code: _procedure(code, entry) for code, entry in catalogue.procedures.items()}
        self._ministries = {unit.code: frozenset(unit.ministries) for unit in units()}

    def of(self, code: str) -> Procedure:
        """One procedure; of one that the catalogue does not have nothing is known."""
        return self._known.get(code) or Procedure(code)

    def public(self) -> list[Procedure]:
        """Every procedure in force."""
        return [one for one in self._known.values() if one.public]

    def under(self, unit: str, level: str) -> list[Procedure]:
        """The public procedures under a unit's authority: of its level, at a provincial body those of its fields."""
        of_level = [one for one in self.public() if level in one.levels]
        own = [one for one in of_level if one.ministry in self._ministries.get(unit, ())]
        return own or of_level


def _procedure(code: str, entry: dict[str, Any]) -> Procedure:
    ways = entry.get("CACHTHUCTHUCHIEN") or []
    terms = [term for way in ways for term in way.get("THOIGIAN") or []]
    fees = [fee for term in terms for fee in term.get("PHILEPHI") or []]
    limits = [(float(term["THOIGIANGIAIQUYET"] or 0), str(term["DONVITINH"])) for term in terms]
    document, online = bool(entry.get("KETQUATHUCHIEN")), any(str(way.get("KENH")) == "2" for way in ways)
    return Procedure(
        code=code,
        document=document,
        fee=any(float(fee.get("SOTIEN") or 0) > 0 for fee in fees),
        people=any(str(row.get("MADOITUONG")) == "1" for row in entry.get("DOITUONGTHUCHIEN") or []),
        online=online,
        full=online and document,
        public=str(entry.get("TRANGTHAI")) == "1",
        whole=all(entry.get(part) for part in _PARTS),
        levels=frozenset(str(row["CAPTHUCHIEN"]) for row in entry.get("CAPTHUCHIEN") or []),
        ministry=str(entry.get("MACOQUANCONGBO", "")),
        in_force=max((str(row.get("NGAYHIEULUC", "")) for row in entry.get("CANCUPHAPLY") or []), default=""),
        limit=max(limits, default=None),
    )


@cache
def _calendar() -> WorkingTime:
    return WorkingTime(FIRST_YEAR, LAST_YEAR)
