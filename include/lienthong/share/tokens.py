"""A token is shown once and kept as its hash; what it may do is fixed when it is made, and it ends."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.share.shape import CEILINGS, Shape
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

PREFIX = "lt_"
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
MOST_DAYS = 730
METRICS = "metrics"
"""In place of a dataset, the right to read how the pipeline fares: counts and ages, no record."""


@dataclass(frozen=True, slots=True)
class Token:
    """A system that may read: which datasets, and up to which class of column."""

    token_id: int
    system: str
    datasets: tuple[str, ...]
    ceiling: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token with its text, which nobody can read again."""

    token_id: int
    expires_at: datetime
    text: str


def issue(
    session: Session,
    home: Path,
    contracts: Mapping[str, Contract],
    *,
    system: str,
    datasets: Iterable[str],
    ceiling: str,
    days: int,
    by: str,
) -> Issued:
    """Let a system read; refused when a dataset does not exist or the ceiling does not reach its key."""
    wanted = sorted(set(datasets))
    _check(contracts, system, wanted, ceiling, days)
    text = PREFIX + secrets.token_urlsafe(32)
    values = {
        "system": system.strip(), "sha256": _hash(text), "datasets": wanted, "ceiling": ceiling, "by": by, "days": days,
    }  # fmt: skip
    row = one(session, statement(home, "share/token_add"), values)
    return Issued(row["token_id"], row["expires_at"], text)


def _check(contracts: Mapping[str, Contract], system: str, datasets: list[str], ceiling: str, days: int) -> None:
    if not system.strip():
        raise NeedsPerson("A token belongs to a system: say which with --system. Nothing was made.")
    if ceiling not in CEILINGS:
        raise NeedsPerson(f"There is no ceiling {ceiling!r}; there are {', '.join(CEILINGS)}. Nothing was made.")
    if not 1 <= days <= MOST_DAYS:
        raise NeedsPerson(f"A token is valid for 1 to {MOST_DAYS} days, not {days}. Nothing was made.")
    if not datasets:
        raise NeedsPerson("A token is for at least one dataset: --dataset. Nothing was made.")
    for name in datasets:
        if name == METRICS:
            continue
        if name not in contracts:
            raise NeedsPerson(f"There is no dataset {name!r}; there are {', '.join(contracts)}. Nothing was made.")
        if not Shape(contracts[name], ceiling).open:
            raise NeedsPerson(
                f"{name}: with the ceiling {ceiling!r} not even the key and one column could be shown. Give a higher "
                "ceiling, or leave the dataset out. Nothing was made."
            )


def formed(text: str) -> bool:
    """Whether the text could be a token at all, which nobody needs the warehouse for."""
    return _FORM.fullmatch(text) is not None


def find(session: Session, home: Path, text: str) -> Token | None:
    """The token with this text, if it is neither revoked nor past its end."""
    if not formed(text):
        return None
    row = session.execute(statement(home, "share/token_find"), {"sha256": _hash(text)}).fetchone()
    if row is None or row["revoked"] or row["expired"]:
        return None
    return Token(row["token_id"], row["system"], tuple(row["datasets"]), row["ceiling"])


def listed(session: Session, home: Path) -> list[dict[str, Any]]:
    """Every token with its state and last use; the text is in none of them."""
    return list(session.execute(statement(home, "share/token_list")))


def revoke(session: Session, home: Path, token_id: int, *, by: str) -> None:
    """End a token; from the next request on it is refused."""
    if not session.execute(statement(home, "share/token_revoke"), {"token_id": token_id, "by": by}).rowcount:
        raise NeedsPerson(f"There is no valid token {token_id}: `lienthong share token list` shows them.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
