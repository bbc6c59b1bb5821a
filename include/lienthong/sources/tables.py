"""Tables of a database, through SQLAlchemy: read-only, streamed, bounded in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import SourceChanged, SourceDown
from lienthong.settings import TIMEZONE
from lienthong.sources.text import BATCH, as_text, require_columns

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120

DRIVERS = {"postgres": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}


class TableSource:
    """One schema of a database; table and columns have the names of the contract.

    ``extra``: ``namespace`` (schema of the tables), ``tables`` (a map from dataset to table, when they differ)."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Stream the rows of the window from one read-only transaction."""
        from sqlalchemy.exc import DBAPIError

        engine = self._engine()
        try:
            yield from self._stream(engine, contract, window)
        except DBAPIError as error:
            # The driver's words may name hosts, accounts and values; its class is enough to act on.
            raise SourceDown(
                f"{contract.dataset}, {self.connection.name}: cơ sở dữ liệu không trả lời "
                f"({type(error.orig).__name__}). Kiểm tra máy chủ và đường truyền của đơn vị."
            ) from None
        finally:
            engine.dispose()

    def _stream(self, engine: Engine, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        from sqlalchemy import column, literal_column, select, table
        from sqlalchemy.exc import DBAPIError

        names = self.connection.extra.get("tables") or {}
        name, schema = names.get(contract.dataset, contract.dataset), self.connection.extra.get("namespace")
        place = table(name, schema=schema)
        with engine.connect() as session:
            self._protect(session)
            try:
                present = session.execute(select(literal_column("*")).select_from(place).limit(0)).keys()
            except DBAPIError:
                session.rollback()
                self._require_table(session, contract, name, schema)
                raise
            require_columns(contract, self.connection.name, present)
            query: Any = select(*(column(c) for c in contract.names)).select_from(place)
            if contract.cursor:
                # A bare literal is compared in the column's own type: a time, or a text where times are kept as text.
                cursor: Any = column(contract.cursor)
                start: Any = literal_column(f"'{window.local_start}'")
                end: Any = literal_column(f"'{window.local_end}'")
                query = query.where(cursor >= start, cursor < end)
            rows = session.execution_options(stream_results=True, yield_per=BATCH).execute(query)
            for part in rows.partitions(BATCH):
                yield [tuple(map(as_text, row)) for row in part]

    def _require_table(self, session: Any, contract: Contract, name: str, schema: str | None) -> None:
        from sqlalchemy import inspect

        if not inspect(session).has_table(name, schema=schema):
            raise SourceChanged(
                f"{contract.dataset}, {self.connection.name}: không có bảng {name!r}. "
                "Đơn vị quản lý nguồn khôi phục bảng hoặc cấp lại quyền đọc."
            ) from None

    def _engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        arguments: dict[str, Any] = {}
        if self.connection.kind == "postgres":
            arguments = {
                "connect_timeout": CONNECT_SECONDS,
                "options": f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS}s"
                f" -c DateStyle=ISO -c TimeZone={TIMEZONE}",
            }
        elif self.connection.kind == "mysql":
            arguments = {"connect_timeout": CONNECT_SECONDS, "read_timeout": STATEMENT_SECONDS}
        return create_engine(self._url(), poolclass=NullPool, connect_args=arguments, hide_parameters=True)

    def _url(self) -> URL:
        from sqlalchemy import URL

        known = self.connection
        if known.kind == "sqlite":
            path = Path(known.host or known.schema)
            if not path.is_file():  # SQLite would make an empty database
                raise SourceDown(f"{known.name}: không thấy tệp {path.name}. Kiểm tra máy của đơn vị.")
            return URL.create("sqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"})
        socket = known.host.startswith("/")
        return URL.create(
            DRIVERS[known.kind],
            username=known.login or None,
            password=known.password or None,
            host=None if socket else known.host or None,
            port=known.port,
            database=known.schema or None,
            query={"host": known.host} if socket and known.kind == "postgres" else {},
        )

    def _protect(self, session: Any) -> None:
        from sqlalchemy import text

        if self.connection.kind == "mysql":
            session.execute(text("SET SESSION TRANSACTION READ ONLY"))
            session.rollback()
