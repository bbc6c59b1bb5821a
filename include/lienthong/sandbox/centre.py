"""The sandbox's monitoring centre: an NGSI-LD broker of one process over real HTTP, with its own acceptance log.

    SANDBOX_CENTRE_KEY=... python -m lienthong.sandbox.centre --port 8094 --data var/sandbox/centre

Without SANDBOX_CENTRE_KEY everybody may come in. SANDBOX_CENTRE_TENANTS names the tenants beside the default one,
joined by commas. Everything that is accepted is in the data folder before the answer leaves
(``centre_log.CentreLog``). SANDBOX_CENTRE_CONTROL_TOKEN opens the control interface (``web_control``).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lienthong.sandbox.centre_options import CentreOptions
from lienthong.sandbox.centre_server import serve
from lienthong.sandbox.web_server import until_told


def parser() -> argparse.ArgumentParser:
    """The command line; the key comes from the environment only."""
    line = argparse.ArgumentParser(
        prog="python -m lienthong.sandbox.centre", description="The sandbox's monitoring centre."
    )
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--data", type=Path, required=True, help="folder of the acceptance log")
    line.add_argument("--context", action="append", default=[], help="address of a further context that can be got")
    line.add_argument("--max-body-bytes", type=int, default=2_000_000)
    return line


def options(given: argparse.Namespace, env: Mapping[str, str]) -> CentreOptions:
    """The centre's options from the command line and the environment."""
    tenants = [part.strip() for part in env.get("SANDBOX_CENTRE_TENANTS", "").split(",")]
    return CentreOptions(
        data=given.data,
        key=env.get("SANDBOX_CENTRE_KEY", ""),
        tenants=tuple(filter(None, tenants)),
        contexts=tuple(given.context),
        max_body_bytes=given.max_body_bytes,
        control_token=env.get("SANDBOX_CENTRE_CONTROL_TOKEN", ""),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a clean stop, 2 when the centre cannot start."""
    given = parser().parse_args(arguments)
    return until_told(lambda: serve(options(given, os.environ), given.host, given.port))


if __name__ == "__main__":
    sys.exit(main())
