"""Runs the read service until it is told to stop; what is being answered then is answered to the end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.settings import Settings
from lienthong.share import shelf
from lienthong.share.app import make
from lienthong.share.pace import Pace
from lienthong.share.pool import Pool
from lienthong.share.visits import Desk

if TYPE_CHECKING:
    import uvicorn

READERS = 8
WRITERS = 4
MOST_AT_ONCE = 200


def desk(
    settings: Settings, contracts: Mapping[str, Contract], reading: Connection, writing: Connection, rate: int
) -> Desk:
    """Everything that answers need; no session is opened yet."""
    return Desk(
        home=settings.home,
        contracts=contracts,
        exports=shelf.folder_of(settings.var),
        reader=Pool(reading, READERS),
        writer=Pool(writing, WRITERS, writes=True),
        pace=Pace(rate),
        agency=settings.agency,
    )


def server(made: Desk, host: str, port: int) -> uvicorn.Server:
    """The server on one address, not running yet. TLS and what lies beyond this machine are for the proxy in front."""
    import uvicorn

    # Its lines would hold paths, and paths hold keys; so it stays silent whoever listens.
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        make(made),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


def run(made: Desk, host: str, port: int) -> None:
    """Serve until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        server(made, host, port).run()
    finally:
        made.reader.close()
        made.writer.close()
