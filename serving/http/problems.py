"""Responses to errors: the one table of HTTP statuses, and the problem details of each.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.access_errors import (
    FailedKeysError,
    ForwardedError,
    HostError,
    KeyMissingError,
    KeyRefusedError,
    KeysOutdatedError,
    OriginError,
    RateError,
    ScopeError,
    SessionEndedError,
    SignatureError,
    SourceError,
    UnknownCrmError,
)
from serving.errors import (
    BodyLateError,
    BodyTooLargeError,
    BusyError,
    DrainingError,
    IdempotencyKeyError,
    InProgressError,
    InvalidBodyError,
    InvalidQueryError,
    KeyReusedError,
    LeadErasedError,
    LeadUnknownError,
    MediaTypeError,
    NotJsonError,
    RequestError,
    StoreAwayError,
    StoreLateError,
    fault_records,
)
from serving.http.responses import json_response
from serving.http.route_scopes import TRACKING

_LOG: Final = logging.getLogger("leadodds.serving")


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """The HTTP status of an error, and the short name of the error, which does not change."""

    status: int
    code: str


PROBLEMS: Final[Mapping[type[Exception], ErrorStatus]] = {
    NotJsonError: ErrorStatus(400, "not_json"),
    InvalidBodyError: ErrorStatus(422, "invalid_body"),
    BodyTooLargeError: ErrorStatus(413, "body_too_large"),
    MediaTypeError: ErrorStatus(415, "media_type"),
    HostError: ErrorStatus(421, "host"),
    ForwardedError: ErrorStatus(421, "forwarded"),
    InvalidQueryError: ErrorStatus(422, "invalid_query"),
    LeadUnknownError: ErrorStatus(404, "lead_unknown"),
    UnknownCrmError: ErrorStatus(404, "crm_unknown"),
    LeadErasedError: ErrorStatus(410, "lead_erased"),
    IdempotencyKeyError: ErrorStatus(422, "idempotency_key"),
    KeyReusedError: ErrorStatus(422, "idempotency_key_reused"),
    InProgressError: ErrorStatus(409, "in_progress"),
    StoreAwayError: ErrorStatus(503, "store_away"),
    StoreLateError: ErrorStatus(503, "store_late"),
    BusyError: ErrorStatus(503, "busy"),
    KeysOutdatedError: ErrorStatus(503, "keys_outdated"),
    KeyMissingError: ErrorStatus(401, "key_missing"),
    KeyRefusedError: ErrorStatus(401, "key_refused"),
    SessionEndedError: ErrorStatus(401, "session_ended"),
    SignatureError: ErrorStatus(401, "signature"),
    ScopeError: ErrorStatus(403, "scope"),
    SourceError: ErrorStatus(403, "source"),
    OriginError: ErrorStatus(403, "origin"),
    RateError: ErrorStatus(429, "rate"),
    FailedKeysError: ErrorStatus(429, "failed_keys"),
    BodyLateError: ErrorStatus(408, "body_late"),
    DrainingError: ErrorStatus(503, "draining"),
}

# Code and detail of statuses without an error of ours: of the router, of the protocol, and of a defect.
_STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("not_http", "The bytes sent are no HTTP request."),
    404: ("not_found", "There is no such route; /openapi.json lists all routes."),
    405: ("method_not_allowed", "The route does not support this method."),
    408: ("late", "The request did not arrive in time."),
    431: (
        "head_too_large",
        "A request may have at most 100 headers, and 32 KiB of headers and address.",
    ),
    500: ("defect", "This is a defect of the service. Its log has the cause under the request id."),
}


def error_status(error: Exception) -> ErrorStatus | None:
    """Finds status and code of an error; None for a defect.

    >>> error_status(MediaTypeError())
    ErrorStatus(status=415, code='media_type')
    >>> error_status(ZeroDivisionError()) is None
    True
    """
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)


def usual_error(status: int) -> ErrorStatus:
    """Finds the most frequent error of a status: the first in the table with it.

    >>> usual_error(422), usual_error(500)
    (ErrorStatus(status=422, code='invalid_body'), ErrorStatus(status=500, code='defect'))
    """
    code, _ = _STATUSES.get(status, (HTTPStatus(status).name.lower(), ""))
    return next((error for error in PROBLEMS.values() if error.status == status), ErrorStatus(status, code))


async def answer_error(request: Request, error: Exception) -> Response:
    """Responds to an error, as a FastAPI exception handler."""
    return error_response(error, request.state.request_id, has_message=request.scope["path"] in TRACKING)


def error_response(error: Exception, request_id: str, *, has_message: bool = False) -> Response:
    """Responds to an error; an unexpected one is a defect, and is logged."""
    if isinstance(error, RequestError):
        return problem_response(error, request_id, has_message=has_message)
    if isinstance(error, HTTPException):
        return status_response(error.status_code, request_id, dict(error.headers or {}))
    if isinstance(error, ClientDisconnect):
        return status_response(400, request_id)
    log_defect(error, request_id)
    return status_response(500, request_id)


def log_defect(error: Exception, request_id: str) -> None:
    """Logs an unexpected error with its traceback."""
    _LOG.error("a defect", exc_info=error, extra={"request_id": request_id})


def problem_response(error: RequestError, request_id: str, *, has_message: bool = False) -> Response:
    """Responds to an error that the caller can correct or retry.

    Args:
        error: of the request.
        request_id: of the request.
        has_message: whether the details have the sentence as `message`, too. Libraries of RudderStack look
            for it, and send a request that cannot succeed again and again where it is missing.
    """
    status, details = problem(error, request_id=request_id)
    if has_message:
        details["message"] = details["detail"]
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, BodyLateError | BodyTooLargeError | DrainingError):
        # The rest of the request is not read.
        headers["Connection"] = "close"
    return json_response(details, status=status, media_type="application/problem+json", headers=headers)


def status_response(status: int, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """Responds with a status that has no error of ours."""
    code, detail = _STATUSES.get(status, (HTTPStatus(status).name.lower(), "The request cannot be answered."))
    details = problem_details(ErrorStatus(status, code), detail, request_id=request_id, faults=[])
    return json_response(details, status=status, media_type="application/problem+json", headers=headers)


def problem(error: RequestError, *, request_id: str) -> tuple[int, dict[str, object]]:
    """Returns status and problem details of an error that the caller can correct or retry."""
    found = error_status(error) or ErrorStatus(400, "request")
    faults = fault_records(error.faults)
    details = problem_details(found, str(error), request_id=request_id, faults=faults)
    if error.retry_after_seconds is not None:
        # In the body too: some callers cannot read a header.
        details["retry_after_seconds"] = error.retry_after_seconds
    return found.status, details


def problem_details(
    error: ErrorStatus, detail: str, *, request_id: str, faults: Sequence[Mapping[str, str]]
) -> dict[str, object]:
    """Builds problem details."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": detail,
        "request_id": request_id,
        "errors": list(faults),
    }
