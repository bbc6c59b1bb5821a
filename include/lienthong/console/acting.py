"""Nothing is changed from a page but by a person whom Airflow lets, through a form that we wrote for that person.

Three questions stand before each action, in this order: may this caller look at all (the application's guard), may
this person do this (``needs``), and does the request come from a form of ours (``sealed``).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from lienthong.console.answer import visit_of

FORM = "application/x-www-form-urlencoded"
LARGEST = 64 * 1024
"""Bytes of a form."""
LIFE = 12 * 3600
"""Seconds for which a page may lie open before its forms are no longer taken."""
FIELD = "seal"
PERSONAL = "personal"
"""Tag of routes that show personal values; ``app.prove`` sees whether each asks for the right to."""


def nobody() -> bool:
    """The answer where nobody was named."""
    return False


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks; ``may`` asks Airflow whether this person may have a DAG run and change the data behind it, and
    ``may_see_persons`` whether personal values may be shown to this person: nobody, where nothing is said of it."""

    name: str
    may: Callable[[str], bool]
    may_see_persons: Callable[[], bool] = nobody

    def must(self, *dags: str) -> None:
        """Refuse whoever may not act on every one of these DAGs."""
        if not dags or not all(self.may(dag) for dag in dags):
            raise Refused(
                "Tài khoản này chỉ được xem. Thao tác cần quyền của người vận hành (vai trò «op» của Airflow).",
                "This account may only look. Acting takes the rights of an operator (Airflow's role “op”).",
            )


class Refused(HTTPException):
    """An action that this caller may not do; the words say why."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(403, en)
        self.vi, self.en = vi, en


def who() -> Person:
    """The person who asks. ``app.make`` puts Airflow's answer in its place; without one nobody is anybody."""
    raise HTTPException(403)


Who = Annotated[Person, Depends(who)]


class Seals:
    """Marks in our forms: only whoever was given a page under this name can send its form, for half a day."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, name: str, now: float | None = None) -> str:
        """The mark for a person's forms."""
        at = str(int(time.time() if now is None else now))
        return f"{at}.{self._sign(at, name)}"

    def holds(self, name: str, mark: str) -> bool:
        """Whether the mark is one of ours, made for this person and not too old."""
        at, _, signature = mark.partition(".")
        if not (at.isascii() and at.isdigit() and len(at) < 16):
            return False
        right = hmac.compare_digest(self._sign(at, name).encode(), signature.encode())
        return right and 0 <= time.time() - int(at) <= LIFE

    def _sign(self, at: str, name: str) -> str:
        return hmac.new(self._secret, f"{at}\0{name}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Form:
    """What a person filled in; of a field that is asked for once the last value counts."""

    values: Mapping[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """One value, without blanks around it; empty when the form lacks it."""
        return (self.values.get(name) or [""])[-1].strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be given several times."""
        return [value.strip() for value in self.values.get(name, []) if value.strip()]


def needs(*dags: str) -> Any:
    """Before a route: the person may act on these DAGs; a name in braces is a part of the address."""

    def right(request: Request, person: Who) -> None:
        person.must(*(dag.format(**request.path_params) for dag in dags))

    return Depends(right)


def sees_persons() -> Any:
    """Before a route: the person is named among those to whom personal values may be shown."""

    def right(person: Who) -> None:
        if not person.may_see_persons():
            raise Refused(
                "Tài khoản này không được xem dữ liệu cá nhân. Quản trị viên hệ thống ghi tên người được xem vào "
                "LIENTHONG_PERSONAL_DATA.",
                "This account may not see personal data. Whoever runs the system names those who may in "
                "LIENTHONG_PERSONAL_DATA.",
            )

    return Depends(right)


async def sealed(request: Request, person: Who) -> Form:
    """The form of a request that came from one of our pages; anything else is refused."""
    form = await _form(request)
    seals: Seals = request.app.state.seals
    if form is None or not _from_here(request) or not seals.holds(person.name, form.get(FIELD)):
        raise Refused(
            "Biểu mẫu không được nhận: trang đã mở quá lâu hoặc yêu cầu không đến từ trang này. Hãy tải lại trang.",
            "The form was not taken: the page was open for too long, or the request came from elsewhere. Load the page "
            "again and try once more.",
        )
    return form


Sealed = Annotated[Form, Depends(sealed)]


def forms(request: Request, person: Person, *dags: str) -> dict[str, Any]:
    """What a template needs to offer actions: whether this person may act on these DAGs, and the mark of its forms."""
    seals: Seals = request.app.state.seals
    return {"may": all(person.may(dag) for dag in dags), "seal": seals.make(person.name)}


def see(request: Request, *parts: str | int, **query: str) -> Response:
    """After an action: the page on which it can be seen."""
    return RedirectResponse(visit_of(request).url(*parts, **query), 303)


async def _form(request: Request) -> Form | None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    values: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=999):
            values.setdefault(name, []).append(value.replace("\0", ""))
    except ValueError:
        return None
    return Form(values)


def _from_here(request: Request) -> bool:
    """Whether a browser says that the request comes from our own pages; one that does not say is not believed."""
    said = request.headers.get("origin") or request.headers.get("referer") or ""
    ours = {request.headers.get("host", ""), urlsplit(request.app.state.desk.settings.console_url).netloc} - {""}
    try:
        place = urlsplit(said).netloc
    except ValueError:
        return False
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin" and place in ours
