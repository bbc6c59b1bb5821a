"""Oracle, by the driver's own protocol: nothing of Oracle's has to be installed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from lienthong.settings import TIMEZONE
from lienthong.sources import databases
from lienthong.sources.databases import Database
from lienthong.sources.text import as_text

if TYPE_CHECKING:
    from sqlalchemy import URL, ColumnElement, Engine


class Oracle(Database):
    """Oracle 12 and newer: one read-only transaction sees one state of the data.

    ``schema`` or ``extra.service_name`` is the service, ``extra.sid`` an instance."""

    driver = "oracle+oracledb"
    refusals = frozenset({1005, 1017, 1031, 1045, 28000, 28001})
    options: Mapping[str, Any] = {"arraysize": 1_000}

    def url(self) -> URL:
        """Service or instance; without either, the host is a name that the driver resolves by itself."""
        known = self.connection
        sid = known.extra.get("sid")
        service = known.extra.get("service_name") or known.schema
        named = {"service_name": service} if service and not sid else {}
        return self.address(host=known.host or None, database=sid, query=named)

    def arguments(self) -> dict[str, Any]:
        """Limit of connecting; a dead line is noticed within minutes."""
        return {"tcp_connect_timeout": databases.CONNECT_SECONDS, "expire_time": 1}

    def engine(self) -> Engine:
        """Connecting ends in time too: the driver bounds only the first packet, not what the listener says then."""
        from sqlalchemy import event

        engine = super().engine()
        event.listen(engine, "do_connect", _connect_in_time)
        return engine

    def on_connect(self, raw: Any) -> None:
        """Bound every answer; numbers come exact, long texts and bytes with their row."""
        import oracledb

        raw.call_timeout = databases.STATEMENT_SECONDS * 1000
        reading = {
            oracledb.DB_TYPE_NUMBER: Decimal,
            oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
            oracledb.DB_TYPE_NCLOB: oracledb.DB_TYPE_LONG_NVARCHAR,
            oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
        }

        def handler(cursor: Any, described: Any) -> Any:
            wanted = reading.get(described.type_code)
            return cursor.var(wanted, arraysize=cursor.arraysize) if wanted else None

        raw.outputtypehandler = handler

    def protect(self, session: Any) -> None:
        """A text compared with a time is read in ISO form and in our zone; nothing can be written."""
        form = "'YYYY-MM-DD HH24:MI:SS'"
        session.exec_driver_sql(
            f"ALTER SESSION SET NLS_DATE_FORMAT = {form} NLS_TIMESTAMP_FORMAT = {form}"
            f" NLS_TIMESTAMP_TZ_FORMAT = {form} TIME_ZONE = '{TIMEZONE}'"
        )
        session.rollback()
        session.exec_driver_sql("SET TRANSACTION READ ONLY")

    def value_of(self, name: str, described: Any) -> ColumnElement[Any]:
        """Times with a zone become local times on the server: the driver would leave their zone out."""
        from sqlalchemy import TIMESTAMP, cast, literal_column

        value = super().value_of(name, described)
        if getattr(described, "name", "") not in ("DB_TYPE_TIMESTAMP_TZ", "DB_TYPE_TIMESTAMP_LTZ"):
            return value
        return cast(value.op("AT TIME ZONE")(literal_column(f"'{TIMEZONE}'")), TIMESTAMP())

    def types(self, session: Any, columns: Sequence[Any], name: str, schema: str | None) -> dict[str, str]:
        """From the driver's description, which has length, precision and nullability."""
        del session, name, schema
        return {column[0]: _declared(column) for column in columns}

    def text(self, value: Any) -> str | None:
        """Binary values as hexadecimal digits, as the server shows them."""
        return as_text(value.hex().upper() if isinstance(value, bytes) else value)

    def refused(self, error: BaseException) -> bool:
        """By the number behind ``ORA-``."""
        return bool(error.args) and getattr(error.args[0], "code", None) in self.refusals


def _declared(column: Sequence[Any]) -> str:
    """A column of the driver's description as a type; a number without precision is as wide as numbers get."""
    _, code, display, _, precision, scale, nullable = column[:7]
    kind = str(getattr(code, "name", code)).removeprefix("DB_TYPE_").lower()
    zoned = {"timestamp_tz": "timestamp with time zone", "timestamp_ltz": "timestamp with local time zone"}
    sizes = ""
    if kind == "number" and precision:
        sizes = f"({precision},{max(scale or 0, 0)})"
    elif kind in ("varchar", "nvarchar", "char", "nchar", "raw") and display:
        sizes = f"({display})"
    return f"{zoned.get(kind, kind)}{sizes}{' not null' if nullable is False else ''}"


def _connect_in_time(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
    """A connection of the driver, or its own error when nobody has let us in after three times the limit.

    The thread that still waits then ends with its socket or with the process, and closes what it gets too late."""
    answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    late = threading.Event()

    def connect() -> None:
        try:
            raw = dialect.connect(*arguments, **named)
        except Exception as error:  # whatever the driver raises is raised again by whoever waits
            answers.put((None, error))
            return
        answers.put((raw, None))
        if late.is_set():
            raw.close()

    threading.Thread(target=connect, name="oracle connect", daemon=True).start()
    try:
        raw, error = answers.get(timeout=3 * databases.CONNECT_SECONDS)
    except Empty:
        late.set()
        raise dialect.loaded_dbapi.OperationalError("no answer in time") from None
    if error is not None:
        raise error
    return raw
