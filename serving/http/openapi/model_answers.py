"""Response bodies of the routes of the model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving.http.openapi.problem_answers import AnswerBody, RequestId


class ModelAnswer(BaseModel):
    """The card of the model in use: its training data and its metrics on later leads."""

    model_config = ConfigDict(extra="allow")

    request_id: RequestId


class TermAxis(AnswerBody):
    """One feature of a term."""

    feature: str
    label: Annotated[str, Field(description="The feature in words, with its unit.")]
    missing: Annotated[str, Field(description="What a missing value means.")]
    bins: Annotated[list[str], Field(description="Names of the bins; the first is for missing values.")]


class TermCurve(TermAxis):
    """The points of one feature."""

    points: Annotated[list[float], Field(description="Log-odds against the average lead, by bin.")]
    share: Annotated[
        list[float] | None,
        Field(description="Share of the training examples in each bin; null if not stored."),
    ]
    weight: Annotated[
        float | None,
        Field(description="Mean absolute points over the training examples; null without share."),
    ]


class TermPair(AnswerBody):
    """The points of two features together, besides those of each alone."""

    axes: Annotated[list[TermAxis], Field(min_length=2, max_length=2)]
    points: Annotated[
        list[list[float]], Field(description="Log-odds by bin of the first axis, then of the second.")
    ]


class TermsAnswer(AnswerBody):
    """Response of GET /v1/model/terms."""

    model_version: str
    horizon_days: float
    curves: Annotated[list[TermCurve], Field(description="Sorted by weight, the greatest first.")]
    pairs: list[TermPair]
    request_id: RequestId


class Figure(AnswerBody):
    """A metric of the evaluation with its 95 % interval; null if it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: Annotated[int, Field(description="Number of examples it was measured on.")]


class VersionFacts(AnswerBody):
    """One version whose bundle is in the home."""

    model_version: str
    created_at: Annotated[str | None, Field(description="When its training ended.")]
    observed_until: str | None
    horizon_days: float | None
    feature_set: str | None
    metrics: Annotated[
        dict[str, Figure],
        Field(
            description="On leads later than all training data; two versions are rarely measured on the same."
        ),
    ]
    promoted_at: Annotated[
        list[str],
        Field(description="When it became the champion, rollbacks to it included; the latest first."),
    ]
    fault: Annotated[
        str | None,
        Field(
            description="Why its bundle is refused; all other facts are null then. Null for a valid bundle."
        ),
    ]


class DecisionFacts(AnswerBody):
    """One decision about which version answers."""

    at: str
    action: Annotated[str, Field(description="`promote`, `rollback`, `pull` or `retrain`.")]
    version: Annotated[
        str | None,
        Field(
            description="The version that answers from then on; of a retraining the one it trained, if any."
        ),
    ]
    before: Annotated[str | None, Field(description="The version that answered before; null where none did.")]
    by: Annotated[str, Field(description="Account that ran the command.")]
    reason: Annotated[str, Field(description="Why; empty where no reason was given.")]
    done: Annotated[
        bool, Field(description="Whether it took effect; false where the command was ended before.")
    ]


class VersionsAnswer(AnswerBody):
    """Response of GET /v1/model/versions."""

    champion: Annotated[str | None, Field(description="The promoted version.")]
    answering: Annotated[
        str, Field(description="The version in use; another one if the champion was refused.")
    ]
    versions: Annotated[list[VersionFacts], Field(description="The newest first.")]
    versions_left_out: Annotated[int, Field(description="Number of older versions that are not listed.")]
    decisions: Annotated[
        list[DecisionFacts], Field(description="Who switched or retrained, when and why; the latest first.")
    ]
    decisions_left_out: Annotated[int, Field(description="Number of earlier decisions that are not listed.")]
    request_id: RequestId


class MonitorAnswer(AnswerBody):
    """Response of GET /v1/model/monitor."""

    monitor: Annotated[
        dict[str, Any] | None,
        Field(
            description="What `leadodds monitor --json` printed when it last ran, without the leads; null if "
            "it never did. `verdict` holds `action`, `flagged`, `sentence` and `lines`; `expected_observed` "
            "the conversions of the last horizon, of the last complete one, and by group."
        ),
    ]
    request_id: RequestId
