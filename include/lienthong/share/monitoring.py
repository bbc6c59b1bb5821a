"""For monitors: measures to a token with the right to them, health to everybody, what is wrong to such a token only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lienthong.metrics.text import MEDIA
from lienthong.share.refusals import Refused
from lienthong.share.tokens import METRICS, Token

if TYPE_CHECKING:
    from lienthong.metrics.health import Watch
    from lienthong.metrics.measured import Measures

# No system that reads data needs these, so the description of the service does not tell of them.
routes = APIRouter(prefix="/lienthong", include_in_schema=False)


def _caller(request: Request) -> Token:
    """Who asks. What is read is no record, so no access is noted: a monitor would write thousands a day."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token: Token = request.app.state.desk.caller(text.strip() if scheme.lower() == "bearer" else None)
    request.state.token = token.token_id
    if METRICS not in token.datasets:
        raise Refused(403, "scope", "Mã truy cập không có quyền đọc số đo vận hành (metrics).")
    return token


@routes.get("/metrics")
def metrics(request: Request) -> Response:
    """Every measure."""
    _caller(request)
    measures: Measures = request.app.state.measures
    return Response(measures.text(), 200, {"Cache-Control": "no-store"}, MEDIA)


@routes.get("/health")
def all_well(request: Request) -> Response:
    """Whether all is well: 200 or 503; the reasons for whoever may read measures."""
    watch: Watch = request.app.state.watch
    whole = "authorization" in request.headers and bool(_caller(request))
    found = watch.look()
    headers = {"Cache-Control": "no-store"}
    return Response(json.dumps(found.told(whole=whole)), found.status, headers, "application/json")
