"""The sandbox's national public-service portal: the ``mapi`` generation over real HTTP.

    SANDBOX_PORTAL_USER=... SANDBOX_PORTAL_PASSWORD=... \\
        python -m lienthong.sandbox.portal --port 8091 --data var/sandbox/portal

Paths are ``/mapi/login`` and ``/mapi/g``, also below ``/XrdAdapter/RestService/forward/``, and ``/health``.
Everything that is accepted is in the data folder before the answer leaves (``portal_log.AcceptanceLog``). Sessions
live in memory: a restart ends them, as clients must expect. SANDBOX_PORTAL_CONTROL_TOKEN opens the control
interface (``web_control``) that makes the portal misbehave on request.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lienthong.sandbox.portal_catalogue import DEFAULT
from lienthong.sandbox.portal_options import CODE_TYPES, NATIONAL_PORTAL, PortalOptions
from lienthong.sandbox.portal_server import serve
from lienthong.sandbox.portal_validation import PROFILES
from lienthong.sandbox.web_server import until_told


def parser() -> argparse.ArgumentParser:
    """The command line; accounts and tokens come from the environment only."""
    line = argparse.ArgumentParser(
        prog="python -m lienthong.sandbox.portal", description="The sandbox's national public-service portal."
    )
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--data", type=Path, required=True, help="folder of the acceptance log")
    line.add_argument("--profile", choices=PROFILES, default="strict")
    line.add_argument("--session-seconds", type=float, default=900.0)
    line.add_argument("--login-code", choices=CODE_TYPES, default="number", help="type of error_code")
    line.add_argument("--service-code", choices=CODE_TYPES, default="string", help="type of error_code")
    line.add_argument("--partial", action="store_true", help="keep the good records of an array with bad ones")
    line.add_argument("--madonvi", default="H15", help="agency that the account belongs to")
    line.add_argument("--dstcode", action="append", help="destination that is known; may be repeated")
    line.add_argument("--max-body-bytes", type=int)
    line.add_argument("--max-records", type=int, help="longest data array")
    line.add_argument("--catalogue", type=Path, default=DEFAULT)
    return line


def options(given: argparse.Namespace, env: Mapping[str, str]) -> PortalOptions:
    """The portal's options from the command line and the environment."""
    return PortalOptions(
        data=given.data,
        user=env.get("SANDBOX_PORTAL_USER", ""),
        password=env.get("SANDBOX_PORTAL_PASSWORD", ""),
        profile=given.profile,
        session_seconds=given.session_seconds,
        login_code=given.login_code,
        service_code=given.service_code,
        partial=given.partial,
        madonvi=given.madonvi,
        dstcodes=tuple(given.dstcode or (NATIONAL_PORTAL,)),
        max_body_bytes=given.max_body_bytes,
        max_records=given.max_records,
        control_token=env.get("SANDBOX_PORTAL_CONTROL_TOKEN", ""),
        catalogue=given.catalogue,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a clean stop, 2 when the portal cannot start."""
    given = parser().parse_args(arguments)
    return until_told(lambda: serve(options(given, os.environ), given.host, given.port))


if __name__ == "__main__":
    sys.exit(main())
