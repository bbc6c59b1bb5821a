"""Runs the portal: in this process until SIGTERM, or in a thread for a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.portal_app import PortalApp
from lienthong.sandbox.portal_log import AcceptanceLog
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_services import Portal
from lienthong.sandbox.web_server import listening, serve_here, serving


@dataclass(frozen=True, slots=True)
class Running:
    """A portal that serves in a thread of this process."""

    url: str
    misbehaviour: Misbehaviour
    log: AcceptanceLog


def serve(options: PortalOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way, close the log and return."""
    with listening(PortalApp.name, host, port) as listener, contextlib.closing(Portal(options)) as portal:
        serve_here(PortalApp(portal), listener, f" ({options.profile})")


@contextlib.contextmanager
def running_portal(options: PortalOptions, port: int = 0) -> Iterator[Running]:
    """Serve on loopback in a thread while the block runs; port 0 takes a free one."""
    with (
        listening(PortalApp.name, "127.0.0.1", port) as listener,
        contextlib.closing(Portal(options)) as portal,
        serving(PortalApp(portal), listener) as url,
    ):
        yield Running(url, portal.misbehaviour, AcceptanceLog(options.data))
