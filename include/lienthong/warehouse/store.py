"""A warehouse is one PostgreSQL database; every session that this module opens speaks the same dialect of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from lienthong.connections import Connection
from lienthong.errors import LienThongError, NeedsPerson, TryAgain
from lienthong.settings import TIMEZONE

# DMY, so that 30/09/2025 in a text is the 30th of September; ISO stays ISO.
SESSION = f"-c DateStyle=ISO,DMY -c TimeZone={TIMEZONE} -c client_min_messages=warning"

Query = LiteralString | sql.Composed
Params = Sequence[Any] | Mapping[str, Any]
Session = psycopg.Connection[dict[str, Any]]


class Warehouse:
    """Opens sessions on the warehouse and says in one sentence what is wrong when that fails."""

    def __init__(self, connection: Connection, home: Path) -> None:
        if connection.kind != "postgres":
            raise NeedsPerson(
                f"Connection {connection.name!r} must be of type postgres, it is {connection.kind!r}. "
                "Whoever set AIRFLOW_CONN_WAREHOUSE can mend it."
            )
        self.connection = connection
        self.home = home

    @contextmanager
    def session(self, *, autocommit: bool = False) -> Iterator[Session]:
        """One session: committed when the block ends well, rolled back and explained when it does not."""
        given = self.connection.conninfo()
        options = f"{given.pop('options', '')} {SESSION}".strip()
        try:
            with psycopg.connect(
                **given,
                options=options,
                application_name="lienthong",
                autocommit=autocommit,
                row_factory=dict_row,
            ) as session:
                yield session
        except LienThongError:
            raise
        except psycopg.Error as error:
            # The server's own words can hold values of rows, and a chained error would print them.
            raise explain(error) from None

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Only one process at a time is inside for ``what``; others wait, and a killed one lets go at once."""
        with self.session(autocommit=True) as session:
            session.execute("SELECT pg_advisory_lock(hashtextextended(%s, 2))", [what])
            yield

    def sqlalchemy_url(self) -> str:
        """Address for libraries that need SQLAlchemy. It holds the password: never log it."""
        from sqlalchemy import URL

        given = self.connection.conninfo()
        query = {"options": SESSION}
        host = given.get("host", "")
        if host.startswith("/"):
            # A socket folder goes into the query, where it wins over the name that some libraries insist on.
            query["host"] = host
        return URL.create(
            "postgresql+psycopg",
            username=given.get("user"),
            password=given.get("password"),
            host="localhost" if host.startswith("/") else host or "localhost",
            port=given.get("port"),
            database=given.get("dbname"),
            query=query,
        ).render_as_string(hide_password=False)


def one(session: Session, query: Query, values: Params | None = None) -> dict[str, Any]:
    """The single row of a query that always has one."""
    row = session.execute(query, values).fetchone()
    if row is None:
        raise NeedsPerson("The warehouse gave no row where one always stands; its schema is damaged.")
    return row


def explain(error: psycopg.Error) -> LienThongError:
    """The error that says what happens next. The server's words can hold values of rows, so only its code and
    the first line of messages without row content are repeated."""
    state = error.sqlstate or ""
    if state.startswith("53") or state in ("58030",):
        return NeedsPerson(
            f"The warehouse is out of resources ({state} {type(error).__name__}): disk, memory or connections. "
            "Nothing was written. The administrator of the database can free some."
        )
    # 54: a limit of the server's own, as too many columns; psycopg calls that operational, but waiting does not help.
    if isinstance(error, psycopg.OperationalError) and not state.startswith("54"):
        return TryAgain(
            f"The warehouse does not answer or broke off ({state or type(error).__name__}); nothing was written."
        )
    if state in ("42501", "28000", "28P01"):
        return NeedsPerson(f"The warehouse refuses our rights or password ({state}). Mend AIRFLOW_CONN_WAREHOUSE.")
    place = error.diag.message_primary if state.startswith("42") else ""
    return NeedsPerson(f"The warehouse refused a statement ({state} {type(error).__name__}). {place or ''}".strip())
