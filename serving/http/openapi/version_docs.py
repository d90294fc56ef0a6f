"""Describes the route of the versions for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from serving.http.openapi.answer_schemas import Described, problem_responses


class Figure(Described):
    """A figure of the evaluation with its 95 % interval; null where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: Annotated[int, Field(description="Examples that it was measured on.")]


class VersionFacts(Described):
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


class VersionsAnswer(Described):
    """The answer of GET /v1/model/versions."""

    champion: Annotated[str | None, Field(description="The version that should answer.")]
    answering: Annotated[str, Field(description="The version that does.")]
    versions: Annotated[list[VersionFacts], Field(description="The newest first.")]
    versions_left_out: Annotated[int, Field(description="Older ones than those told of.")]
    request_id: str


VERSIONS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "modelVersions",
    "summary": "All versions, with figures and when they were promoted",
    "responses": {
        200: {"model": VersionsAnswer, "description": "The versions of the home."},
        **problem_responses(421, 500),
    },
}
