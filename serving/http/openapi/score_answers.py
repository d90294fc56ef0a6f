"""Response bodies of the routes that score leads; tests compare real responses with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody, FaultRecord, RequestId


class Reason(AnswerBody):
    """What moved the probability, and by how much."""

    feature: Annotated[
        str, Field(description='Name of the feature, "a x b" for a pair, "other" for the rest.')
    ]
    label: Annotated[str, Field(description="The feature in words.")]
    value: Annotated[str | None, Field(description="The lead's value as text; null if unknown.")]
    points: Annotated[float, Field(description="Change of the log-odds against the average lead.")]
    direction: Annotated[
        Literal["raises", "lowers"], Field(description="Whether it raises or lowers the probability.")
    ]


class CurvePoint(AnswerBody):
    """The probability of conversion within a number of days."""

    days: Annotated[float, Field(description="Days after as_of.")]
    probability: Annotated[float, Field(description="Probability of conversion within these days.")]


class LeadScore(AnswerBody):
    """The score of one lead, always with its horizon, its as_of and its model version."""

    lead_id: Annotated[str | None, Field(description="Your id of the lead.")]
    as_of: Annotated[
        str | None, Field(description="Moment of the prediction; nothing that became known later is used.")
    ]
    status: Annotated[
        Literal["scored", "insufficient_evidence", "converted", "lost", "failed"],
        Field(
            description="scored; insufficient_evidence: the numbers are given, but the range is too wide for "
            "a band; converted or lost: known at as_of; failed. The last three have no numbers."
        ),
    ]
    probability: Annotated[
        float | None,
        Field(ge=0, le=1, description="Calibrated probability of conversion within the horizon."),
    ]
    probability_low: Annotated[float | None, Field(description="Lower end of the plausible range, 90 %.")]
    probability_high: Annotated[float | None, Field(description="Upper end of the plausible range, 90 %.")]
    band: Annotated[str | None, Field(description="A to D, by the limits in the model card.")]
    stage: Annotated[
        Literal["cold", "mql", "sql", "hot"] | None,
        Field(
            description="How far the lead has come, by fixed rules; the probability does not depend on it."
        ),
    ]
    prospect: Annotated[
        bool | None,
        Field(description="Whether the lead spoke with a representative and meets the ideal profile."),
    ]
    rank: Annotated[None, Field(description="Place in a ranked list; null outside of lists.")]
    expected_value: Annotated[
        float | None, Field(description="Probability x expected amount; null if the history has no amounts.")
    ]
    waiting_hours: Annotated[
        float | None,
        Field(
            description="Hours since the oldest unanswered inbound interaction; null if there is none. "
            "Nobody waits after an unsubscription or a bounce."
        ),
    ]
    base_log_odds: Annotated[
        float | None,
        Field(
            description="Log-odds of the average lead; plus the points of all reasons, those of this lead."
        ),
    ]
    reasons: Annotated[
        list[Reason], Field(description="The strongest reasons first, then one for all other features.")
    ]
    curve: Annotated[
        list[CurvePoint],
        Field(description="Probability of conversion by the end of each time bin; it never decreases."),
    ]
    horizon_days: Annotated[float, Field(description="Days after as_of within which a conversion counts.")]
    model_version: Annotated[str, Field(description="Version of the model that computed the score.")]
    feature_set: Annotated[str, Field(description="Version of the feature declarations: a hash of them.")]
    scored_at: Annotated[str, Field(description="When the score was computed.")]
    held_out: Annotated[
        bool | None,
        Field(
            description="Whether the lead is ranked by chance, to compare with calling by the list; null "
            "where that is not known."
        ),
    ]
    notes: Annotated[
        list[str],
        Field(
            description="Remarks for the caller: what the lead lacked, or writes otherwise than the model."
        ),
    ]


class ScoreAnswer(LeadScore):
    """Response of POST /v1/score."""

    request_id: RequestId


class BatchScore(LeadScore):
    """The score of one lead of a batch; `errors` says why one failed."""

    errors: list[FaultRecord] = Field(default=[])


class BatchAnswer(AnswerBody):
    """Response of POST /v1/score/batch, in the order of the leads sent."""

    request_id: RequestId
    scores: list[BatchScore]


class StoreScoreAnswer(ScoreAnswer):
    """Response of GET /v1/leads/{id}/score."""

    score_id: Annotated[
        str | None,
        Field(
            description="Id by which `leadodds replay` computes this score again; absent where max_age let "
            "the current score answer."
        ),
    ] = None


class StoredLeadScore(BatchScore):
    """The score of one of several stored leads."""

    score_id: Annotated[
        str | None, Field(description="Id by which `leadodds replay` computes it again; null if it failed.")
    ]


class StoredLeadsAnswer(AnswerBody):
    """Response of POST /v1/leads/scores, in the order of the ids sent."""

    request_id: RequestId
    scores: list[StoredLeadScore]


class LifePoint(AnswerBody):
    """The score of the lead at one moment, by what was known then."""

    as_of: str
    status: Literal["scored", "insufficient_evidence", "converted", "lost", "failed"]
    probability: float | None
    probability_low: float | None
    probability_high: float | None
    band: str | None
    stage: Literal["cold", "mql", "sql", "hot"] | None
    waiting_hours: float | None


class LifeAnswer(AnswerBody):
    """Response of GET /v1/leads/{id}/life."""

    lead_id: str
    created_at: str
    horizon_days: float
    model_version: str
    feature_set: str
    scored_at: str
    moments_left_out: Annotated[int, Field(description="Number of moments left out, evenly, to keep 500.")]
    points: Annotated[list[LifePoint], Field(description="One for each moment, the oldest first.")]
    request_id: RequestId
