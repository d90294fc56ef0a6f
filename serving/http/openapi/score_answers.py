"""Answers of the routes that score leads; tests hold real answers against them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody, FaultRecord


class Reason(AnswerBody):
    """What moved the probability, and by how much."""

    feature: Annotated[
        str, Field(description='Name of the feature, "a x b" for a pair, "other" for the rest.')
    ]
    label: Annotated[str, Field(description="For people.")]
    value: Annotated[str | None, Field(description="What is known of this lead; null where nothing is.")]
    points: Annotated[float, Field(description="Log-odds, compared with the average lead.")]
    direction: Annotated[Literal["raises", "lowers"], Field(description="Which way it moved.")]


class CurvePoint(AnswerBody):
    """The probability within some days."""

    days: Annotated[float, Field(description="After as_of.")]
    probability: Annotated[float, Field(description="Of conversion within so many days.")]


class LeadScore(AnswerBody):
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

    errors: list[FaultRecord] = Field(default=[])


class BatchAnswer(AnswerBody):
    """The answer of POST /v1/score/batch, in the order of the leads sent."""

    request_id: str
    scores: list[BatchScore]


class StoreScoreAnswer(ScoreAnswer):
    """The answer of GET /v1/leads/{id}/score."""

    score_id: Annotated[str, Field(description="What `leadodds replay` computes this score again by.")]


class LifePoint(AnswerBody):
    """How probable the lead was at one moment, by what was known then."""

    as_of: str
    status: Literal["scored", "insufficient_evidence", "converted", "lost", "failed"]
    probability: float | None
    probability_low: float | None
    probability_high: float | None
    band: str | None
    stage: Literal["cold", "mql", "sql", "hot"] | None
    waiting_hours: float | None


class LifeAnswer(AnswerBody):
    """The answer of GET /v1/leads/{id}/life."""

    lead_id: str
    created_at: str
    horizon_days: float
    model_version: str
    feature_set: str
    scored_at: str
    moments_left_out: Annotated[int, Field(description="Of more than 500 moments some are left out, evenly.")]
    points: Annotated[list[LifePoint], Field(description="The oldest first; each as a score as of then.")]
    request_id: str
