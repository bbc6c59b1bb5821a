"""Where a named system is and how to enter it; the same names in Airflow, in the environment and in tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from lienthong.errors import NeedsPerson

Lookup = Callable[[str], "Connection"]


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection in Airflow's terms. The password never appears in its ``repr``."""

    name: str
    kind: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def base_url(self) -> str:
        """Address of an HTTP service without a trailing slash, from the forms in which people write it."""
        if "://" in self.host:
            base = self.host.rstrip("/")
        else:
            scheme = self.schema if self.schema in ("http", "https") else self.kind
            base = f"{scheme if scheme in ('http', 'https') else 'http'}://{self.host}"
        if self.port and urlsplit(base).port is None:
            parts = urlsplit(base)
            base = f"{parts.scheme}://{parts.netloc}:{self.port}{parts.path}"
        path = "" if self.schema in ("", "http", "https") else f"/{self.schema.strip('/')}"
        return base + path

    def conninfo(self) -> dict[str, Any]:
        """Keyword arguments of ``psycopg.connect`` for a PostgreSQL connection."""
        options = {k: v for k, v in self.extra.items() if k in ("sslmode", "options", "connect_timeout")}
        given = {
            "host": self.host, "port": self.port, "user": self.login,
            "password": self.password, "dbname": self.schema,
        }  # fmt: skip
        return {"connect_timeout": 10, **{k: v for k, v in given.items() if v}, **options}


def parse(name: str, text: str) -> Connection:
    """Read Airflow's JSON or URI form; the text itself is never repeated in an error."""
    text = text.strip()
    try:
        return _from_json(name, json.loads(text)) if text.startswith("{") else _from_uri(name, text)
    except (ValueError, TypeError, AttributeError) as error:
        raise NeedsPerson(
            f"Connection {name!r}: expected JSON or a URI in Airflow's form, found something else "
            f"({type(error).__name__}). Mend AIRFLOW_CONN_{name.upper()}."
        ) from None


def _from_json(name: str, value: dict[str, Any]) -> Connection:
    extra = value.get("extra") or {}
    return Connection(
        name=name,
        kind=_kind(str(value.get("conn_type", ""))),
        host=value.get("host") or "",
        port=int(value["port"]) if value.get("port") else None,
        login=value.get("login") or "",
        password=value.get("password") or "",
        schema=value.get("schema") or "",
        extra=json.loads(extra) if isinstance(extra, str) else extra,
    )


def _from_uri(name: str, text: str) -> Connection:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("no scheme")
    query = dict(parse_qsl(parts.query))
    extra = json.loads(query.pop("__extra__")) if "__extra__" in query else {}
    host = query.pop("host", "") or _host(parts)
    return Connection(
        name=name,
        kind=_kind(parts.scheme),
        host=host,
        port=parts.port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=unquote(parts.path[1:]),  # a further slash begins an absolute path
        extra={**extra, **query},
    )


def _host(parts: SplitResult) -> str:
    """The host as Airflow reads it: a name in small letters, a path (``%2F``) in the letters in which it is written."""
    host = unquote(parts.hostname or "")
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0]) if "/" in host else host


def _kind(scheme: str) -> str:
    """Airflow's connection type; SQLAlchemy's ``postgresql+driver`` counts as ``postgres``."""
    base = scheme.split("+")[0].lower()
    return "postgres" if base == "postgresql" else base


def from_environment(name: str, env: Mapping[str, str] | None = None) -> Connection:
    """Find ``AIRFLOW_CONN_<NAME>``, then the file that ``LIENTHONG_CONNECTIONS`` names; else say what is missing."""
    values = os.environ if env is None else env
    text = values.get(f"AIRFLOW_CONN_{name.upper()}")
    if text:
        return parse(name, text)
    known = _file(values.get("LIENTHONG_CONNECTIONS", ""))
    if name in known:
        entry = known[name]
        return parse(name, entry if isinstance(entry, str) else json.dumps(entry))
    raise NeedsPerson(
        f"Connection {name!r} is missing. Set AIRFLOW_CONN_{name.upper()} (a URI or JSON) or add it to "
        "Airflow's connections; an administrator of this installation can."
    )


def _file(path: str) -> dict[str, Any]:
    if not path or not Path(path).exists():
        return {}
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content
