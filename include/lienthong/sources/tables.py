"""Tables of a database, through SQLAlchemy: read-only as far as the server can, streamed, bounded in time.

``extra``: ``namespace`` (schema or owner of the tables), ``tables`` (a map from dataset to table, when they differ);
TLS as each kind of database names it in ``databases``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sources.databases import Database, MySql, Postgres, Sqlite, SqlServer
from lienthong.sources.oracle import Oracle
from lienthong.sources.shapes import Shape
from lienthong.sources.text import BATCH, require_columns

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.exc import DBAPIError


DATABASES: Mapping[str, Callable[[Connection], Database]] = {
    "postgres": Postgres,
    "mysql": MySql,
    "sqlite": Sqlite,
    "mssql": SqlServer,
    "oracle": Oracle,
}


class TableSource:
    """One schema of a database; table and columns have the names of the contract."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.database = DATABASES[connection.kind](connection)

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Stream the rows of the window from one read-only transaction."""
        from sqlalchemy.exc import DBAPIError

        engine = self.database.engine()
        try:
            yield from self._stream(engine, contract, window)
        except DBAPIError as error:
            raise self._told(contract, error) from None
        except UnicodeDecodeError:
            raise SourceChanged(
                f"{contract.dataset}, {self.connection.name}: có chữ không đúng bảng mã mà cơ sở dữ liệu khai. "
                "Đơn vị quản lý nguồn kiểm tra bảng mã của bảng."
            ) from None
        finally:
            engine.dispose()

    def _told(self, contract: Contract, error: DBAPIError) -> SourceChanged | SourceDown:
        # The driver's words may name hosts, accounts and values; its class is enough to act on.
        where, kind = f"{contract.dataset}, {self.connection.name}", type(error.orig).__name__
        if error.orig is not None and self.database.refused(error.orig):
            return SourceChanged(
                f"{where}: cơ sở dữ liệu từ chối tài khoản của tỉnh ({kind}). "
                "Đơn vị quản lý nguồn cấp lại tài khoản hoặc quyền đọc."
            )
        return SourceDown(
            f"{where}: cơ sở dữ liệu không trả lời ({kind}). Kiểm tra máy chủ và đường truyền của đơn vị."
        )

    def _stream(self, engine: Engine, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        with engine.connect() as session:
            with self.database.awaited(session):
                self.database.protect(session)
                query = self._query(session, contract, window)
            with self.database.awaited(session):
                rows = session.execution_options(stream_results=True, yield_per=BATCH).execute(query)
                parts = rows.partitions(BATCH)
                part = next(parts, None)
            while part:
                yield [tuple(map(self.database.text, row)) for row in part]
                with self.database.awaited(session):
                    part = next(parts, None)

    def _query(self, session: Any, contract: Contract, window: Window) -> Any:
        """The statement that reads the window: the table's own spelling of the contract's columns, in its order."""
        from sqlalchemy import literal_column, select, table
        from sqlalchemy.exc import DBAPIError

        names = self.connection.extra.get("tables") or {}
        name, schema = names.get(contract.dataset, contract.dataset), self.connection.extra.get("namespace")
        place = table(name, schema=schema)
        nothing = literal_column("1") == literal_column("0")
        try:
            with session.execute(select(literal_column("*")).select_from(place).where(nothing)) as found:
                columns = list(found.cursor.description)
        except DBAPIError:
            session.rollback()
            self._require_table(session, contract, name, schema)
            raise
        described = {column[0]: column[1] for column in columns}
        spelt = {self._known(column): column for column in described}
        types = self.database.types(session, columns, name, schema)
        shape = Shape.declared((self._known(column), types.get(column, "")) for column in described)
        require_columns(contract, self.connection.name, shape)
        query: Any = select(
            *(self.database.value_of(spelt[column], described[spelt[column]]) for column in contract.names)
        ).select_from(place)
        return query.where(*self._bounds(spelt[contract.cursor], window)) if contract.cursor else query

    def _known(self, column: str) -> str:
        return column.lower() if self.database.folds_names else column

    def _bounds(self, name: str, window: Window) -> tuple[Any, Any]:
        """A bare literal is compared in the column's own type: a time, or a text where times are kept as text.

        Each database reads the literal in ISO form, because ``protect`` tells those that would not."""
        from sqlalchemy import column, literal_column, quoted_name

        cursor: Any = column(quoted_name(name, True))
        start: Any = literal_column(f"'{window.local_start}'")
        end: Any = literal_column(f"'{window.local_end}'")
        return cursor >= start, cursor < end

    def _require_table(self, session: Any, contract: Contract, name: str, schema: str | None) -> None:
        from sqlalchemy import inspect

        if not inspect(session).has_table(name, schema=schema):
            raise SourceChanged(
                f"{contract.dataset}, {self.connection.name}: không có bảng {name!r}. "
                "Đơn vị quản lý nguồn khôi phục bảng hoặc cấp lại quyền đọc."
            ) from None
