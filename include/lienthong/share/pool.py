"""A few sessions on the warehouse, kept open between requests; what reads cannot write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.rows import dict_row

from lienthong.connections import Connection
from lienthong.errors import LienThongError, TryAgain
from lienthong.warehouse.store import SESSION, Session, explain

# No statement of a page takes seconds; one that does must not keep a session from all others.
READING = (
    "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read -c statement_timeout=30000"
)
PATIENCE = 10.0  # seconds that a request waits for a session


class Pool:
    """At most ``size`` sessions; with ``writes`` false the server itself refuses every change, and what one block
    reads is one state of the warehouse. ``name`` is what the server's administrator sees of whose session it is."""

    def __init__(
        self, connection: Connection, size: int, *, writes: bool = False, name: str = "lienthong-share"
    ) -> None:
        self._connection = connection
        self._name = name
        self._options = SESSION if writes else f"{SESSION} {READING}"
        self._free: list[Session] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(size)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One session in one transaction: committed when the block ends well, rolled back when it does not."""
        if not self._places.acquire(timeout=PATIENCE):
            raise TryAgain("Every session of the read service is in use; ask again in some seconds.")
        try:
            with self._held() as session, session.transaction():
                yield session
        except LienThongError:
            raise
        except psycopg.Error as error:
            # The server's own words can hold values of rows, and a chained error would print them.
            raise explain(error) from None
        finally:
            self._places.release()

    @contextmanager
    def _held(self) -> Iterator[Session]:
        session = self._take()
        try:
            yield session
        finally:
            if session.closed or session.broken:
                with suppress(psycopg.Error):
                    session.close()
            else:
                with self._lock:
                    self._free.append(session)

    def _take(self) -> Session:
        while True:
            with self._lock:
                session = self._free.pop() if self._free else None
            if session is None:
                return self._connect()
            # A server that was started anew meanwhile has closed what lay here; that is no error of this request.
            try:
                session.execute("SELECT")
                session.rollback()
                return session
            except psycopg.Error:
                with suppress(psycopg.Error):
                    session.close()

    def _connect(self) -> Session:
        given = self._connection.conninfo()
        options = f"{given.pop('options', '')} {self._options}".strip()
        return psycopg.connect(**given, options=options, application_name=self._name, row_factory=dict_row)

    def close(self) -> None:
        """Close what is open and not in use."""
        with self._lock:
            while self._free:
                self._free.pop().close()
