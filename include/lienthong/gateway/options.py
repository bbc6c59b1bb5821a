"""What a connection to the shared platform may say. No specification is public, so whatever the platform may name or
place otherwise is an option, with the default of the domain reference (call patterns A, B and C)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lienthong.connections import Connection
from lienthong.mapi.answers import code_of
from lienthong.mapi.options import Given

AUTHS = ("lgsp", "oauth2", "portal_adapter")
VERDICTS = ("records", "whole")
UNKNOWN = ("không tồn tại", "không tìm thấy")


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the protocol's fields, ``extra.names``; ``update`` and ``delete`` are the values of ``operation``."""

    data: str = "data"
    trace: str = "MaGiaoDich"
    records: str = "DS_BAN_GHI"
    results: str = "DS_KET_QUA"
    key: str = "khoa"
    version: str = "phien_ban"
    operation: str = "thao_tac"
    update: str = "cap_nhat"
    delete: str = "xoa"
    record: str = "ban_ghi"
    code: str = "error_code"
    message: str = "message"
    result: str = "result"
    record_code: str = "error_code"
    record_message: str = "message"
    session: str = "session"
    username: str = "username"
    password: str = "password"  # noqa: S105 - the name of a field
    page: str = "trang"
    size: str = "kich_thuoc"
    start: str = "tu"
    end: str = "den"
    next: str = "trang_sau"
    total: str = "tong_so"


@dataclass(frozen=True, slots=True)
class Options:
    """Extras of the connection, each with its default.

    ``auth`` is ``lgsp``, ``oauth2`` or ``portal_adapter``. For ``lgsp`` the log-in is the AccessKey and the password
    the SecretKey; ``app_name``, ``partner_code`` and ``partner_code_cus`` are the other three credentials, and
    ``header`` is the header that carries the five. For ``oauth2`` they are the client's id and secret. ``texts``
    sends every value as text. ``success`` are the codes of a good answer. ``verdicts`` tells whether an answer that
    is good without naming a record speaks for all of them (``whole``) or for none (``records``).
    ``session_minutes`` is how long a session or token lives when its giver does not say. A failing answer about one
    record says that it does not exist when its code is in ``unknown``, or one of the phrases there is in its words;
    HTTP 404 says so too. A platform that tells of no single record has ``record_path`` empty: what is in doubt is sent
    again, which has no effect where it arrived."""

    auth: str = "lgsp"
    token_path: str = "/token"  # noqa: S105 - an address
    push_path: str = "/csdl/{dataset}/dong-bo"
    list_path: str = "/csdl/{dataset}"
    record_path: str = "/csdl/{dataset}/{khoa}"
    header: str = "lgspaccesstoken"
    app_name: str = ""
    partner_code: str = ""
    partner_code_cus: str = ""
    scope: str = ""
    dstcode: str = ""
    dstcode_in: str = "header"
    texts: bool = False
    success: Collection[str] = ("0",)
    unknown: Collection[str] = UNKNOWN
    verdicts: str = "records"
    records_per_request: int = 20
    in_flight: int = 1
    page_size: int = 500
    timeout: float = 60.0
    session_minutes: float = 8.0
    rate_per_second: float | None = None
    ca_file: str = ""
    cert_file: str = ""
    names: Names = Names()

    @classmethod
    def of(cls, connection: Connection) -> Options:
        """Read the extras of ``connection``; a value that cannot be meant is refused by its name."""
        given = Given(connection)
        auth = given.choice("auth", AUTHS)
        style = _STYLES[auth]
        return cls(
            auth=auth,
            token_path=given.path("token_path", style.token_path),
            push_path=given.path("push_path", "/csdl/{dataset}/dong-bo"),
            list_path=given.path("list_path", "/csdl/{dataset}"),
            record_path=_path_or_none(given, connection, "record_path", "/csdl/{dataset}/{khoa}"),
            header=given.code("header", "lgspaccesstoken"),
            app_name=given.text("app_name", ""),
            partner_code=given.text("partner_code", ""),
            partner_code_cus=given.text("partner_code_cus", ""),
            scope=given.text("scope", ""),
            dstcode=given.code("dstcode", ""),
            dstcode_in=given.choice("dstcode_in", ("header", "query")),
            texts=_flag(given, "texts", default=style.texts),
            success=_codes(given, "success", style.success),
            unknown=_unknown(given),
            verdicts=given.choice("verdicts", VERDICTS),
            records_per_request=given.count("records_per_request", 20),
            in_flight=given.count("in_flight", 1),
            page_size=given.count("page_size", 500),
            timeout=given.positive("timeout", 60.0),
            session_minutes=given.positive("session_minutes", 8.0),
            rate_per_second=given.positive("rate_per_second", 0.0) or None,
            ca_file=given.text("ca_file", ""),
            cert_file=given.text("cert_file", ""),
            names=_names(given, style.names),
        )


@dataclass(frozen=True, slots=True)
class _Style:
    """What the three ways to call differ in, apart from how a caller is known."""

    token_path: str
    names: Names
    success: Collection[str] = ("0",)
    texts: bool = False


_STYLES = {
    "lgsp": _Style("/token", Names()),
    "oauth2": _Style(
        "/token",
        Names(code="Status", message="Message", result="Result"),
        ("0", "200", "true", "ok", "success", "thành công"),
    ),
    "portal_adapter": _Style("/mapi/login", Names(), texts=True),
}


def _names(given: Given, default: Names) -> Names:
    wanted = _value(given, "names", {})
    known = {field.name for field in fields(Names)}
    if not isinstance(wanted, Mapping) or not all(
        name in known and isinstance(value, str) and value.isprintable() for name, value in wanted.items()
    ):
        raise given.fail("names", f"an object of texts with keys out of {', '.join(sorted(known))}")
    return replace(default, **wanted)


def _codes(given: Given, key: str, default: Collection[str]) -> Collection[str]:
    wanted = _value(given, key, list(default))
    codes = [code_of(code) for code in wanted] if isinstance(wanted, list) else [None]
    if not codes or None in codes:
        raise given.fail(key, "a list of codes")
    return tuple(str(code).casefold() for code in codes)


def _path_or_none(given: Given, connection: Connection, key: str, default: str) -> str:
    """A path, or an empty text where the connection says so itself."""
    return "" if connection.extra.get(key) == "" else given.path(key, default)


def _unknown(given: Given) -> Collection[str]:
    wanted = _value(given, "unknown", list(UNKNOWN))
    if not isinstance(wanted, list) or not all(isinstance(one, str) or type(one) is int for one in wanted):
        raise given.fail("unknown", "a list of codes and phrases")
    texts = [str(one).strip().casefold() for one in wanted]
    if not all(texts):
        raise given.fail("unknown", "a list of codes and phrases")
    return tuple(str(code_of(text)) if text.lstrip("+-").isdecimal() else text for text in texts)


def _flag(given: Given, key: str, *, default: bool) -> bool:
    value = given.extra.get(key, default)
    if str(value).casefold() not in ("true", "false"):
        raise given.fail(key, "true or false")
    return str(value).casefold() == "true"


def _value(given: Given, key: str, default: Any) -> Any:
    """A value that a URI carries as JSON text."""
    value = given.extra.get(key, default)
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
