"""What of a score can be written to a field of a CRM, and as what."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from features.times import US_PER_SECOND, format_time
from serving.scoring.reasons import reasons_line

Cell = str | float | int | bool | None
FieldType = Literal["number", "text", "time", "boolean", "link"]


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """One value of a score.

    Attributes:
        label: for the people who see the field.
        type: of the field.
        read: takes it from a row of the current scores; None is an empty field.
        is_stamp: whether it says when or by what the score was made: a change of it alone is no news.
    """

    label: str
    type: FieldType
    read: Callable[[Mapping[str, Any]], Cell]
    is_stamp: bool = False


def _percent(name: str) -> Callable[[Mapping[str, Any]], Cell]:
    return lambda row: None if row[name] is None else round(100.0 * row[name], 1)


def _plain(name: str) -> Callable[[Mapping[str, Any]], Cell]:
    return lambda row: row[name]


def _rounded(name: str, digits: int) -> Callable[[Mapping[str, Any]], Cell]:
    return lambda row: None if row[name] is None else round(row[name], digits)


def _second(name: str) -> Callable[[Mapping[str, Any]], Cell]:
    """Whole seconds: not every CRM takes parts of them."""
    return lambda row: format_time(row[name] - row[name] % US_PER_SECOND)


def _horizon(row: Mapping[str, Any]) -> Cell:
    return None if row["probability"] is None else row["horizon_days"]


def _reasons(row: Mapping[str, Any]) -> str | None:
    return reasons_line(json.loads(row["reasons"])) or None


VALUES: Final[Mapping[str, ScoreValue]] = {
    "probability_percent": ScoreValue("Chance to convert (%)", "number", _percent("probability")),
    "probability_low_percent": ScoreValue("Chance, low end (%)", "number", _percent("probability_low")),
    "probability_high_percent": ScoreValue("Chance, high end (%)", "number", _percent("probability_high")),
    "band": ScoreValue("Band", "text", _plain("band")),
    "stage": ScoreValue("Stage", "text", _plain("stage")),
    "status": ScoreValue("Status of the score", "text", _plain("status")),
    "prospect": ScoreValue("Prospect", "boolean", _plain("prospect")),
    "expected_value": ScoreValue("Expected value", "number", _rounded("expected_value", 2)),
    "waiting_hours": ScoreValue("Hours waiting for us", "number", _rounded("waiting_hours", 0)),
    "reasons": ScoreValue("Why", "text", _reasons),
    "horizon_days": ScoreValue("Converts within (days)", "number", _horizon),
    "held_out": ScoreValue("Ranked by chance", "boolean", _plain("held_out")),
    "as_of": ScoreValue("Scored as of", "time", _second("as_of"), is_stamp=True),
    "model_version": ScoreValue("Model version", "text", _plain("model_version"), is_stamp=True),
    "link": ScoreValue("Page of the lead", "link", _plain("link"), is_stamp=True),
}
