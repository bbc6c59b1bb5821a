"""The sandbox's national shared platform: three patterns of calling over real HTTP, push, pull and one record.

    SANDBOX_PLATFORM_ACCESS_KEY=... SANDBOX_PLATFORM_SECRET_KEY=... SANDBOX_PLATFORM_APP_NAME=... \\
    SANDBOX_PLATFORM_PARTNER_CODE=... SANDBOX_PLATFORM_PARTNER_CODE_CUS=... \\
        python -m lienthong.sandbox.platform --port 8092 --data var/sandbox/platform \\
        --national var/sandbox/platform/national.sqlite

SANDBOX_PLATFORM_CLIENT_ID and _CLIENT_SECRET open the pattern with OAuth2, SANDBOX_PLATFORM_USER and _PASSWORD the one
of the portal's adapter. Everything that is accepted is in the data folder before the answer leaves
(``platform_log.PlatformLog``). Tokens live in memory: a restart ends them, as clients must expect.
SANDBOX_PLATFORM_CONTROL_TOKEN opens the control interface (``web_control``).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lienthong.sandbox.platform_options import Lgsp, PlatformOptions
from lienthong.sandbox.platform_server import serve
from lienthong.sandbox.web_server import until_told

LGSP = (
    "SANDBOX_PLATFORM_ACCESS_KEY",
    "SANDBOX_PLATFORM_SECRET_KEY",
    "SANDBOX_PLATFORM_APP_NAME",
    "SANDBOX_PLATFORM_PARTNER_CODE",
    "SANDBOX_PLATFORM_PARTNER_CODE_CUS",
)


def parser() -> argparse.ArgumentParser:
    """The command line; credentials come from the environment only."""
    line = argparse.ArgumentParser(
        prog="python -m lienthong.sandbox.platform", description="The sandbox's national shared platform."
    )
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--data", type=Path, required=True, help="folder of the acceptance log")
    line.add_argument("--national", type=Path, required=True, help="SQLite file with what the nation serves")
    line.add_argument("--token-seconds", type=float, default=1800.0)
    line.add_argument("--most-records", type=int, default=1000, help="longest push, and the largest page")
    return line


def options(given: argparse.Namespace, env: Mapping[str, str]) -> PlatformOptions:
    """The platform's options from the command line and the environment; a pattern is open with all its credentials."""
    lgsp = _all(env, *LGSP)
    client = _all(env, "SANDBOX_PLATFORM_CLIENT_ID", "SANDBOX_PLATFORM_CLIENT_SECRET")
    account = _all(env, "SANDBOX_PLATFORM_USER", "SANDBOX_PLATFORM_PASSWORD")
    return PlatformOptions(
        data=given.data,
        national=given.national,
        lgsp=Lgsp(*lgsp) if lgsp else None,
        client=(client[0], client[1]) if client else None,
        account=(account[0], account[1]) if account else None,
        token_seconds=given.token_seconds,
        most_records=given.most_records,
        control_token=env.get("SANDBOX_PLATFORM_CONTROL_TOKEN", ""),
    )


def _all(env: Mapping[str, str], *names: str) -> list[str] | None:
    values = [env.get(name, "") for name in names]
    return values if all(values) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a clean stop, 2 when the platform cannot start."""
    given = parser().parse_args(arguments)
    return until_told(lambda: serve(options(given, os.environ), given.host, given.port))


if __name__ == "__main__":
    sys.exit(main())
