"""From a request to an answer: who asks for which page, the desk that looks, and the template that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from lienthong.console import render
from lienthong.console.desk import Desk
from lienthong.console.render import Visit

FRAMES = ("iframe", "frame")
"""What a browser says of a request for a page within another one."""


def desk_of(request: Request) -> Desk:
    """What the console was opened with."""
    desk: Desk = request.app.state.desk
    return desk


def visit_of(request: Request) -> Visit:
    """Who looks from where."""
    base = request.scope.get("root_path", "")
    airflow = request.scope.get("app_root_path", "")
    # a proxy that takes Airflow's own prefix away leaves it in the root path only
    path = request.scope["path"]
    inside = path.removeprefix(base) if path.startswith(base) else path.removeprefix(base.removeprefix(airflow))
    framed = request.headers.get("sec-fetch-dest") in FRAMES
    return Visit(base, airflow, inside, dict(request.query_params), framed)


def login(visit: Visit) -> str:
    """Airflow's own way to its login page, and from there back to where the reader was going."""
    query = f"?{urlencode(visit.query | ({'lang': 'en'} if visit.language == 'en' else {}))}"
    back = f"{visit.base}{quote(visit.path)}{query if query != '?' else ''}"
    return f"{visit.airflow}/api/v2/auth/login?next={quote(back, safe='')}"


def page(request: Request, template: str, view: Mapping[str, Any]) -> Response:
    """A page of the console."""
    return HTMLResponse(render.page(visit_of(request), template, **view))


def message(request: Request, status: int, vi: str, en: str, detail: str = "") -> Response:
    """A page that says why there is nothing else to see."""
    visit = visit_of(request)
    way = login(visit) if status in (401, 403) else ""
    text = render.page(visit, "message.html.j2", status=status, said=visit.t(vi, en), detail=detail, login=way)
    return HTMLResponse(text, status)
