"""SQL lives in ``sql/``; here it is read and completed with quoted names, never with text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from psycopg import sql


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def statement(home: Path, name: str, **parts: sql.Composable) -> sql.Composed:
    """The statement of ``sql/<name>.sql`` with its ``{placeholders}`` filled by composed parts."""
    return sql.SQL(_text(home / "sql" / f"{name}.sql")).format(**parts)


def names(columns: tuple[str, ...] | list[str], alias: str = "") -> sql.Composed:
    """Column names, quoted and separated by commas, each under ``alias`` when one is given."""
    return sql.SQL(", ").join(sql.Identifier(alias, c) if alias else sql.Identifier(c) for c in columns)
