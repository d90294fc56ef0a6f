"""Describes the route of the model's terms for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from serving.http.openapi.answer_schemas import Described, problem_responses


class TermAxis(Described):
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


class TermPair(Described):
    """What two features add together, beside what each adds alone."""

    axes: Annotated[list[TermAxis], Field(min_length=2, max_length=2)]
    points: Annotated[list[list[float]], Field(description="By bin of the first axis, then of the second.")]


class TermsAnswer(Described):
    """The answer of GET /v1/model/terms."""

    model_version: str
    horizon_days: float
    curves: Annotated[list[TermCurve], Field(description="The one that moves most comes first.")]
    pairs: list[TermPair]
    request_id: str


TERMS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "modelTerms",
    "summary": "What every feature adds, as curves",
    "responses": {
        200: {"model": TermsAnswer, "description": "All terms of the model that answers."},
        **problem_responses(421, 500),
    },
}
