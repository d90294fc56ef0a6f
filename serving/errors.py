"""What can go wrong with a request, and the one table of HTTP statuses.

The classes know nothing of HTTP; `PROBLEMS` says with which status and code each is answered, and `problem`
writes the body. Nothing here ever carries a value that was sent: a path and a rule tell a caller what to
change, and no log or answer then holds anybody's data.

Source: RFC 9457, Problem Details for HTTP APIs; paths are JSON pointers, RFC 6901.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

from features.errors import LeadOddsError

# More would not help anybody, and a body of a megabyte can hold a hundred thousand.
FAULTS_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to change in a request.

    Attributes:
        path: JSON pointer into the body; empty for the body itself.
        rule: the short name of the rule that was broken.
        message: the rule as a sentence.
    """

    path: str
    rule: str
    message: str


class RequestError(LeadOddsError):
    """Root of what a caller can put right; `faults` name the places."""

    # When the same may be sent again, where that alone would help.
    retry_after_seconds: int | None = None

    def __init__(self, sentence: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults[:FAULTS_TOLD])


class NotJsonError(RequestError):
    """A body that is not JSON as RFC 8259 has it, or says one thing twice."""

    def __init__(self, fault: Fault, *others: Fault) -> None:
        super().__init__("The body must be one JSON object in UTF-8.", faults=(fault, *others))


class InvalidBodyError(RequestError):
    """A body of another shape than the route takes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = len(faults)
        places = "one place" if count == 1 else f"{count} places"
        super().__init__(f"The body breaks a rule in {places}; see errors.", faults=faults)


class BodyTooLargeError(RequestError):
    """A body above the limit."""

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The body is larger than {limit_bytes} bytes. Send fewer leads or interactions at once."
        )


class MediaTypeError(RequestError):
    """A body that does not say that it is JSON."""

    def __init__(self) -> None:
        super().__init__("The body must come with Content-Type: application/json.")


class HostError(RequestError):
    """A request for another host, which a server without keys does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "This server has no key and answers only requests whose Host is localhost, 127.0.0.1 or [::1]."
        )


class KeyMissingError(RequestError):
    """A request without a key, to a server that has some."""

    def __init__(self) -> None:
        super().__init__("Send a key, as X-API-Key or as Authorization: Bearer.")


class KeyRefusedError(RequestError):
    """A key that is not, or no longer, one of this server."""

    def __init__(self, *, state: Literal["unknown", "revoked", "expired"]) -> None:
        super().__init__(f"The key is {state}. Whoever runs the server makes another: leadodds keys create.")


class ScopeError(RequestError):
    """A key that is good for other routes only."""

    def __init__(self, *, needed: str) -> None:
        super().__init__(f"This route needs a key with the scope {needed}, which the key sent does not have.")


class RateError(RequestError):
    """A key that asks more often than it may."""

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(
            f"The key asks more often than it may. Send the same again in {self.retry_after_seconds} s."
        )


class BodyLateError(RequestError):
    """A body that took too long to arrive."""

    def __init__(self) -> None:
        super().__init__("The body did not arrive in time. Send it again in one go, or less at once.")


class DrainingError(RequestError):
    """A request to a server that is stopping."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("This server is stopping and takes nothing new. Send the same again.")


class InvalidQueryError(RequestError):
    """A query string of another shape than the route takes, or an id in the path that is no text."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The address breaks a rule; see errors.", faults=faults)


class LeadUnknownError(RequestError):
    """A lead that nobody told the service of."""

    def __init__(self) -> None:
        super().__init__("There is no such lead. PUT /v1/leads/{id} makes one.")


class LeadErasedError(RequestError):
    """A lead that was erased, and is not kept again."""

    def __init__(self) -> None:
        super().__init__("This lead was erased, and what is sent of it is not kept again.")


class LeadConflictError(RequestError):
    """A lead that was created at another time."""

    def __init__(self) -> None:
        fault = Fault("/created_at", "unchanged", "A lead keeps the time at which it was created.")
        super().__init__("The lead is known with another created_at.", faults=[fault])


class StoreAwayError(RequestError):
    """A database that does not take or give anything now."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database did not answer; nothing was written. Send the same again later.")


class KeylessHostError(LeadOddsError):
    """A server without keys that would have been reachable from other machines."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server has no key, so it listens on this machine only, and {host!r} is not a loopback "
            "address. Leave --host out, or give 127.0.0.1, ::1 or localhost."
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
    ScopeError: Answer(403, "scope"),
    RateError: Answer(429, "rate"),
    BodyLateError: Answer(408, "body_late"),
    DrainingError: Answer(503, "draining"),
}

# A status that no error of ours stands behind: the router's, and a defect.
_CODES: Final[Mapping[int, str]] = {
    400: "not_http",
    404: "not_found",
    405: "method_not_allowed",
    408: "late",
    431: "head_too_large",
    500: "defect",
}
_DETAILS: Final[Mapping[int, str]] = {
    400: "What was sent is no HTTP request.",
    404: "There is no such route; /openapi.json lists them.",
    405: "The route does not answer this method.",
    408: "The request did not arrive in time.",
    431: "A request has at most 100 headers, and with its address at most 32 KiB of them.",
    500: "This is a defect of the service. Its log has the cause under the request id.",
}


def answer_for(error: Exception) -> Answer | None:
    """Finds how an error is answered; None for a defect of ours.

    >>> answer_for(MediaTypeError())
    Answer(status=415, code='media_type')
    >>> answer_for(ZeroDivisionError()) is None
    True
    """
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)


def problem(error: RequestError, *, request_id: str) -> tuple[int, dict[str, object]]:
    """Writes an error of a caller as status and problem details."""
    answer = answer_for(error) or Answer(400, "request")
    faults = fault_records(error.faults)
    details = _details(answer, str(error), request_id=request_id, faults=faults)
    if error.retry_after_seconds is not None:
        # In the body too: some callers cannot read a header.
        details["retry_after_seconds"] = error.retry_after_seconds
    return answer.status, details


def fault_records(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Writes faults as they stand in an answer."""
    return [{"path": fault.path, "rule": fault.rule, "message": fault.message} for fault in faults]


def status_problem(status: int, *, request_id: str) -> dict[str, object]:
    """Writes problem details for a status that the router or a defect gave."""
    detail = _DETAILS.get(status, "The request cannot be answered.")
    code = _CODES.get(status, HTTPStatus(status).name.lower())
    return _details(Answer(status, code), detail, request_id=request_id, faults=[])


def _details(
    answer: Answer, detail: str, *, request_id: str, faults: list[dict[str, str]]
) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
        "code": answer.code,
        "detail": detail,
        "request_id": request_id,
        "errors": faults,
    }


def pointer(steps: Sequence[object]) -> str:
    """Writes a path into a body as a JSON pointer, whatever the keys hold.

    >>> pointer(["interactions", 0, "a/b"])
    '/interactions/0/a~1b'
    """
    return "".join(f"/{_escape(str(step))}" for step in steps)


def _escape(step: str) -> str:
    shown = step.encode("utf-8", "backslashreplace").decode("utf-8")[:200]
    return shown.replace("~", "~0").replace("/", "~1")
