"""The addresses of the indicators; the console's guard stands before each of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lienthong.console.answer import desk_of, page, visit_of
from lienthong.console.indicators import difference, export, index, offices, one, overview
from lienthong.console.indicators.figures import FEW, SIGNS, amount, limit, of, points, share, signed, wall

READ = ["GET", "HEAD"]
routes = APIRouter()


@routes.api_route("/indicators", methods=READ)
def of_province(request: Request) -> Response:
    """The province for one period, and its units beside each other."""
    with desk_of(request).look() as look:
        view = overview.overview(look, request.query_params, _language(request))
    return _page(request, "indicators.html.j2", view)


@routes.api_route("/indicators/{indicator}.csv", methods=READ)
def csv(request: Request, indicator: str) -> Response:
    """The ranking of an indicator as a file for any spreadsheet."""
    with desk_of(request).look() as look:
        name, rows, notes = export.ranking(look, indicator, request.query_params, _language(request))
    return _file(export.as_csv(notes, rows), f"{name}.csv", "text/csv; charset=utf-8")


@routes.api_route("/indicators/{indicator}.xlsx", methods=READ)
def xlsx(request: Request, indicator: str) -> Response:
    """The same as a workbook."""
    with desk_of(request).look() as look:
        name, rows, notes = export.ranking(look, indicator, request.query_params, _language(request))
    return _file(export.as_xlsx(notes, rows, _language(request)), f"{name}.xlsx", export.XLSX)


@routes.api_route("/indicators/{indicator}", methods=READ)
def of_indicator(request: Request, indicator: str) -> Response:
    """One indicator: what it says, how it went, and which units are where."""
    with desk_of(request).look() as look:
        view = one.indicator(look, indicator, request.query_params, _language(request))
    return _page(request, "indicator.html.j2", view)


@routes.api_route("/indicators/{indicator}/{unit}", methods=READ)
def of_unit(request: Request, indicator: str, unit: str) -> Response:
    """One unit of it, and the dossiers behind the figure."""
    with desk_of(request).look() as look:
        view = one.place(look, indicator, unit, request.query_params, _language(request))
    return _page(request, "indicator_unit.html.j2", view)


@routes.api_route("/on-time", methods=READ)
@routes.api_route("/on-time/{unit}", methods=READ)
def both(request: Request, unit: str = "") -> Response:
    """Why the two shares of dossiers on time differ, and by which dossiers."""
    with desk_of(request).look() as look:
        view = difference.difference(look, unit, request.query_params, _language(request))
    return _page(request, "on_time.html.j2", view)


@routes.api_route("/units/{code}/offices", methods=READ)
def of_offices(request: Request, code: str) -> Response:
    """How the offices of a unit work through their dossiers."""
    with desk_of(request).look() as look:
        view = offices.offices(look, code, request.query_params)
    return _page(request, "offices.html.j2", view)


@routes.api_route("/index766", methods=READ)
def index_of_province(request: Request) -> Response:
    """The index of Decision 766: the province's groups, and the units by their points."""
    desk = desk_of(request)
    with desk.look() as look:
        view = index.overview(look, desk.settings, request.query_params)
    return _page(request, "index766.html.j2", view)


@routes.api_route("/index766/{unit}", methods=READ)
def index_of_unit(request: Request, unit: str) -> Response:
    """Every part of one unit's index, ours and the portal's."""
    desk = desk_of(request)
    with desk.look() as look:
        view = index.place(look, desk.settings, unit, request.query_params, _language(request))
    return _page(request, "index766_unit.html.j2", view)


def _language(request: Request) -> str:
    return visit_of(request).language


def _page(request: Request, template: str, view: dict[str, Any]) -> Response:
    language = _language(request)
    tools = {"written": partial(limit, language=language), "amount": partial(amount, language), "signs": SIGNS,
             "percent": partial(of, language), "wall": partial(wall, language), "share_of": partial(share, language),
             "points": partial(points, language), "signed": partial(signed, language), "fewest": FEW}  # fmt: skip
    return page(request, template, {**tools, **view})


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
