"""What one dataset is, as plain values: the dataclasses that everything else is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lienthong.rules import SQL_TYPES, Rule

MODES = ("incremental", "append", "snapshot")
"""What a source gives for a window: what changed in it, what came in it and never changes again, or the whole list."""
MASTERS = ("province", "national")
CONTENTS = ("goc", "dac_ta", "chu", "danh_muc", "giao_dich", "tong_hop", "phan_tich", "mo")
"""Kinds of content of a province's shared database, in the words of the national data framework (QĐ 2439/QĐ-TTg):
original, metadata, master, reference, transaction, aggregate, analytical, open."""
STATUSES = ("draft", "active")
"""A draft waits for a person: only ``check`` and the suite of the contracts read it, nothing runs by it."""
CLASSES = ("public", "internal", "personal", "sensitive")
TO_REVIEW = "CẦN XEM LẠI"
"""Marks what was proposed from a source and nobody has looked at yet; words for whoever reviews the contract."""
MARTS = "marts"
"""The connection of what is derived from the warehouse itself: its schema of that name, a view for each dataset."""
MOST_RULES = 63  # of each consequence: one bit each in a bigint, without its sign


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset: its name, type, title in Vietnamese, class of confidentiality and codes."""

    name: str
    type: str
    title: str
    classification: str
    codes: Mapping[str, str]
    """The closed list of codes and their meanings; empty when any value is allowed."""

    @property
    def sql_type(self) -> str:
        """Type of the column in ``core``."""
        return SQL_TYPES[self.type]

    @property
    def personal(self) -> bool:
        """Whether a value of the column may never leave the restricted tables."""
        return self.classification in ("personal", "sensitive")


@dataclass(frozen=True, slots=True)
class Channel:
    """One entry under ``support``: ``tool`` is ``email`` or ``apprise``, ``address`` a mailbox or the name of an
    Airflow connection; ``scope`` ``issues`` is where findings about the data go."""

    tool: str
    scope: str
    address: str


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How the sources of a dataset are found: one named connection, or one for each row of another dataset."""

    connection: str
    reader: str | None
    for_each: str | None

    def name_for(self, member: str) -> str:
        """Connection of one member, e.g. ``H15.102`` in ``unit_{member}`` gives ``unit_h15_102``."""
        return self.connection.replace("{member}", member.lower().replace(".", "_"))


@dataclass(frozen=True, slots=True)
class Contract:
    """What one dataset is: owner, sources, columns, key, cursor, rules, schedule, service levels, endpoints."""

    dataset: str
    title: str
    version: str
    owner: str
    purpose: str
    master: str
    mode: str
    key: tuple[str, ...]
    cursor: str | None
    order_key: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    source: SourceSpec
    endpoints: tuple[str, ...]
    schedule: str
    block_share: float
    delete_brake: float
    path: Path

    status: str = "active"
    """Whether it is in force, one of ``STATUSES``."""
    support: tuple[Channel, ...] = ()
    latency: timedelta = timedelta(days=1)
    """How long after the end of a window its rows are promised to be in the warehouse."""
    down_tolerance: timedelta = timedelta(hours=6)
    """How long a source may be down before its owner is told at once."""
    shared_database: int | None = None
    """Number of the shared database of the province to which the dataset belongs."""
    content: str = "goc"
    """Kind of content, one of ``CONTENTS``."""
    counterpart: SourceSpec | None = None
    """The other holder of the same records: what it holds is compared with ours, and ``master`` says who is right."""
    send_sensitive: tuple[str, ...] = ()
    """Columns of class ``sensitive`` that the receivers may get all the same."""
    after: tuple[str, ...] = ()
    """Datasets that must be in place for a window before this one is read, whether or not a rule refers to them."""

    @property
    def draft(self) -> bool:
        """Whether it only waits for a person: nothing is read, kept or given by it."""
        return self.status == "draft"

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def sent_columns(self) -> tuple[Column, ...]:
        """What leaves for a receiver of any contract: no sensitive column that the contract does not name."""
        return tuple(
            column
            for column in self.columns
            if column.classification != "sensitive" or column.name in self.send_sensitive
        )

    @property
    def as_counterpart(self) -> Contract:
        """What the counterpart is asked for and compared by: where it has its records from us, the columns that it
        was sent; it is compared and not judged, so without rules."""
        fed = self.counterpart is not None and self.counterpart.connection in self.endpoints
        columns = self.sent_columns if fed and self.master == "province" else self.columns
        return replace(self, columns=columns, rules=())

    @property
    def references(self) -> tuple[str, ...]:
        """Datasets that must be in place before this one can be judged, without itself."""
        found = {rule.reference for rule in self.rules if rule.reference}
        if self.source.for_each:
            found.add(self.source.for_each)
        return tuple(sorted(found - {self.dataset}))

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Datasets that must be in place before a window of this one is read."""
        return tuple(sorted({*self.references, *self.after}))

    @property
    def derived(self) -> bool:
        """Whether it is computed from other datasets of the warehouse, and not given by anybody."""
        return self.source.connection == MARTS

    @property
    def rejecting(self) -> tuple[Rule, ...]:
        """Rules that keep a row out of ``core``; the place of a rule here is its bit in the marks."""
        return tuple(rule for rule in self.rules if rule.rejects and not rule.about_window)

    @property
    def warning(self) -> tuple[Rule, ...]:
        """Rules that speak about a row without keeping it out; the place of a rule here is its bit in the marks."""
        return tuple(rule for rule in self.rules if not rule.rejects and not rule.about_window)

    @property
    def window_rules(self) -> tuple[Rule, ...]:
        """Rules about what a source gave as a whole, beside what it gave before."""
        return tuple(rule for rule in self.rules if rule.about_window)

    @property
    def samples(self) -> Path:
        """The rows that prove each rule."""
        return self.path.with_name(f"{self.dataset}.samples.csv")
