"""Around every request: an id, one line in the log, no content in it, and no error that leaves untold."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lienthong.errors import LienThongError
from lienthong.share import refusals

log = logging.getLogger("lienthong.share")
# Of a caller's own id only what cannot be anything else: it is written down.
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Wire:
    """Outermost of our own: what fails inside becomes a refusal, and is logged without what it held."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.add_vary_header("Authorization")
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:  # the server would print it with the values that it holds
            _log(error)
            if not status:
                await refusals.answer(request_id, refusals.of_error(error))(scope, receive, noted)
        finally:
            # The route, not the path: a path holds keys.
            route = getattr(scope.get("route"), "path", "-")
            milliseconds = (time.perf_counter() - began) * 1000
            token = scope["state"].get("token", "-")
            log.info(
                "%s %s %s %.0f ms token %s request %s", scope["method"], route, status, milliseconds, token, request_id
            )


def _log(error: Exception) -> None:
    """Our own errors say nothing personal; of others the kind and the place are told, not the words."""
    if isinstance(error, LienThongError):
        log.error("%s", error)
        return
    log.error("unexpected %s in %s", type(error).__name__, place_of(error))


def place_of(error: Exception) -> str:
    """The function and line that raised an error: all that may be told of one whose words may hold values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
