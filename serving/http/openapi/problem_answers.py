"""Problem details as OpenAPI describes them, and what each status means."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from serving.http.problems import problem_details, usual_error


class AnswerBody(BaseModel):
    """The body of a response, with the declared fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


RequestId = Annotated[
    str, Field(description="Id of the request: the X-Request-ID that was sent, or a new one; the log has it.")
]


class FaultRecord(AnswerBody):
    """One thing to change in a request."""

    path: Annotated[str, Field(description="JSON pointer into the body, or ? and a parameter of the query.")]
    rule: Annotated[str, Field(description="Short name of the broken rule.")]
    message: Annotated[str, Field(description="The rule as a sentence.")]


class Problem(AnswerBody):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="Short name of the problem, stable across versions.")]
    detail: str
    request_id: RequestId
    errors: list[FaultRecord]
    retry_after_seconds: Annotated[
        int | None,
        Field(description="Seconds after which to send the same request again, where waiting helps."),
    ] = None
    message: Annotated[
        str | None, Field(description="The detail again, on the routes of tracking libraries.")
    ] = None


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describes the problems that a route may respond with."""
    return {
        status: {
            "description": _MEANING[status],
            "content": {"application/problem+json": {"schema": _PROBLEM, "example": _example(status)}},
        }
        for status in statuses
    }


def _example(status: int) -> dict[str, object]:
    """Writes an example of a problem."""
    faults = [_FAULT] if status == 422 else []
    return problem_details(usual_error(status), _MEANING[status], request_id="crm-42", faults=faults)


_FAULT: Final = {
    "path": "/created_at",
    "rule": "time",
    "message": "A time has a date, a time of day and a zone.",
}
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_MEANING: Final = {
    400: "The body is not JSON, or is ambiguous.",
    401: "No key was sent, or it is unknown, revoked or expired.",
    403: "The key lacks the scope of this route.",
    404: "There is no such lead.",
    408: "The body did not arrive in time.",
    409: "A request with this Idempotency-Key is not answered yet; send the same again after a moment.",
    410: "The lead was erased.",
    413: "The body is too large.",
    415: "The Content-Type is not application/json, and the body is not packed by gzip.",
    421: "The Host is not this machine, and the server has no key.",
    422: "The body or the address breaks a rule; errors names the place and the rule.",
    429: "The key exceeds its rate; retry_after_seconds says when to send again.",
    431: "The address and the headers are too large together.",
    500: "A defect of the service; its log has the cause.",
    503: "The server is stopping, or its database did not respond; nothing was written.",
}
