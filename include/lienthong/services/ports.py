"""A port that somebody chose is used or refused by name; a default one that is taken is avoided.

    variable                    default   who listens there (on 127.0.0.1 only)
    LIENTHONG_PORT_AIRFLOW      8080      Airflow api-server: UI, REST and the API of its own tasks
    LIENTHONG_PORT_PORTAL       8090      sandbox: National Public Service Portal
    LIENTHONG_PORT_DEPARTMENT   8091      sandbox: REST service of one department
    LIENTHONG_PORT_PLATFORM     8092      sandbox: national shared platform
    LIENTHONG_PORT_SHARE        8093      what other systems of the province read from
    LIENTHONG_PORT_CENTRE       8094      sandbox: monitoring centre
    LIENTHONG_PORT_APP          8095      sandbox: public app of the province
    LIENTHONG_PORT_MAIL         8025      sandbox: mail server
    LIENTHONG_PORT_MAILBOX      8026      sandbox: page on which the mail is read

PostgreSQL listens on a Unix socket only. The scheduler and the triggerer run without their log servers (the
api-server reads the same files) and without health servers, so that nothing else listens.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lienthong.errors import NeedsPerson

HOST = "127.0.0.1"
TRIES = 100


@dataclass(frozen=True, slots=True)
class Port:
    """One line of the table above."""

    name: str
    default: int
    purpose: str

    @property
    def variable(self) -> str:
        """The environment variable that chooses it."""
        return f"LIENTHONG_PORT_{self.name.upper()}"


PORTS = (
    Port("airflow", 8080, "Airflow: UI and REST"),
    Port("portal", 8090, "sandbox: National Public Service Portal"),
    Port("department", 8091, "sandbox: REST service of one department"),
    Port("platform", 8092, "sandbox: national shared platform"),
    Port("share", 8093, "what other systems read from"),
    Port("centre", 8094, "sandbox: monitoring centre"),
    Port("app", 8095, "sandbox: public app of the province"),
    Port("mail", 8025, "sandbox: mail server"),
    Port("mailbox", 8026, "sandbox: page on which the mail is read"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The ports to use, by name, and a sentence for each default that was avoided."""

    ports: dict[str, int]
    notices: tuple[str, ...]


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port that was closed a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose(env: Mapping[str, str], free: Callable[[int], bool] = is_free) -> Choice:
    """Give every service its port, each another one; refuse a chosen port that is taken or no port at all."""
    wanted = {port.name: _wanted(port, env) for port in PORTS}
    _distinct(wanted)
    chosen: dict[str, int] = {}
    notices: list[str] = []
    reserved = {number for number in wanted.values() if number is not None}
    for port in PORTS:
        number = wanted[port.name]
        if number is None:
            number = _near(port, free, reserved | set(chosen.values()))
            if number != port.default:
                notices.append(f"Port {port.default} ({port.purpose}) is taken; {number} is used instead.")
        elif not free(number):
            raise NeedsPerson(
                f"{port.variable}={number} ({port.purpose}): another program listens on this port, or it may not be "
                "used by this account. Choose another number or stop that program."
            )
        chosen[port.name] = number
    return Choice(chosen, tuple(notices))


def _wanted(port: Port, env: Mapping[str, str]) -> int | None:
    text = env.get(port.variable, "").strip()
    if not text:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise NeedsPerson(f"{port.variable} must be a port number from 1 to 65535; it is {text!r}.")
    return int(text)


def _distinct(wanted: Mapping[str, int | None]) -> None:
    seen: dict[int, str] = {}
    for port in PORTS:
        number = wanted[port.name]
        if number is None:
            continue
        if number in seen:
            raise NeedsPerson(f"{seen[number]} and {port.variable} are both {number}; give each its own port.")
        seen[number] = port.variable


def _near(port: Port, free: Callable[[int], bool], reserved: set[int]) -> int:
    for number in range(port.default, port.default + TRIES):
        if number not in reserved and free(number):
            return number
    raise NeedsPerson(
        f"No free port from {port.default} to {port.default + TRIES - 1} for {port.purpose}. "
        f"Set {port.variable} to one that is free."
    )
