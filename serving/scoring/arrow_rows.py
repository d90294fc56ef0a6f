"""Writes scores as an Arrow table, with exactly the columns of a score in exactly their order."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.funnel import STAGES
from features.history.lead_history import Floats, Ints
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import OTHER, OTHER_LABEL, TermLabel, value_texts
from serving.scoring.score_columns import NO_BAND, STATUSES, Scores

_TIME: Final = pa.timestamp("us", tz="UTC")
_REASON: Final = pa.struct(
    [
        ("feature", pa.string()),
        ("label", pa.string()),
        ("value", pa.string()),
        ("points", pa.float64()),
        ("direction", pa.string()),
    ]
)
_CURVE_POINT: Final = pa.struct([("days", pa.float64()), ("probability", pa.float64())])

SCORE_SCHEMA: Final = pa.schema(
    [
        ("lead_id", pa.string()),
        ("as_of", _TIME),
        ("status", pa.string()),
        ("probability", pa.float64()),
        ("probability_low", pa.float64()),
        ("probability_high", pa.float64()),
        ("band", pa.string()),
        ("stage", pa.string()),
        ("prospect", pa.bool_()),
        ("rank", pa.int64()),
        ("expected_value", pa.float64()),
        ("waiting_hours", pa.float64()),
        ("base_log_odds", pa.float64()),
        ("reasons", pa.list_(_REASON)),
        ("curve", pa.list_(_CURVE_POINT)),
        ("horizon_days", pa.float64()),
        ("model_version", pa.string()),
        ("feature_set", pa.string()),
        ("scored_at", _TIME),
        ("held_out", pa.bool_()),
    ]
)
SCORE_COLUMNS: Final = tuple(SCORE_SCHEMA.names)


def score_table(predictor: Predictor, scores: Scores, lead_ids: pa.Array, *, scored_at: int) -> pa.Table:
    """Writes scores as rows, one per lead; ranks are null, they need all leads.

    Args:
        predictor: made the scores.
        scores: of n leads.
        lead_ids: (n,) ids in the order of the scores.
        scored_at: microseconds UTC.
    """
    count = len(lead_ids)
    place = np.full(count, -1, dtype=np.int64)
    place[scores.row] = np.arange(len(scores.row))
    columns = {
        "lead_id": lead_ids.cast(pa.string()),
        "as_of": _constant(scores.as_of, count, _TIME),
        "status": _names(scores.status, STATUSES),
        "rank": pa.nulls(count, pa.int64()),
        **_number_columns(predictor, scores, place),
        "reasons": _reason_lists(predictor, scores, count),
        "curve": _curve_lists(predictor, scores, count),
        "horizon_days": _constant(scores.horizon_days, count, pa.float64()),
        "model_version": _constant(predictor.model_version, count, pa.string()),
        "feature_set": _constant(predictor.feature_set_version, count, pa.string()),
        "scored_at": _constant(scored_at, count, _TIME),
        "held_out": pa.array(scores.held_out),
    }
    return pa.table([columns[name] for name in SCORE_COLUMNS], schema=SCORE_SCHEMA)


def priorities(scores: Scores) -> Floats:
    """Spreads the priorities over all n leads; NaN for one without numbers, which has no rank."""
    spread = np.full(len(scores.status), np.nan)
    spread[scores.row] = scores.priority
    return spread


def _constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)


def _names(codes: npt.NDArray[Any], names: tuple[str, ...]) -> pa.Array:
    """Looks names up by position; -1 becomes null."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.array(names, pa.string()).take(indices)


def _number_columns(predictor: Predictor, scores: Scores, place: Ints) -> dict[str, pa.Array]:
    """Writes the columns that are null for a lead without numbers, whose `place` is -1."""
    without = place < 0
    taken = np.where(without, 0, place)

    def numbers(values: Floats) -> pa.Array:
        spread = _spread(values, taken, np.nan)
        return pa.array(spread, mask=without | np.isnan(spread))

    def codes(values: npt.NDArray[Any], names: tuple[str, ...]) -> pa.Array:
        spread = _spread(values, taken, NO_BAND)
        return _names(np.where(without, NO_BAND, spread), names)

    return {
        "probability": numbers(scores.probability),
        "probability_low": numbers(scores.low),
        "probability_high": numbers(scores.high),
        "band": codes(scores.band, predictor.band_names),
        "stage": codes(scores.stage, STAGES),
        "prospect": pa.array(_spread(scores.prospect, taken, False), mask=without),
        "expected_value": numbers(scores.expected_value),
        "waiting_hours": numbers(scores.waiting_hours),
        "base_log_odds": numbers(np.full(len(scores.row), scores.base_log_odds)),
    }


def _spread(values: npt.NDArray[Any], taken: Ints, filler: object) -> npt.NDArray[Any]:
    return values[taken] if len(values) else np.full(len(taken), filler)


def _reason_lists(predictor: Predictor, scores: Scores, count: int) -> pa.Array:
    """Writes the reasons of every lead, "other" last; empty for leads without numbers."""
    others = np.full((len(scores.row), 1), len(predictor.term_labels))
    terms = np.hstack([scores.reasons.terms, others])
    points = np.hstack([scores.reasons.points, scores.reasons.other[:, np.newaxis]])
    is_shown = np.hstack([scores.reasons.is_shown, np.ones_like(others, dtype=bool)])
    example = np.broadcast_to(np.arange(len(scores.row))[:, np.newaxis], terms.shape)[is_shown]
    chosen, added = terms[is_shown], points[is_shown]
    structs = pa.StructArray.from_arrays(
        [
            _names(chosen, (*(term.name for term in predictor.term_labels), OTHER)),
            _names(chosen, (*(term.label for term in predictor.term_labels), OTHER_LABEL)),
            _values(predictor.term_labels, scores, chosen, example),
            pa.array(added),
            _names((added < 0).astype(np.int8), ("raises", "lowers")),
        ],
        fields=list(_REASON),
    )
    return _lists(structs, scores.row, is_shown.sum(axis=1), count)


def _values(labels: tuple[TermLabel, ...], scores: Scores, chosen: Ints, example: Ints) -> pa.Array:
    """Writes the value behind every reason: term by term, so that equal values share one text."""
    texts = np.full(len(chosen), None, dtype=object)
    for term in np.unique(chosen):
        if term < len(labels):
            here = np.flatnonzero(chosen == term)
            texts[here] = value_texts(labels[term], scores.matrix, example[here].tolist())
    return pa.array(texts, pa.string())


def _curve_lists(predictor: Predictor, scores: Scores, count: int) -> pa.Array:
    edges = np.tile(np.array(predictor.curve_days), len(scores.row))
    structs = pa.StructArray.from_arrays(
        [pa.array(edges), pa.array(scores.curve.ravel())], fields=list(_CURVE_POINT)
    )
    return _lists(structs, scores.row, np.full(len(scores.row), scores.curve.shape[1]), count)


def _lists(structs: pa.StructArray, row: Ints, lengths: Ints, count: int) -> pa.Array:
    """Cuts structs into one list per lead; `row` names the leads that have any."""
    offsets = np.zeros(count + 1, dtype=np.int32)
    offsets[row + 1] = lengths
    return pa.ListArray.from_arrays(pa.array(np.cumsum(offsets, dtype=np.int32)), structs)
