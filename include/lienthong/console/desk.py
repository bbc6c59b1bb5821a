"""What the console was opened with: settings, a few read-only sessions, and the contracts as they are now."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lienthong.connections import Lookup
from lienthong.console.queries import Look
from lienthong.contracts import Contract, load_all
from lienthong.errors import NeedsPerson
from lienthong.settings import Settings
from lienthong.share.pool import Pool

SESSIONS = 4
log = logging.getLogger("lienthong.console")


class Desk:
    """Looks at the warehouse; the sessions are read-only, so no page can change anything."""

    def __init__(self, settings: Settings, lookup: Lookup) -> None:
        self.settings = settings
        self.pool = Pool(lookup("warehouse"), SESSIONS, name="lienthong-console")
        self._contracts = load_all(settings.home / "expectations")

    def contracts(self) -> dict[str, Contract]:
        """The contracts of this moment; while one of them has a mistake, all as they were before it."""
        try:
            self._contracts = load_all(self.settings.home / "expectations")
        except NeedsPerson as error:
            log.warning("The console goes on with the contracts that it read before: %s", error)
        return self._contracts

    @contextmanager
    def look(self) -> Iterator[Look]:
        """One state of the warehouse."""
        contracts = self.contracts()
        with self.pool.session() as session:
            yield Look(session, self.settings.home, contracts)
