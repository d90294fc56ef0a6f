"""Answers of the routes of the model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.http.openapi.problem_answers import AnswerBody


class ModelAnswer(BaseModel):
    """The card of the model that answers: what it was trained on, and how well it did on later leads."""

    model_config = ConfigDict(extra="allow")

    request_id: str


class TermAxis(AnswerBody):
    """One feature of a term."""

    feature: str
    label: Annotated[str, Field(description="For people, with its unit.")]
    missing: Annotated[str, Field(description="What a missing value says.")]
    bins: Annotated[list[str], Field(description="Name of every bin; the first is a missing value.")]


class TermCurve(TermAxis):
    """What one feature adds."""

    points: Annotated[list[float], Field(description="Log-odds against the average lead, for each bin.")]
    share: Annotated[
        list[float] | None, Field(description="Part of the training examples in each bin; null if not kept.")
    ]
    weight: Annotated[
        float | None,
        Field(description="Mean absolute points over the training examples; null without share."),
    ]


class TermPair(AnswerBody):
    """What two features add together, beside what each adds alone."""

    axes: Annotated[list[TermAxis], Field(min_length=2, max_length=2)]
    points: Annotated[list[list[float]], Field(description="By bin of the first axis, then of the second.")]


class TermsAnswer(AnswerBody):
    """The answer of GET /v1/model/terms."""

    model_version: str
    horizon_days: float
    curves: Annotated[list[TermCurve], Field(description="The one that moves most comes first.")]
    pairs: list[TermPair]
    request_id: str


class Figure(AnswerBody):
    """A figure of the evaluation with its 95 % interval; null where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: Annotated[int, Field(description="Examples that it was measured on.")]


class VersionFacts(AnswerBody):
    """One version whose bundle lies in the home."""

    model_version: str
    created_at: Annotated[str | None, Field(description="When its training ended.")]
    observed_until: str | None
    horizon_days: float | None
    feature_set: str | None
    metrics: Annotated[
        dict[str, Figure],
        Field(
            description="On leads later than any in training; two versions were seldom judged on the same."
        ),
    ]
    promoted_at: Annotated[
        list[str],
        Field(description="Whenever it became the champion, rollbacks to it included; the latest first."),
    ]
    fault: Annotated[
        str | None,
        Field(description="Why its bundle is refused; all facts are null then. Null if it is good."),
    ]


class VersionsAnswer(AnswerBody):
    """The answer of GET /v1/model/versions."""

    champion: Annotated[str | None, Field(description="The version that should answer.")]
    answering: Annotated[str, Field(description="The version that does.")]
    versions: Annotated[list[VersionFacts], Field(description="The newest first.")]
    versions_left_out: Annotated[int, Field(description="Older ones than those told of.")]
    request_id: str
