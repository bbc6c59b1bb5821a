"""What differs between kinds of databases: how a session is reached, bounded and protected, how values become text."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lienthong.connections import Connection
from lienthong.errors import SourceDown
from lienthong.settings import TIMEZONE
from lienthong.sources.text import as_text

if TYPE_CHECKING:
    from sqlalchemy import URL, ColumnElement, Engine

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120
READ_SECONDS = 1_800  # of a whole SQLite file, which knows no time limit of its own
OFFSET = "+07:00"  # what MySQL calls our zone without its tables of zones


class Database:
    """One kind of database. What stands here suits most of them; each kind says what it does otherwise."""

    driver = ""
    folds_names = True
    """Whether a column is found whatever the case of its name."""
    refusals: frozenset[int | str] = frozenset()
    """Codes by which the server says that the account may not enter, or may not read."""
    options: Mapping[str, Any] = {}
    """Arguments of ``create_engine`` beside the driver's."""
    declares = ""
    """The question for the name and the declared type of each column of a table, with its nullability."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def url(self) -> URL:
        """Address and account, from the connection."""
        return self.address(host=self.connection.host or None)

    def address(self, **parts: Any) -> URL:
        """An address of the driver with the connection's account, and with these parts of its own."""
        from sqlalchemy import URL

        known = self.connection
        given = {"username": known.login or None, "password": known.password or None, "port": known.port}
        return URL.create(self.driver, **{**given, "database": known.schema or None, **parts})

    def arguments(self) -> dict[str, Any]:
        """Arguments of the driver: time limits, read-only where it has a switch for it, TLS where it is asked for."""
        return {}

    def engine(self) -> Engine:
        """An engine without a pool, whose sessions are bounded and protected."""
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import NullPool

        engine = create_engine(
            self.url(), poolclass=NullPool, connect_args=self.arguments(), hide_parameters=True, **self.options
        )
        event.listen(engine, "connect", lambda raw, _record: self.on_connect(raw))
        return engine

    def on_connect(self, raw: Any) -> None:
        """Set what belongs to the driver's connection, before its first statement."""

    def protect(self, session: Any) -> None:
        """Make the session unable to write, as far as the server can."""

    def awaited(self, session: Any) -> AbstractContextManager[Any]:
        """Around a wait for the server: ends it when the line is dead. Most drivers bound their own waits."""
        del session
        return nullcontext()

    def value_of(self, name: str, described: Any) -> ColumnElement[Any]:
        """The expression that reads a column; ``described`` is the driver's own word for its type."""
        from sqlalchemy import column, quoted_name

        del described
        return column(quoted_name(name, True))

    def types(self, session: Any, columns: Sequence[Any], name: str, schema: str | None) -> dict[str, str]:
        """The declared type of each column by its name, as far as the database tells; ``columns`` is the driver's own
        description."""
        from sqlalchemy import text

        del columns
        rows = session.execute(text(self.declares), {"name": name, "schema": schema}) if self.declares else ()
        return {row[0]: " ".join(str(row[1]).lower().split()) for row in rows}

    def text(self, value: Any) -> str | None:
        """A value of the driver as the text that lands."""
        return as_text(value)

    def refused(self, error: BaseException) -> bool:
        """Whether the server rejects the account or its rights, so that another try cannot help."""
        return bool(error.args) and error.args[0] in self.refusals

    def _given(self, *names: str) -> dict[str, Any]:
        return {name: self.connection.extra[name] for name in names if name in self.connection.extra}


class Postgres(Database):
    """PostgreSQL: the whole session is read-only, the server ends a statement that takes too long."""

    driver = "postgresql+psycopg"
    folds_names = False
    refusals = frozenset({"42501"})  # a refused log-in comes without a code and counts as no answer
    # The table that an unqualified name means, whatever the search path.
    declares = """
        SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        FROM pg_attribute
        WHERE attrelid = to_regclass(coalesce(quote_ident(cast(:schema AS text)) || '.', '') || quote_ident(:name))
          AND attnum > 0 AND NOT attisdropped"""

    def url(self) -> URL:
        """A host that begins with / is the folder of a socket."""
        host = self.connection.host
        return self.address(query={"host": host}) if host.startswith("/") else super().url()

    def arguments(self) -> dict[str, Any]:
        """Limits of the server and of the line; ``sslmode`` and ``sslrootcert`` come from ``extra``."""
        return {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": STATEMENT_SECONDS * 1000,
            "keepalives_idle": 30,
            "options": f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS}s"
            f" -c DateStyle=ISO -c TimeZone={TIMEZONE}",
            **self._given("sslmode", "sslrootcert"),
        }

    def on_connect(self, raw: Any) -> None:
        """Times stay the server's text: Python knows neither infinity nor the years before 1 and after 9999."""
        from psycopg.types.string import TextLoader

        for kind in ("date", "timestamp", "timestamptz", "time", "timetz", "interval"):
            raw.adapters.register_loader(kind, TextLoader)

    @contextmanager
    def awaited(self, session: Any) -> Iterator[None]:
        """The server ends its statements by itself; when not even that arrives, the socket is closed under the driver,
        which knows no limit of its own for an answer."""
        number = session.connection.dbapi_connection.fileno()
        clock = threading.Timer(STATEMENT_SECONDS + CONNECT_SECONDS, _hang_up, [number])
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def refused(self, error: BaseException) -> bool:
        """By SQLSTATE."""
        return getattr(error, "sqlstate", None) in self.refusals


class MySql(Database):
    """MySQL and MariaDB: read-only transactions, rows streamed unbuffered, times in our zone."""

    driver = "mysql+pymysql"
    refusals = frozenset({1044, 1045, 1142, 1143, 1698})
    declares = """
        SELECT column_name, concat(column_type, if(is_nullable = 'NO', ' not null', ''))
        FROM information_schema.columns
        WHERE table_schema = coalesce(:schema, database()) AND table_name = :name"""

    def arguments(self) -> dict[str, Any]:
        """Limits of the line; bits read as numbers and times as they stand; ``ssl_ca`` comes from ``extra``."""
        from pymysql.constants import FIELD_TYPE  # type: ignore[import-untyped]  # the driver carries no types
        from pymysql.converters import conversions  # type: ignore[import-untyped]  # as above

        reading: dict[Any, Any] = {FIELD_TYPE.BIT: lambda bits: int.from_bytes(bits, "big"), FIELD_TYPE.TIME: str}
        return {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": STATEMENT_SECONDS,
            "write_timeout": CONNECT_SECONDS,
            "charset": "utf8mb4",
            "conv": {**conversions, **reading},
            **self._given("ssl_ca"),
        }

    def protect(self, session: Any) -> None:
        """From the next transaction on nothing can be written, and a statement is ended when it takes too long."""
        bound = (
            f"max_statement_time = {STATEMENT_SECONDS}"
            if session.dialect.is_mariadb
            else f"max_execution_time = {STATEMENT_SECONDS * 1000}"
        )
        session.exec_driver_sql(f"SET SESSION time_zone = '{OFFSET}', SESSION {bound}")
        session.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        session.rollback()


class Sqlite(Database):
    """A SQLite file, opened read-only; what stands in its schema is not trusted to call functions."""

    driver = "sqlite"
    declares = """
        SELECT name, type || CASE WHEN "notnull" THEN ' not null' ELSE '' END FROM pragma_table_xinfo(:name, :schema)"""

    def url(self) -> URL:
        """The file; SQLite would make an empty one where there is none."""
        from sqlalchemy import URL

        path = Path(self.connection.host or self.connection.schema)
        if not path.is_file():
            raise SourceDown(f"{self.connection.name}: không thấy tệp {path.name}. Kiểm tra máy của đơn vị.")
        return URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})

    def arguments(self) -> dict[str, Any]:
        """Seconds to wait for a writer."""
        return {"timeout": CONNECT_SECONDS}

    def on_connect(self, raw: Any) -> None:
        """Bound the whole reading; letters that are no UTF-8 leave a mark instead of ending it."""
        until = time.monotonic() + READ_SECONDS
        raw.text_factory = lambda found: found.decode("utf-8", "replace")
        raw.set_progress_handler(lambda: time.monotonic() > until, 1_000_000)
        for setting in ("query_only = ON", "trusted_schema = OFF"):
            raw.execute(f"PRAGMA {setting}")


class SqlServer(Database):
    """Microsoft SQL Server: it has no read-only session, so the account must have no more than ``db_datareader``.

    The connection says ``ApplicationIntent=ReadOnly``, which also leads to a readable replica where there is one."""

    driver = "mssql+pymssql"
    refusals = frozenset({229, 230, 916, 4060, 18452, 18456, 18486, 18488})
    # -1 is the length of what has no limit.
    declares = """
        SELECT column_name, concat(data_type,
            CASE WHEN character_maximum_length > 0 THEN concat('(', character_maximum_length, ')')
                 WHEN data_type IN ('decimal', 'numeric') THEN concat('(', numeric_precision, ',', numeric_scale, ')')
                 WHEN datetime_precision IS NOT NULL AND data_type NOT IN ('date', 'datetime', 'smalldatetime')
                 THEN concat('(', datetime_precision, ')') END,
            CASE WHEN is_nullable = 'NO' THEN ' not null' END)
        FROM information_schema.columns
        WHERE table_schema = coalesce(:schema, schema_name()) AND table_name = :name"""

    def arguments(self) -> dict[str, Any]:
        """Limits of log-in and statement; ``encryption`` and ``tds_version`` come from ``extra``."""
        return {
            "login_timeout": CONNECT_SECONDS,
            "timeout": STATEMENT_SECONDS,
            "charset": "UTF-8",
            "appname": "lienthong",
            "read_only": True,
            **self._given("encryption", "tds_version"),
        }

    def protect(self, session: Any) -> None:
        """Texts of times are year, month, day whatever the language of the account; nobody is waited for for long."""
        session.exec_driver_sql("SET DATEFORMAT ymd")
        session.exec_driver_sql(f"SET LOCK_TIMEOUT {CONNECT_SECONDS * 1000}")

    def text(self, value: Any) -> str | None:
        """Binary values as hexadecimal digits."""
        return as_text(value.hex().upper() if isinstance(value, bytes) else value)

    def refused(self, error: BaseException) -> bool:
        """By the number of the server's message, which the driver may wrap in a tuple."""
        code = error.args[0] if error.args else None
        return (code[0] if isinstance(code, tuple) and code else code) in self.refusals


def _hang_up(number: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as line:
        line.shutdown(socket.SHUT_RDWR)
