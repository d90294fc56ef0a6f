"""Writes scores as the JSON objects of HTTP responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from features.funnel import STAGES
from features.history.lead_history import Ints
from features.times import format_time
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import OTHER, OTHER_LABEL, direction_of, value_texts
from serving.scoring.score_columns import NO_BAND, STATUSES, Scores

# What is written as a JSON object.
JsonObject = dict[str, object]

# The columns that are null for a lead without numbers: converted, lost or failed.
_NO_NUMBERS: Final[JsonObject] = dict.fromkeys(
    (
        *("probability", "probability_low", "probability_high", "band", "stage", "prospect", "rank"),
        *("expected_value", "waiting_hours", "base_log_odds"),
    )
)
_NO_MOMENT: Final[JsonObject] = dict.fromkeys(
    ("probability", "probability_low", "probability_high", "band", "stage", "waiting_hours")
)


def score_objects(
    predictor: Predictor,
    scores: Scores,
    *,
    lead_ids: Sequence[str],
    as_of: Sequence[int],
    scored_at: Sequence[int],
) -> list[JsonObject]:
    """Writes one object per lead, with the columns of a score in order; ranks are null, they need all leads.

    Args:
        predictor: made the scores.
        scores: of n leads.
        lead_ids: of the leads.
        as_of: moments of the predictions, microseconds UTC.
        scored_at: moments of the responses, microseconds UTC.
    """
    numbers = dict(zip(scores.row.tolist(), _numbers(predictor, scores), strict=True))
    texts = {moment: format_time(moment) for moment in {*as_of, *scored_at}}
    model = _model(predictor, scores.horizon_days)
    return [
        {
            "lead_id": lead_id,
            "as_of": texts[moment],
            "status": STATUSES[status],
            **(numbers.get(place) or _nothing()),
            **model,
            "scored_at": texts[made],
            "held_out": held_out,
        }
        for place, (lead_id, moment, status, held_out, made) in enumerate(
            zip(lead_ids, as_of, scores.status.tolist(), scores.held_out.tolist(), scored_at, strict=True)
        )
    ]


def moment_objects(predictor: Predictor, scores: Scores, as_of: Ints) -> list[JsonObject]:
    """Writes one object per moment for the only lead of `scores`: the points of the chart of its life."""
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


def failed_object(predictor: Predictor, *, lead_id: str | None, scored_at: int) -> JsonObject:
    """Writes the object of a lead that could not be scored; whether it is held out is not known either."""
    head: JsonObject = {"lead_id": lead_id, "as_of": None, "status": "failed"}
    model = _model(predictor, predictor.bundle.scorecard.horizon_days)
    tail: JsonObject = {"scored_at": format_time(scored_at), "held_out": None, "notes": []}
    return {**head, **_nothing(), **model, **tail}


def _model(predictor: Predictor, horizon_days: float) -> JsonObject:
    return {
        "horizon_days": horizon_days,
        "model_version": predictor.model_version,
        "feature_set": predictor.feature_set_version,
    }


def _nothing() -> JsonObject:
    return {**_NO_NUMBERS, "reasons": [], "curve": []}


def _numbers(predictor: Predictor, scores: Scores) -> Iterator[JsonObject]:
    """Writes the numbers of every lead that has some."""
    columns = zip(
        scores.probability.tolist(),
        scores.low.tolist(),
        scores.high.tolist(),
        scores.band.tolist(),
        scores.stage.tolist(),
        scores.prospect.tolist(),
        scores.expected_value.tolist(),
        scores.waiting_hours.tolist(),
        scores.curve.tolist(),
        strict=True,
    )
    for row, (probability, low, high, band, stage, prospect, value, waiting, curve) in enumerate(columns):
        yield {
            "probability": probability,
            "probability_low": _number(low),
            "probability_high": _number(high),
            "band": None if band == NO_BAND else predictor.band_names[band],
            "stage": STAGES[stage],
            "prospect": bool(prospect),
            "rank": None,
            "expected_value": _number(value),
            "waiting_hours": _number(waiting),
            "base_log_odds": scores.base_log_odds,
            "reasons": _reasons(predictor, scores, row),
            "curve": [
                {"days": days, "probability": at_edge}
                for days, at_edge in zip(predictor.curve_days, curve, strict=True)
            ],
        }


def _moment(predictor: Predictor, scores: Scores, row: int) -> JsonObject:
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


def _reasons(predictor: Predictor, scores: Scores, row: int) -> list[JsonObject]:
    reasons = []
    chosen = zip(scores.reasons.terms[row].tolist(), scores.reasons.points[row].tolist(), strict=True)
    for term, points in chosen:
        if points != 0.0:
            term_label = predictor.term_labels[term]
            (value,) = value_texts(term_label, scores.matrix, [row])
            reasons.append(_reason(term_label.name, term_label.label, value, points))
    return [*reasons, _reason(OTHER, OTHER_LABEL, None, scores.reasons.other.item(row))]


def _reason(feature: str, label: str, value: str | None, points: float) -> JsonObject:
    return {
        "feature": feature,
        "label": label,
        "value": value,
        "points": points,
        "direction": direction_of(points),
    }
