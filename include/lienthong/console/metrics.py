"""The console's addresses for monitors that sign in to Airflow: measures as text, health as JSON."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from lienthong.console.answer import desk_of
from lienthong.metrics.health import Watch
from lienthong.metrics.measured import Measures
from lienthong.metrics.text import MEDIA

routes = APIRouter()


@routes.api_route("/metrics", methods=["GET", "HEAD"])
def metrics(request: Request) -> Response:
    """Every measure."""
    return Response(_measures(request).text(), media_type=MEDIA)


@routes.api_route("/health", methods=["GET", "HEAD"])
def all_well(request: Request) -> Response:
    """Whether all is well: 200, or 503 with what is not."""
    desk = desk_of(request)
    found = Watch(desk.settings.home, desk.pool.session).look()
    return JSONResponse(found.told(whole=True), found.status)


def _measures(request: Request) -> Measures:
    """One for the application, so that what was counted once is not counted again."""
    state = request.app.state
    desk = desk_of(request)
    if not hasattr(state, "measures"):
        state.measures = Measures(desk.settings.home, desk.pool.session, desk.contracts)
    found: Measures = state.measures
    return found
