"""Writes the score of one lead as the object that HTTP answers with."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.columns import Ints
from features.funnel import STAGES
from features.times import format_time
from serving.predictor import Predictor
from serving.scores import NO_BAND, STATUSES, Scores
from serving.telling import OTHER, OTHER_LABEL, direction_of, tell_values

Answer = dict[str, object]

# Every column of a score after `status` that a lead without numbers lacks.
_NO_NUMBERS: Final[Answer] = dict.fromkeys(
    (
        *("probability", "probability_low", "probability_high", "band", "stage", "prospect", "rank"),
        *("expected_value", "waiting_hours", "base_log_odds"),
    )
)
_NO_MOMENT: Final[Answer] = dict.fromkeys(
    ("probability", "probability_low", "probability_high", "band", "stage", "waiting_hours")
)


def answer_lead(predictor: Predictor, scores: Scores, *, lead_id: str, scored_at: int) -> Answer:
    """Writes the only lead of `scores`: the columns of a score in their order, without a rank."""
    status = STATUSES[scores.status[0]]
    head: Answer = {"lead_id": lead_id, "as_of": format_time(scores.as_of), "status": status}
    numbers = _numbers(predictor, scores) if len(scores.row) else {**_NO_NUMBERS, "reasons": [], "curve": []}
    return {**head, **numbers, **_foot(predictor, scores.horizon_days, scored_at=scored_at)}


def answer_moments(predictor: Predictor, scores: Scores, as_of: Ints) -> list[Answer]:
    """Writes the only lead of `scores` at several moments: what a line over its life shows of each."""
    place = np.full(len(as_of), -1)
    place[scores.row] = np.arange(len(scores.row))
    return [
        {
            "as_of": format_time(moment),
            "status": STATUSES[status],
            **(_moment(predictor, scores, row) if row >= 0 else _NO_MOMENT),
        }
        for moment, status, row in zip(as_of.tolist(), scores.status.tolist(), place.tolist(), strict=True)
    ]


def answer_failed(predictor: Predictor, *, lead_id: str | None, scored_at: int) -> Answer:
    """Writes a lead that could not be scored."""
    foot = _foot(predictor, predictor.bundle.scorecard.horizon_days, scored_at=scored_at)
    head: Answer = {"lead_id": lead_id, "as_of": None, "status": "failed"}
    return {**head, **_NO_NUMBERS, "reasons": [], "curve": [], **foot, "notes": []}


def _foot(predictor: Predictor, horizon_days: float, *, scored_at: int) -> Answer:
    return {
        "horizon_days": horizon_days,
        "model_version": predictor.model_version,
        "feature_set": predictor.feature_set_version,
        "scored_at": format_time(scored_at),
    }


def _numbers(predictor: Predictor, scores: Scores) -> Answer:
    band = int(scores.band[0])
    return {
        "probability": float(scores.probability[0]),
        "probability_low": _number(float(scores.low[0])),
        "probability_high": _number(float(scores.high[0])),
        "band": None if band == NO_BAND else predictor.band_names[band],
        "stage": STAGES[scores.stage[0]],
        "prospect": bool(scores.prospect[0]),
        "rank": None,
        "expected_value": _number(float(scores.expected_value[0])),
        "waiting_hours": _number(float(scores.waiting_hours[0])),
        "base_log_odds": scores.base_log_odds,
        "reasons": _reasons(predictor, scores),
        "curve": [
            {"days": days, "probability": probability}
            for days, probability in zip(predictor.curve_days, scores.curve[0].tolist(), strict=True)
        ],
    }


def _moment(predictor: Predictor, scores: Scores, row: int) -> Answer:
    band = int(scores.band[row])
    return {
        "probability": float(scores.probability[row]),
        "probability_low": _number(float(scores.low[row])),
        "probability_high": _number(float(scores.high[row])),
        "band": None if band == NO_BAND else predictor.band_names[band],
        "stage": STAGES[scores.stage[row]],
        "waiting_hours": _number(float(scores.waiting_hours[row])),
    }


def _number(value: float) -> float | None:
    return None if value != value else value


def _reasons(predictor: Predictor, scores: Scores) -> list[Answer]:
    reasons = []
    chosen = zip(scores.reasons.terms[0].tolist(), scores.reasons.points[0].tolist(), strict=True)
    for term, points in chosen:
        if points != 0.0:
            words = predictor.words[term]
            (value,) = tell_values(words, scores.matrix, [0])
            reasons.append(_reason(words.name, words.label, value, points))
    return [*reasons, _reason(OTHER, OTHER_LABEL, None, float(scores.reasons.other[0]))]


def _reason(feature: str, label: str, value: str | None, points: float) -> Answer:
    return {
        "feature": feature,
        "label": label,
        "value": value,
        "points": points,
        "direction": direction_of(points),
    }
