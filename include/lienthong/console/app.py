"""The console's application: every address stands behind the guard that it is made with, every action behind more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import Message, Scope

from lienthong.console import (
    activity,
    airflow,
    alerts,
    backfills,
    endpoints,
    history,
    metrics,
    pages,
    personal,
    problems,
    quarantine,
    reconciliation,
    render,
)
from lienthong.console.acting import PERSONAL, Person, Refused, Seals, who
from lienthong.console.answer import desk_of, login, message, page, visit_of
from lienthong.console.desk import Desk
from lienthong.console.indicators import routes as indicators
from lienthong.console.indicators.asked import NotAsked
from lienthong.console.pages import Missing, NotDone
from lienthong.console.wire import Wire
from lienthong.errors import LienThongError, NeedsPerson

Guard = Callable[..., Any]
READ = ["GET", "HEAD"]
SHORTEST_SECRET = 16
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


routes = APIRouter()


@routes.api_route("/", methods=READ)
def overview(request: Request) -> Response:
    """Which units and datasets are behind, and what to see to first."""
    with desk_of(request).look() as look:
        view = pages.overview(look)
    return page(request, "overview.html.j2", view)


@routes.api_route("/units/{code}", methods=READ)
def unit(request: Request, code: str) -> Response:
    """One unit."""
    with desk_of(request).look() as look:
        view = pages.unit(look, code) | history.of_unit(look, code, visit_of(request).language)
    return page(request, "unit.html.j2", view)


@routes.api_route("/datasets/{dataset}", methods=READ)
def dataset(request: Request, dataset: str) -> Response:
    """One dataset and its contract."""
    desk = desk_of(request)
    with desk.look() as look:
        view = pages.dataset(look, desk.settings, dataset)
        view |= history.of_dataset(look, dataset, visit_of(request).language)
    return page(request, "dataset.html.j2", view)


@routes.api_route(f"/{render.css_name()}", methods=READ)
def style() -> Response:
    """The style sheet. Its name changes with the content, so a browser may keep it; what a page says it may not."""
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(render.css(), headers=headers, media_type="text/css")


for part in (
    indicators,
    problems,
    alerts,
    backfills,
    endpoints,
    reconciliation,
    history,
    quarantine,
    personal,
    activity,
    airflow,
    metrics,
):
    routes.include_router(part.routes)


@routes.api_route("/{path:path}", methods=METHODS)
def nothing(request: Request) -> Response:
    """Every other address, so that the guard stands before it too."""
    if request.method not in READ:
        raise HTTPException(405)
    raise Missing("Không có trang này.", "There is no such page.")


def make(desk: Desk, guard: Guard, person: Guard, secret: bytes) -> FastAPI:
    """The application over a desk. ``guard`` is a FastAPI dependency that raises for whoever may not look, ``person``
    one that gives who looks; ``secret`` signs forms and is the same in every process that serves the console.

    The guard stands before every address, also before those that do not exist and before the style sheet: a mounted
    application inherits no dependency of the one that it is mounted in."""
    for name, given in {"guard": guard, "person": person}.items():
        if not callable(given):
            raise NeedsPerson(f"The console needs a {name} that can be called; it was given {type(given).__name__}.")
    if len(secret) < SHORTEST_SECRET:
        raise NeedsPerson(f"The console signs its forms with a secret of at least {SHORTEST_SECRET} bytes.")
    app = FastAPI(
        title="Liên Thông",
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        debug=False,
    )
    app.state.desk, app.state.guard, app.state.seals = desk, guard, Seals(secret)
    app.dependency_overrides[who] = person
    app.include_router(routes)
    app.add_exception_handler(Missing, _missing)
    app.add_exception_handler(NotAsked, _not_asked)
    app.add_exception_handler(NotDone, _not_done)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(LienThongError, _failed)
    app.add_middleware(Wire)
    return app


async def _missing(request: Request, error: Exception) -> Response:
    found = error if isinstance(error, Missing) else Missing("Không có trang này.", "There is no such page.")
    return message(request, 404, found.vi, found.en)


async def _not_asked(request: Request, error: Exception) -> Response:
    vi, en = (error.vi, error.en) if isinstance(error, NotAsked) else REFUSALS[400]
    return message(request, 400, vi, en)


async def _not_done(request: Request, error: Exception) -> Response:
    vi, en = (error.vi, error.en) if isinstance(error, NotDone) else REFUSALS[409]
    return message(request, 409, vi, en, detail=getattr(error, "detail", ""))


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return message(request, 403, error.vi, error.en)
    status = error.status_code if isinstance(error, HTTPException) else 400
    if status == 401 and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(login(visit_of(request)), 303)
    return message(request, status, *REFUSALS.get(status, REFUSALS[400]))


async def _failed(request: Request, error: Exception) -> Response:
    return message(request, 503, *REFUSALS[503], detail=str(error))


async def prove(app: FastAPI) -> None:
    """Raise unless every address refuses a caller without credentials, and every action whoever may only look.

    Asked before the console is opened: should Airflow's own checks change their meaning, no page is shown."""
    for path, methods in _addresses(app):
        for method in sorted(methods):
            status = await _ask(app, method, path)
            if status not in (401, 403):
                raise NeedsPerson(
                    f"The console must refuse a caller without credentials with 401 or 403; {method} {path} answered "
                    f"{status}. Airflow's security has changed: mend the guard in plugins/console.py."
                )
    await _prove_actions(app)


async def _prove_actions(app: FastAPI) -> None:
    """As somebody who may look: each action asks for a right and refuses without it, and without a form of ours; what
    shows personal values asks for the second right too."""
    actions = [(path, method) for path, methods in _addresses(app) if methods != set(METHODS) for method in methods]
    personal = {_example(route) for route in app.routes if PERSONAL in getattr(route, "tags", ())}
    before = dict(app.dependency_overrides)
    asked: list[str] = []

    def somebody(right: bool, persons: bool) -> Callable[[], Person]:
        def may(dag: str) -> bool:
            asked.append(dag)
            return right

        def may_see_persons() -> bool:
            asked.append(PERSONAL)
            return persons

        return lambda: Person("nobody", may, may_see_persons)

    try:
        app.dependency_overrides[app.state.guard] = lambda: None
        for right, persons in ((False, True), (True, False), (True, True)):
            app.dependency_overrides[who] = somebody(right, persons)
            for path, method in actions:
                asked.clear()
                if method in READ:
                    continue
                wanted = {PERSONAL} if right and path in personal else set()
                if (await _ask(app, method, path)) != 403 or not set(asked) - {PERSONAL} or not wanted <= set(asked):
                    raise NeedsPerson(
                        f"{method} {path} of the console must ask for a right and refuse whoever has none, or has no "
                        "form of ours. It does not: mend its route."
                    )
    finally:
        app.dependency_overrides.clear()
        app.dependency_overrides.update(before)


def _addresses(app: FastAPI) -> list[tuple[str, set[str]]]:
    """Every address of the application as an example, with its methods."""
    return [(_example(route), set(getattr(route, "methods", None) or {"GET"})) for route in app.routes]


def _example(route: BaseRoute) -> str:
    return getattr(route, "path", "/").replace("{number:int}", "1").replace("{path:path}", "x")


async def _ask(app: FastAPI, method: str, path: str) -> int:
    """The status of one request that brings nothing."""
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "root_path": "", "query_string": b"", "scheme": "http",
        "headers": [(b"host", b"console")], "client": None, "server": ("console", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return status


REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("Yêu cầu không hợp lệ.", "The request is not valid."),
    401: ("Cần đăng nhập Airflow để xem trang này.", "Sign in to Airflow to see this page."),
    403: (
        "Tài khoản này không được xem bảng điều khiển. Quản trị viên Airflow cấp quyền xem «Plugins».",
        "This account may not see the console. An administrator of Airflow can grant the view “Plugins”.",
    ),
    405: ("Địa chỉ này không nhận thao tác.", "Nothing can be done at this address."),
    409: ("Chưa thực hiện được.", "This was not done."),
    503: (
        "Chưa đọc được kho dữ liệu. Hãy tải lại trang sau ít phút.",
        "The warehouse cannot be read now. Load the page again in some minutes.",
    ),
}
