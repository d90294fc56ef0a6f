"""The bodies that the routes answer with, as OpenAPI describes them; tests hold real answers against them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.http.problems import answer_of_status, problem_details


class Described(BaseModel):
    """A body that holds what is declared and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reason(Described):
    """What moved the probability, and by how much."""

    feature: Annotated[
        str, Field(description='Name of the feature, "a x b" for a pair, "other" for the rest.')
    ]
    label: Annotated[str, Field(description="For people.")]
    value: Annotated[str | None, Field(description="What is known of this lead; null where nothing is.")]
    points: Annotated[float, Field(description="Log-odds, compared with the average lead.")]
    direction: Annotated[Literal["raises", "lowers"], Field(description="Which way it moved.")]


class CurvePoint(Described):
    """The probability within some days."""

    days: Annotated[float, Field(description="After as_of.")]
    probability: Annotated[float, Field(description="Of conversion within so many days.")]


class FaultRecord(Described):
    """One thing to change in a request."""

    path: Annotated[str, Field(description="JSON pointer into the body.")]
    rule: Annotated[str, Field(description="Short name of the rule that was broken.")]
    message: Annotated[str, Field(description="The rule as a sentence.")]


class LeadScore(Described):
    """The score of one lead. It never comes without its horizon, its moment and the version that answered."""

    lead_id: Annotated[str | None, Field(description="Your id of the lead.")]
    as_of: Annotated[
        str | None, Field(description="The moment of the prediction: nothing known later was used.")
    ]
    status: Annotated[
        Literal["scored", "insufficient_evidence", "converted", "lost", "failed"],
        Field(
            description="scored; insufficient_evidence: the numbers stand, but the range is too wide for a "
            "band; converted or lost: known by as_of; failed. Those three have no numbers."
        ),
    ]
    probability: Annotated[
        float | None, Field(ge=0, le=1, description="Of conversion within the horizon, calibrated.")
    ]
    probability_low: Annotated[float | None, Field(description="Lower end of the plausible range, 90 %.")]
    probability_high: Annotated[float | None, Field(description="Upper end of the plausible range, 90 %.")]
    band: Annotated[str | None, Field(description="A to D, by limits that stand in the model card.")]
    stage: Annotated[
        Literal["cold", "mql", "sql", "hot"] | None,
        Field(description="What the lead has done so far, by fixed rules; no part of the probability."),
    ]
    prospect: Annotated[
        bool | None, Field(description="Spoke with a representative and meets the ideal profile.")
    ]
    rank: Annotated[None, Field(description="1 for the lead to call first; only a list of leads has ranks.")]
    expected_value: Annotated[
        float | None, Field(description="Probability x expected amount, where the history has amounts.")
    ]
    waiting_hours: Annotated[
        float | None, Field(description="Hours since the oldest interaction of theirs that nobody answered.")
    ]
    base_log_odds: Annotated[
        float | None,
        Field(
            description="Log-odds of the average lead; with the points of all reasons, those of this lead."
        ),
    ]
    reasons: Annotated[list[Reason], Field(description="What moved the probability, the strongest first.")]
    curve: Annotated[
        list[CurvePoint],
        Field(description="The probability at the end of each time bin; never decreasing."),
    ]
    horizon_days: Annotated[float, Field(description="Days after as_of in which a conversion counts.")]
    model_version: Annotated[str, Field(description="The version that answered.")]
    feature_set: Annotated[str, Field(description="Version of the declared features: a hash of them.")]
    scored_at: Annotated[str, Field(description="When this was computed.")]
    notes: Annotated[list[str], Field(description="What the caller should know about this answer.")]


class ScoreAnswer(LeadScore):
    """The answer of POST /v1/score."""

    request_id: str


class BatchScore(LeadScore):
    """The score of one lead of a batch; `errors` says why one failed."""

    errors: list[FaultRecord] = []


class BatchAnswer(Described):
    """The answer of POST /v1/score/batch, in the order of the leads sent."""

    request_id: str
    scores: list[BatchScore]


class Refused(Described):
    """A version that should answer and was refused."""

    model_version: str
    reason: str


class Readiness(Described):
    """The answer of GET /readyz."""

    status: Literal["ready", "stopping"]
    model_version: str
    refused: Refused | None
    request_id: str


class Liveness(Described):
    """The answer of GET /livez."""

    status: Literal["alive"]
    request_id: str


class ModelAnswer(BaseModel):
    """The card of the model that answers: what it was trained on, and how well it did on later leads."""

    model_config = ConfigDict(extra="allow")

    request_id: str


class Problem(Described):
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
    return problem_details(answer_of_status(status), _MEANING[status], request_id="crm-42", faults=faults)


_FAULT = {
    "path": "/created_at",
    "rule": "time",
    "message": "A time has a date, a time of day and a zone.",
}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_MEANING = {
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
