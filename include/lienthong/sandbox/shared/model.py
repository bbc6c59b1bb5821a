"""What a shared database holds on a day follows from its name, the day and the seed alone, in any order of days.

A module beside this one says with ``DATASETS`` which shared databases there are and with ``FAULTS`` what is wrong in
them; a maker of rows draws everything from a ``Chance``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np

from lienthong.sandbox import people
from lienthong.sandbox.noise import pick
from lienthong.sandbox.units import units

T = TypeVar("T")
Value = str | int | float | date | datetime | None
Row = dict[str, Value]
START = date(2025, 7, 1)
"""The first day of the sandbox: what stood before it has not changed since."""
STREETS = (
    "Nguyễn Tất Thành", "Lê Duẩn", "Phan Chu Trinh", "Hùng Vương", "Trần Phú", "Lê Thánh Tông", "Nguyễn Công Trứ",
    "Hoàng Diệu", "Quang Trung", "Ngô Quyền", "Phạm Ngũ Lão", "Y Ngông", "Mai Hắc Đế", "Trường Chinh", "Nguyễn Huệ",
    "Bà Triệu", "Lý Thường Kiệt", "Nguyễn Du", "Đinh Tiên Hoàng", "Phan Bội Châu", "Độc Lập", "Trần Hưng Đạo",
)  # fmt: skip
_WORKING_HOURS = 9 * 3_600  # from 7:30 on
_FIRST_BORN = 1945
_BLOCK, _YEARS_OF_A_BLOCK = 100_000, 5  # how ``people`` gives out birth years


@dataclass(frozen=True, slots=True)
class Store:
    """Where and how a shared database is kept: ``kind`` is postgres, sqlite, csv, xlsx, rest or platform; encoding,
    delimiter and ending (``csv``, ``tsv``, ``txt``, or ``zip`` for a csv inside) belong to csv; ``paging`` (page,
    cursor or link) belongs to rest."""

    kind: str
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    ending: str = "csv"
    paging: str = "page"


class Person(NamedTuple):
    """A generated person. ``so_dinh_danh`` tells sex and birth year, as real numbers do."""

    ho_ten: str
    so_dinh_danh: str
    ngay_sinh: date
    female: bool


class Commune(NamedTuple):
    """A commune of the province: five digits, and the name with its kind, ``Phường Ea Kao``."""

    ma_xa: str
    ten: str


class Company(NamedTuple):
    """A generated enterprise: name, ten-digit tax code that is its registration number too, and running number."""

    ten: str
    ma_so_thue: str
    number: int


class Chance:
    """Draws for one record. The first draw of a record is always the same, the second too, and so on; how many draws
    were made from another record does not matter."""

    def __init__(self, *parts: object) -> None:
        self._path = "|".join(map(str, parts))
        self._drawn = 0

    def of(self, *parts: object) -> Chance:
        """The draws for a record of this dataset, for a day (``of(n, day)``), or for a question about it."""
        return Chance(self._path, *parts)

    def _next(self) -> int:
        self._drawn += 1
        return int.from_bytes(blake2b(f"{self._path}#{self._drawn}".encode(), digest_size=8).digest(), "big")

    def number(self, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``, both included."""
        return least + self._next() % (most - least + 1)

    def decimal(self, least: float, most: float, places: int = 2) -> float:
        """A number between the two with so many places."""
        return round(least + (most - least) * (self._next() / 2**64), places)

    def share(self, part: float) -> bool:
        """True in ``part`` (0 to 1) of all cases."""
        return self._next() < part * 2**64

    def pick(self, among: Sequence[T]) -> T:
        """One of them."""
        return among[self._next() % len(among)]

    def weighted(self, among: Mapping[T, float]) -> T:
        """One of the keys, as often as its weight says."""
        left = sum(among.values()) * (self._next() / 2**64)
        for one, weight in among.items():
            left -= weight
            if left < 0:
                return one
        return one

    def sample(self, among: Sequence[T], count: int) -> list[T]:
        """So many different ones, in their own order."""
        ranked = sorted(range(len(among)), key=lambda place: (self._next(), place))
        return [among[place] for place in sorted(ranked[:count])]

    def day(self, first: date, last: date) -> date:
        """A day from ``first`` to ``last``, both included."""
        return first + timedelta(days=self.number(0, (last - first).days))

    def moment(self, on: date) -> datetime:
        """A time of the working hours of a day, to the second."""
        start = datetime.combine(on, time(7, 30))
        return start + timedelta(seconds=self.number(0, _WORKING_HOURS))

    def changes(self, until: date, every: int = 120) -> tuple[int, date]:
        """How often a record that changes about once in ``every`` days has changed from ``START`` up to ``until``, and
        on which day last; ``(0, START)`` when it never has. A later day only ever adds changes."""
        count, last = 0, START
        draws = self.of("changes")
        following = START + timedelta(days=draws.number(1, 2 * every))
        while following <= until:
            count, last = count + 1, following
            following += timedelta(days=draws.number(1, 2 * every))
        return count, last

    def person(self, born: int | None = None) -> Person:
        """A person born in the year given, else an adult born from 1945 to 2004; numbers end in 900000 or more."""
        year = born or self.number(_FIRST_BORN, 2004)
        block, serial = divmod(year - _FIRST_BORN, _YEARS_OF_A_BLOCK)[0], self.number(0, _BLOCK - 1)
        while _born(block * _BLOCK + serial) != year:
            serial = (serial + 1) % _BLOCK
        name, number, female = _person(block * _BLOCK + serial)
        return Person(name, number, date(year, 1, 1) + timedelta(days=self.number(0, 364)), female)

    def commune(self) -> Commune:
        """One of the 102 communes."""
        return self.pick(communes())

    def company(self, number: int | None = None) -> Company:
        """The enterprise with a running number (below 20 000), else any."""
        return _company(self.number(0, 19_999) if number is None else number)

    def phone(self) -> str:
        """A mobile number of a prefix that no operator was given."""
        return _phone(self.number(0, 999_999))

    def mail(self) -> str:
        """A mail address in ``example.com``."""
        return f"lien.he.{self.number(1, 99_999)}@example.com"

    def street(self) -> str:
        """The name of a street."""
        return self.pick(STREETS)

    def address(self, commune: Commune) -> str:
        """House number, street and commune: ``12 Lê Duẩn, Phường Ea Kao, tỉnh Đắk Lắk``."""
        return f"{self.number(1, 420)} {self.street()}, {commune.ten}, tỉnh Đắk Lắk"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One shared database. ``make`` gives the whole state at the end of a day (a snapshot), or with ``cursor`` the rows
    whose cursor lies on that day; the keys of a row are the contract's columns in their order."""

    name: str
    store: Store
    make: Callable[[Chance, date], list[Row]]
    cursor: str | None = None
    copy_of: str | None = None
    """The dataset of which this is another holder's copy: it bears that name where it is kept."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kind (text, int, float, date, time) of columns that no row of an ordinary day fills."""

    @property
    def table(self) -> str:
        """The name under which readers ask for it."""
        return self.copy_of or self.name

    @property
    def connection_id(self) -> str:
        """The name of its connection: ``csdl_thua_dat``."""
        return f"csdl_{self.name}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is wrong on one day: ``key`` is the record key as the row shows it after ``spoil`` (parts joined with
    ``|``), ``columns`` are those spoilt, ``rule`` the id of the contract's rule that must speak. ``find`` tells the row
    to spoil; without it the row is the one whose first column is ``key``. A rule that only warns has ``warns``."""

    dataset: str
    fault: str
    on: date
    key: str
    columns: tuple[str, ...]
    rule: str
    spoil: Callable[[Row], None]
    warns: bool = False
    find: Callable[[Row], bool] | None = None

    def fits(self, row: Row) -> bool:
        """Whether this is the row to spoil."""
        return self.find(row) if self.find else str(next(iter(row.values()))) == self.key


@cache
def communes() -> tuple[Commune, ...]:
    """All communes of the province."""
    return tuple(Commune(unit.commune, unit.name) for unit in units() if unit.commune)


def home_of(number: int) -> Commune:
    """The commune to which a record belongs for good, whatever the seed."""
    return communes()[number % len(communes())]


@cache
def _born(person: int) -> int:
    ids = np.array([person], np.uint64)
    return _FIRST_BORN + person // _BLOCK * _YEARS_OF_A_BLOCK + int(pick(ids, "year", _YEARS_OF_A_BLOCK)[0])


@cache
def _person(person: int) -> tuple[str, str, bool]:
    ids = np.array([person], np.int64)
    number = str(people.citizen_numbers(ids, np.array([person % 3 == 0]))[0])
    return str(people.person_names(ids)[0]), number, int(number[3]) % 2 == 1


@cache
def _company(number: int) -> Company:
    ids = np.array([number], np.int64)
    name = people.organisation_names(ids.astype(np.uint64), np.array([people.ENTERPRISE]), ids)[0]
    return Company(str(name), str(people.tax_codes(ids)[0]), number)


@cache
def _phone(owner: int) -> str:
    return str(people.telephones(np.array([owner], np.int64))[0])
