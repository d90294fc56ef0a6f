"""Problem details as OpenAPI describes them, and what each status means."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from serving.http.problems import problem_details, usual_error


class AnswerBody(BaseModel):
    """An answer that holds the declared fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class FaultRecord(AnswerBody):
    """One thing to change in a request."""

    path: Annotated[str, Field(description="JSON pointer into the body.")]
    rule: Annotated[str, Field(description="Short name of the rule that was broken.")]
    message: Annotated[str, Field(description="The rule as a sentence.")]


class Problem(AnswerBody):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="Short name that does not change.")]
    detail: str
    request_id: str
    errors: list[FaultRecord]
    retry_after_seconds: Annotated[
        int | None, Field(description="When to send the same again, where waiting helps.")
    ] = None


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describes the problems a route may answer with."""
    return {
        status: {
            "description": _MEANING[status],
            "content": {"application/problem+json": {"schema": _PROBLEM, "example": _example(status)}},
        }
        for status in statuses
    }


def _example(status: int) -> dict[str, object]:
    """Writes a problem as it would come, without anything that differs from one to the next."""
    faults = [_FAULT] if status == 422 else []
    return problem_details(usual_error(status), _MEANING[status], request_id="crm-42", faults=faults)


_FAULT: Final = {
    "path": "/created_at",
    "rule": "time",
    "message": "A time has a date, a time of day and a zone.",
}
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_MEANING: Final = {
    400: "The body is not JSON, or not with one meaning.",
    401: "No key was sent, or one that is unknown, revoked or expired.",
    403: "The key is good for other routes only.",
    404: "There is no such lead.",
    408: "The body did not arrive in time.",
    409: "The lead is known with another created_at.",
    410: "The lead was erased.",
    413: "The body is too large.",
    415: "The body does not say that it is JSON.",
    421: "The Host is not this machine, and the server has no key.",
    422: "The body or the address breaks a rule; errors names path and rule.",
    429: "The key asks more often than it may; retry_after_seconds says when to ask again.",
    500: "A defect of the service.",
    503: "The server is stopping, or its database did not answer; nothing was written.",
}
