"""Runs the monitoring centre: in this process until SIGTERM, or in a thread for a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from lienthong.sandbox.centre_app import CentreApp
from lienthong.sandbox.centre_log import CentreLog
from lienthong.sandbox.centre_options import CentreOptions
from lienthong.sandbox.centre_services import Centre
from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.web_server import listening, serve_here, serving


@dataclass(frozen=True, slots=True)
class Running:
    """A centre that serves in a thread of this process."""

    url: str
    misbehaviour: Misbehaviour
    log: CentreLog


def serve(options: CentreOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way, close the log and return."""
    with listening(CentreApp.name, host, port) as listener, contextlib.closing(Centre(options)) as centre:
        serve_here(CentreApp(centre), listener)


@contextlib.contextmanager
def running_centre(options: CentreOptions, port: int = 0) -> Iterator[Running]:
    """Serve on loopback in a thread while the block runs; port 0 takes a free one."""
    with (
        listening(CentreApp.name, "127.0.0.1", port) as listener,
        contextlib.closing(Centre(options)) as centre,
        serving(CentreApp(centre), listener) as url,
    ):
        yield Running(url, centre.misbehaviour, CentreLog(options.data))
