"""Runs the platform: in this process until SIGTERM, or in a thread for a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.platform_app import PlatformApp
from lienthong.sandbox.platform_edits import Edits, editing
from lienthong.sandbox.platform_log import PlatformLog
from lienthong.sandbox.platform_options import PlatformOptions
from lienthong.sandbox.platform_services import Platform
from lienthong.sandbox.web_server import listening, serve_here, serving


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that serves in a thread of this process."""

    url: str
    misbehaviour: Misbehaviour
    log: PlatformLog
    edits: Edits


def serve(options: PlatformOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way, close the log and return."""
    with listening(PlatformApp.name, host, port) as listener, contextlib.closing(Platform(options)) as platform:
        serve_here(PlatformApp(platform), listener)


@contextlib.contextmanager
def running_platform(options: PlatformOptions, port: int = 0) -> Iterator[Running]:
    """Serve on loopback in a thread while the block runs; port 0 takes a free one."""
    with (
        listening(PlatformApp.name, "127.0.0.1", port) as listener,
        contextlib.closing(Platform(options)) as platform,
        serving(PlatformApp(platform), listener) as url,
        editing(options.data, options.national) as edits,
    ):
        yield Running(url, platform.misbehaviour, PlatformLog(options.data), edits)
