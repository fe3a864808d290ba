"""Errors as problem documents (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, assert_never

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.ui.access import known, origin
from services.ui.access.access import Access
from services.ui.documents.problems import Problem, UnfitDocument
from services.ui.portal import noted
from shared.db.engine import LOCKED_OR_DOWN
from shared.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NameTaken,
    NotFound,
    NotSignedIn,
    PortalError,
    ScheduleError,
    TooLate,
    TooManyTries,
)

log = structlog.get_logger()


def register(app: FastAPI, access: Access) -> None:
    """Answer every error of the API by a problem document; `access` notes what was refused."""
    app.state.access = access
    app.add_exception_handler(PortalError, _on_portal_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    for error in LOCKED_OR_DOWN:
        app.add_exception_handler(error, _on_database)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


def problem(
    status: int,
    detail: str,
    field: str | None = None,
    *,
    part: str | None = None,
    problems: Sequence[Problem] = (),
) -> Response:
    """Return a problem document."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        body["field"] = field
    if part is not None:
        body["part"] = part
    if problems:
        body["problems"] = problems
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store"},
    )


async def _on_portal_error(request: Request, error: Exception) -> Response:
    match error:
        case InvalidInput():
            return problem(
                HTTPStatus.CONFLICT if isinstance(error, NameTaken) else HTTPStatus.UNPROCESSABLE_ENTITY,
                error.message,
                error.field,
                part=error.part if isinstance(error, ScheduleError) else None,
                problems=error.problems if isinstance(error, UnfitDocument) else (),
            )
        case NotSignedIn() | Forbidden() | TooManyTries():
            return await _shut_out(request, error)
        case NotFound():
            return problem(HTTPStatus.NOT_FOUND, str(error))
        case Conflict() | TooLate():
            field = "version" if isinstance(error, Conflict) else None
            return problem(HTTPStatus.CONFLICT, str(error), field)
        case _:
            incident = noted(error, request.url.path)
            return problem(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"{error} The portal's log says more, under {incident}."
            )


async def _shut_out(request: Request, error: NotSignedIn | Forbidden | TooManyTries) -> Response:
    """Answer who may not; what somebody who is known may not is noted."""
    match error:
        case NotSignedIn():
            return problem(HTTPStatus.UNAUTHORIZED, str(error))
        case TooManyTries():
            refused = problem(HTTPStatus.TOO_MANY_REQUESTS, str(error))
            refused.headers["retry-after"] = str(error.retry_after_s)
            return refused
        case Forbidden():
            access: Access = request.app.state.access
            who = known()
            by = "" if who is None else who.name
            await access.note_refused(by, f"{request.method} {request.url.path}", origin().address)
            return problem(HTTPStatus.FORBIDDEN, str(error))
        case _:
            assert_never(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # The place is ("body", "name", ...) or ("query", "limit"): the second part is the field.
    place = [str(part) for part in first["loc"]]
    field = place[1] if len(place) > 1 else place[0]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {first['msg']}.", field)


async def _on_database(_request: Request, error: Exception) -> Response:
    log.warning("the database does not answer", error=repr(error))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer. Try again in a moment.")


async def _on_unexpected(request: Request, error: Exception) -> Response:
    incident = noted(error, request.url.path)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"The portal could not do this. Its log says why, under {incident}. Runs go on without it.",
    )


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail))
