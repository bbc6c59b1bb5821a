"""The read service: every address here only reads, and gives a token no more than its scopes and its ceiling."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from lienthong import __version__
from lienthong.contracts import CLASSES
from lienthong.metrics.health import Watch
from lienthong.metrics.measured import Measures
from lienthong.share import bodies, dcat, exports, marks, models, monitoring, page, reading, refusals
from lienthong.share.marks import LARGEST, LONGEST, Mark
from lienthong.share.pulse import Pulse
from lienthong.share.refusals import Refused
from lienthong.share.shape import Shape
from lienthong.share.shelf import CEILING, Manifest
from lienthong.share.tokens import Token
from lienthong.share.visits import EVERYTHING, Desk, Look, has
from lienthong.share.wire import Wire
from lienthong.warehouse import versions

MOST_ROWS = 5000
USUAL_ROWS = 500
ABOUT = (
    "Dịch vụ chỉ đọc để các hệ thống thông tin của tỉnh lấy dữ liệu dùng chung: bản ghi hiện có, thay đổi từ một phiên "
    "bản, và bản xuất toàn bộ. Mỗi hệ thống có mã truy cập riêng, giới hạn theo tập dữ liệu và theo phân loại. "
    "Cách dùng: duyệt «records» đến hết, giữ lại «since»; từ đó chỉ gọi «changes»."
)
# Ranges of a file that is compressed on the way would be ranges of something else.
PLAIN = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "text/csv", "application/vnd.apache.parquet")
_bearer = HTTPBearer(auto_error=False, description="Mã truy cập do nhóm dữ liệu của tỉnh cấp cho từng hệ thống.")


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of an address that are no, for its description."""
    content = {refusals.MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": refusals.TITLES[status], "content": content} for status in statuses}


def _answers(model: type[Any], description: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    known: dict[int | str, dict[str, Any]] = {200: {"model": model, "description": description}}
    return known | {304: {"description": "Không có gì thay đổi so với «If-None-Match»."}} | _refusals(*statuses)


Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def desk_of(request: Request) -> Desk:
    """What the application was made with."""
    found: Desk = request.app.state.desk
    return found


def caller(request: Request, credentials: Credentials) -> Token:
    """Who asks; every address of data stands behind this."""
    token = desk_of(request).caller(credentials.credentials if credentials else None)
    request.state.token = token.token_id
    return token


Caller = Annotated[Token, Security(caller)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Số bản ghi tối đa của một trang.")]
After = Annotated[str, Query(max_length=LONGEST, description="Giá trị «next» của trang trước; bỏ trống ở trang đầu.")]
Since = Annotated[int, Query(ge=0, le=LARGEST, description="Phiên bản đã có; 0 để nhận mọi thay đổi từ đầu.")]

v1 = APIRouter(prefix="/v1")


@v1.get("/datasets", summary="Các tập dữ liệu được đọc", responses=_answers(models.DatasetList, "Danh sách", 401, 429))
def datasets(request: Request, token: Caller) -> Response:
    """Danh sách tập dữ liệu trong quyền của mã truy cập, kèm phiên bản hiện tại của từng tập."""
    desk = desk_of(request)
    chosen = _open(desk, token)
    with desk.reader.session() as session:
        lines = [bodies.line(shape.contract, versions.current(session, shape.contract.dataset)) for shape in chosen]
    return desk.told(request, token, EVERYTHING, "datasets", {"items": lines})


def _open(desk: Desk, token: Token) -> list[Shape]:
    shapes = [Shape(desk.contracts[name], token.ceiling) for name in token.datasets if name in desk.contracts]
    return [shape for shape in shapes if shape.open]


@v1.get(
    "/datasets/{dataset}",
    summary="Mô tả tập dữ liệu",
    responses=_answers(models.DatasetAnswer, "Mô tả và các cột", 401, 403, 429),
)
def dataset(request: Request, token: Caller, dataset: str) -> Response:
    """Chủ quản, phiên bản, các cột với phân loại, và cột nào bị che đối với mã truy cập này."""

    def work(look: Look) -> tuple[str, int]:
        return json.dumps(bodies.dataset(look.shape, look.version), ensure_ascii=False), 0

    desk = desk_of(request)
    # All of the contract may show here, titles and codes too, and a contract changes only with a restart.
    parts = (repr(desk.contracts.get(dataset)),)
    return desk.visit(request, token, dataset, "describe", parts, work)


@v1.get(
    "/datasets/{dataset}/records",
    summary="Bản ghi hiện có",
    responses=_answers(models.RecordPage, "Một trang bản ghi", 400, 401, 403, 429, 503),
)
def records(request: Request, token: Caller, dataset: str, limit: Limit = USUAL_ROWS, after: After = "") -> Response:
    """Duyệt các bản ghi hiện có theo thứ tự khóa. Mỗi khóa xuất hiện nhiều nhất một lần trong một lượt duyệt, kể cả khi
    dữ liệu được cập nhật trong lúc đó; các cập nhật ấy lấy bằng «changes» từ «since»."""

    def work(look: Look) -> tuple[str, int]:
        mark = _mark(after, reading.RECORDS, dataset) or Mark(reading.RECORDS, dataset, look.version.number, 0, "")
        found = reading.records(look.session, desk.home, look.shape, mark, limit)
        return bodies.page(_head(look) | {"since": mark.start}, found), len(found.rows)

    desk = desk_of(request)
    return desk.visit(request, token, dataset, "records", (limit, after), work)


@v1.get(
    "/datasets/{dataset}/records/{key:path}",
    summary="Một bản ghi theo khóa",
    responses=_answers(models.RecordAnswer, "Bản ghi", 401, 403, 404, 410, 429, 503),
)
def record(request: Request, token: Caller, dataset: str, key: str) -> Response:
    """Bản ghi có đúng khóa này (mã hóa phần trăm trong địa chỉ; khóa nhiều cột nối bằng «|»)."""

    def work(look: Look) -> tuple[str, int]:
        row = reading.record(look.session, desk.home, look.shape, key) if marks.sendable(key) else None
        if row is None:
            raise Refused(404, "record", "Tập dữ liệu không có bản ghi với khóa này.")
        if row["deleted"]:
            raise Refused(410, "deleted", f"Nguồn không còn bản ghi này từ phiên bản {row['change']} của tập dữ liệu.")
        head = {"dataset": dataset, "masked": list(look.shape.masked)}
        return bodies.record(head, row), 1

    desk = desk_of(request)
    return desk.visit(request, token, dataset, "record", (key,), work)


@v1.get(
    "/datasets/{dataset}/changes",
    summary="Thay đổi từ một phiên bản",
    responses=_answers(models.ChangePage, "Một trang thay đổi", 400, 401, 403, 409, 429, 503),
)
def changes(
    request: Request, token: Caller, dataset: str, since: Since, limit: Limit = USUAL_ROWS, after: After = ""
) -> Response:
    """Trạng thái mới nhất của mọi bản ghi thay đổi sau phiên bản «since», kể cả bản ghi đã bị xóa. Lượt duyệt đi đến
    phiên bản lúc bắt đầu; sau trang cuối, gọi lượt sau với «since» bằng «next_since»."""

    def work(look: Look) -> tuple[str, int]:
        now = look.version.number
        if since > now or 0 < since < look.version.first:
            raise Refused(
                409, "rebuilt",
                "«since» không thuộc các phiên bản hiện có: tập dữ liệu đã được dựng lại. Đọc lại toàn bộ «records».",
            )  # fmt: skip
        mark = _mark(after, reading.CHANGES, dataset) or Mark(reading.CHANGES, dataset, now, since + 1, "")
        found = reading.changes(look.session, desk.home, look.shape, mark, limit)
        return bodies.page(_head(look) | {"since": since, "next_since": mark.start}, found), len(found.rows)

    desk = desk_of(request)
    return desk.visit(request, token, dataset, "changes", (since, limit, after), work)


def _head(look: Look) -> dict[str, Any]:
    return {
        "dataset": look.shape.contract.dataset, "version": look.version.number, "masked": list(look.shape.masked),
    }  # fmt: skip


def _mark(after: str, kind: str, dataset: str) -> Mark | None:
    if not after:
        return None
    found = marks.read(after, kind, dataset)
    if found is None:
        expected = ["«after» phải là giá trị «next» của trang trước, của cùng tập dữ liệu và cùng địa chỉ."]
        raise Refused(400, "parameters", "Sửa các tham số nêu trong «expected» rồi gọi lại.", expected=expected)
    return found


@v1.get(
    "/datasets/{dataset}/exports",
    summary="Các bản xuất toàn bộ",
    responses=_answers(models.ExportList, "Các tệp", 401, 403, 429),
)
def list_exports(request: Request, token: Caller, dataset: str) -> Response:
    """Các tệp Parquet và CSV của cả tập dữ liệu, mới nhất trước. Dữ liệu cá nhân luôn bị che trong tệp."""
    desk = desk_of(request)
    found = _exports(desk, request, token, dataset, "exports")
    items = [entry for manifest in found for entry in bodies.exports(manifest)]
    return desk.told(request, token, dataset, "exports", {"dataset": dataset, "items": items})


@v1.get(
    "/datasets/{dataset}/exports/{file}",
    summary="Tải một bản xuất",
    response_class=FileResponse,
    responses=_refusals(401, 403, 404, 429) | {200: {"description": "Tệp Parquet hoặc CSV"}},
)
def download(request: Request, token: Caller, dataset: str, file: str) -> Response:
    """Nội dung của một tệp; có thể tải tiếp từng phần bằng «Range». Tên tệp không bao giờ đổi nội dung."""
    desk = desk_of(request)
    for manifest in _exports(desk, request, token, dataset, "export"):
        for held in manifest.files:
            if held.name != file:
                continue
            tag = f'"{held.sha256}"'
            headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
            if has(request, tag):
                desk.note(request, token, dataset, "export", manifest.version, 0, 304)
                return Response(None, 304, headers)
            desk.note(request, token, dataset, "export", manifest.version, manifest.rows, 200)
            path = desk.exports / dataset / held.name
            return FileResponse(path, 200, headers, held.media_type, filename=held.name)
    desk.note(request, token, dataset, "export", None, 0, 404)
    raise Refused(404, "export", "Không có tệp này; /exports liệt kê các tệp còn giữ.")


def _exports(desk: Desk, request: Request, token: Token, dataset: str, what: str) -> list[Manifest]:
    """The exports of a dataset, for a token whose ceiling reaches what they show."""
    try:
        contract = desk.shape(token, dataset).contract
        classification = Shape(contract, CEILING).classification
        if CLASSES.index(classification) > CLASSES.index(token.ceiling):
            raise Refused(403, "classification", "Phân loại của bản xuất cao hơn quyền của mã truy cập.")
    except Refused as refused:
        desk.note(request, token, dataset, what, None, 0, refused.status)
        raise
    return list(exports.present(desk.exports, contract))


@v1.get(
    "/catalogue",
    summary="Danh mục DCAT-AP",
    response_class=Response,
    responses=_refusals(401, 429) | {200: {"description": "JSON-LD", "content": {dcat.MEDIA: {}}}},
)
def catalogue(request: Request, token: Caller) -> Response:
    """Danh mục các bản xuất trong quyền của mã truy cập, theo DCAT-AP, dạng JSON-LD."""
    desk = desk_of(request)
    reached = [
        shape.contract
        for shape in _open(desk, token)
        if CLASSES.index(Shape(shape.contract, CEILING).classification) <= CLASSES.index(token.ceiling)
    ]
    told = dcat.catalogue(
        exports.newest(desk.exports, reached),
        lambda dataset, file: str(request.url_for("download", dataset=dataset, file=file)),
        agency=desk.agency,
    )
    return desk.told(request, token, EVERYTHING, "catalogue", told, dcat.MEDIA)


def make(desk: Desk) -> FastAPI:
    """The application over a desk."""
    app = FastAPI(
        title="Liên Thông: dịch vụ chia sẻ dữ liệu",
        description=ABOUT,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # An error is one line of ours; the server would print it with the values that it holds.
        debug=False,
    )
    app.state.desk = desk
    pulse = Pulse(desk.reader)
    app.include_router(v1)
    app.include_router(monitoring.routes)
    app.state.measures = Measures(desk.home, desk.reader.session, lambda: desk.contracts)
    app.state.watch = Watch(desk.home, desk.reader.session)

    @app.get(
        "/health",
        summary="Tình trạng dịch vụ",
        responses={200: {"model": models.Health}, 503: {"model": models.Health, "description": "Kho không trả lời"}},
    )
    def health() -> Response:
        """Không cần mã truy cập; cho biết kho dữ liệu có trả lời không."""
        if not pulse.beats():
            return Response('{"status": "unavailable"}', 503, media_type="application/json")
        return Response('{"status": "ok"}', media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(page.render(app.openapi()), headers={"Content-Security-Policy": page.POLICY})

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusals.answer(refusals.request_id_of(request), error)

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> Response:
        return refusals.answer(refusals.request_id_of(request), refusals.of_parameters(error))

    @app.exception_handler(HTTPException)
    async def path(request: Request, error: HTTPException) -> Response:
        return refusals.answer(refusals.request_id_of(request), refusals.of_http(error))

    _describe(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5, exclude_content_types=PLAIN)
    app.add_middleware(Wire)
    return app


def _describe(app: FastAPI) -> None:
    """Refusals are told of by one schema; FastAPI's own, of errors that never leave here, goes."""
    make_schema = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            told = make_schema()
            schemas = told.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = models.Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in (found for item in told["paths"].values() for found in item.values()):
                operation["responses"].pop("422", None)
            app.openapi_schema = told
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change its description
