"""What a connection to a mapi receiver may say; what it leaves out has the default of the domain reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson


@dataclass(frozen=True, slots=True)
class Options:
    """Extras of the connection, each with its default (national portal reference, section 15).

    ``ca_file`` is the CA bundle that the receiver's certificate must lead to, ``cert_file`` our own certificate
    with its key where the adapter asks for one; both are paths of PEM files."""

    madonvi: str = "H15"
    dstcode: str = ""
    dstcode_in: str = "header"
    providerurl: str = ""
    login_path: str = "/mapi/login"
    path: str = "/mapi/g"
    timeout: float = 60.0
    session_minutes: float = 8.0
    dossiers_per_request: int = 1
    steps_per_request: int = 10
    in_flight: int = 1
    pull_in_flight: int = 1
    rate_per_second: float | None = None
    ca_file: str = ""
    cert_file: str = ""

    @classmethod
    def of(cls, connection: Connection, agency: str = "H15") -> Options:
        """Read the extras of ``connection``; a value that cannot be meant is refused by its name."""
        given = Given(connection)
        return cls(
            madonvi=given.code("madonvi", agency),
            dstcode=given.code("dstcode", ""),
            dstcode_in=given.choice("dstcode_in", ("header", "query")),
            providerurl=given.code("providerurl", ""),
            login_path=given.path("login_path", "/mapi/login"),
            path=given.path("path", "/mapi/g"),
            timeout=given.positive("timeout", 60.0),
            session_minutes=given.positive("session_minutes", 8.0),
            dossiers_per_request=given.count("dossiers_per_request", 1),
            steps_per_request=given.count("steps_per_request", 10),
            in_flight=given.count("in_flight", 1),
            pull_in_flight=given.count("pull_in_flight", 1),
            rate_per_second=given.positive("rate_per_second", 0.0) or None,
            ca_file=given.text("ca_file", ""),
            cert_file=given.text("cert_file", ""),
        )


class Given:
    """The extras, which arrive as JSON values from Airflow's form and as text from a URI."""

    def __init__(self, connection: Connection) -> None:
        """The extras of ``connection`` that say something."""
        self.name = connection.name
        self.extra: Mapping[str, Any] = {k: v for k, v in connection.extra.items() if v not in (None, "")}

    def fail(self, key: str, expected: str) -> NeedsPerson:
        """The error that names the extra and what it must be."""
        return NeedsPerson(
            f"Connection {self.name!r}: extra {key!r} must be {expected}. Whoever maintains the connection can mend it."
        )

    def text(self, key: str, default: str) -> str:
        """Text on one line."""
        value = self.extra.get(key, default)
        if not isinstance(value, str) or any(ord(c) < 32 for c in value):
            raise self.fail(key, "text on one line")
        return value

    def code(self, key: str, default: str) -> str:
        """Plain ASCII, fit for a header."""
        value = self.text(key, default)
        if not value.isascii():
            raise self.fail(key, "plain ASCII")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of ``allowed``; the first when nothing is said."""
        value = self.text(key, allowed[0])
        if value not in allowed:
            raise self.fail(key, " or ".join(allowed))
        return value

    def path(self, key: str, default: str) -> str:
        """A path of the receiver."""
        value = self.text(key, default)
        if not value.startswith("/"):
            raise self.fail(key, "a path that begins with /")
        return value

    def positive(self, key: str, default: float) -> float:
        """A number above 0."""
        if key not in self.extra:
            return default
        try:
            value = float(self.extra[key])
        except (TypeError, ValueError):
            raise self.fail(key, "a number above 0") from None
        if not 0 < value < 1e9:
            raise self.fail(key, "a number above 0")
        return value

    def count(self, key: str, default: int) -> int:
        """A whole number from 1."""
        value = self.positive(key, float(default))
        if value != int(value):
            raise self.fail(key, "a whole number from 1")
        return int(value)
