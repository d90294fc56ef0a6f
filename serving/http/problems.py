"""How errors are answered: the one table of HTTP statuses, and the bodies that tell of them.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from serving.errors import (
    BodyLateError,
    BodyTooLargeError,
    CsrfError,
    DrainingError,
    HostError,
    InvalidBodyError,
    InvalidQueryError,
    KeyMissingError,
    KeyRefusedError,
    LeadConflictError,
    LeadErasedError,
    LeadUnknownError,
    MediaTypeError,
    NotJsonError,
    RateError,
    RequestError,
    ScopeError,
    SessionEndedError,
    StoreAwayError,
    fault_records,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How an error is answered."""

    status: int
    code: str


PROBLEMS: Final[Mapping[type[Exception], Answer]] = {
    NotJsonError: Answer(400, "not_json"),
    InvalidBodyError: Answer(422, "invalid_body"),
    BodyTooLargeError: Answer(413, "body_too_large"),
    MediaTypeError: Answer(415, "media_type"),
    HostError: Answer(421, "host"),
    InvalidQueryError: Answer(422, "invalid_query"),
    LeadUnknownError: Answer(404, "lead_unknown"),
    LeadErasedError: Answer(410, "lead_erased"),
    LeadConflictError: Answer(409, "lead_conflict"),
    StoreAwayError: Answer(503, "store_away"),
    KeyMissingError: Answer(401, "key_missing"),
    KeyRefusedError: Answer(401, "key_refused"),
    SessionEndedError: Answer(401, "session_ended"),
    ScopeError: Answer(403, "scope"),
    CsrfError: Answer(403, "csrf"),
    RateError: Answer(429, "rate"),
    BodyLateError: Answer(408, "body_late"),
    DrainingError: Answer(503, "draining"),
}

# A status that no error of ours stands behind: code and detail of the router's, and of a defect.
_STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("not_http", "What was sent is no HTTP request."),
    404: ("not_found", "There is no such route; /openapi.json lists them."),
    405: ("method_not_allowed", "The route does not answer this method."),
    408: ("late", "The request did not arrive in time."),
    431: (
        "head_too_large",
        "A request has at most 100 headers, and with its address at most 32 KiB of them.",
    ),
    500: ("defect", "This is a defect of the service. Its log has the cause under the request id."),
}


def answer_for(error: Exception) -> Answer | None:
    """Finds how an error is answered; None for a defect of ours.

    >>> answer_for(MediaTypeError())
    Answer(status=415, code='media_type')
    >>> answer_for(ZeroDivisionError()) is None
    True
    """
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)


def answer_of_status(status: int) -> Answer:
    """Finds the answer that a status most often stands for: the first of the table with it.

    >>> answer_of_status(422), answer_of_status(500)
    (Answer(status=422, code='invalid_body'), Answer(status=500, code='defect'))
    """
    code, _ = _STATUSES.get(status, (HTTPStatus(status).name.lower(), ""))
    return next((answer for answer in PROBLEMS.values() if answer.status == status), Answer(status, code))


def problem(error: RequestError, *, request_id: str) -> tuple[int, dict[str, object]]:
    """Writes an error of a caller as status and problem details."""
    answer = answer_for(error) or Answer(400, "request")
    faults = fault_records(error.faults)
    details = problem_details(answer, str(error), request_id=request_id, faults=faults)
    if error.retry_after_seconds is not None:
        # In the body too: some callers cannot read a header.
        details["retry_after_seconds"] = error.retry_after_seconds
    return answer.status, details


def status_problem(status: int, *, request_id: str) -> dict[str, object]:
    """Writes problem details for a status that the router or a defect gave."""
    unforeseen = (HTTPStatus(status).name.lower(), "The request cannot be answered.")
    code, detail = _STATUSES.get(status, unforeseen)
    return problem_details(Answer(status, code), detail, request_id=request_id, faults=[])


def problem_details(
    answer: Answer, detail: str, *, request_id: str, faults: Sequence[Mapping[str, str]]
) -> dict[str, object]:
    """Writes problem details."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
        "code": answer.code,
        "detail": detail,
        "request_id": request_id,
        "errors": list(faults),
    }
