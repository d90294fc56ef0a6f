"""The parts of the figures: each computes a few attributes of the evaluation, by itself, in any process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import joblib
import numpy as np

from features.history.lead_history import Bools, Floats, Ints
from features.times import format_time
from models.scorecard.hazards import sigmoid
from training.backtesting.jobs import SCORECARD
from training.backtesting.parallel import Job
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.baselines.unrestricted import UNRESTRICTED
from training.evaluation.calibration import calibration_line, gains_curve, reliability
from training.evaluation.coverage import coverage
from training.evaluation.figures import Estimates, Evaluation, SegmentFigures, estimates_to_json
from training.evaluation.gains import gains
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.recalibration import recalibrations
from training.metrics.bootstrap import (
    Bootstrap,
    Estimate,
    mean_estimate,
    metric_estimates,
    ratio_estimate,
)
from training.metrics.formulas import log_losses

# Names of the populations that have figures of their own.
UNSEEN: Final = "unseen_leads"
GRID: Final = "grid"
CREATION: Final = "creation"


def populations(predictions: BacktestPredictions) -> dict[str, Bools]:
    """(n,) whether each test example belongs to a population, by the population's name."""
    return {
        UNSEEN: predictions.is_unseen,
        GRID: ~predictions.from_creation,
        CREATION: predictions.from_creation,
    }


def plan_parts(predictions: BacktestPredictions, bootstrap: Bootstrap) -> list[Job]:
    """Plans the parts of the figures, each a few attributes of the evaluation, the longest first."""
    parts = [_of_origins, _of_baselines, _of_populations, _of_all]
    return [joblib.delayed(part)(predictions, bootstrap) for part in parts]


def plan_parts_of_inputs(
    predictions: BacktestPredictions, inputs: EvaluationInputs, bootstrap: Bootstrap
) -> list[Job]:
    """Plans the parts that need more than predictions and outcomes, the longest first."""
    parts = [_of_ranks, _of_recalibrations, _of_horizons]
    return [joblib.delayed(part)(predictions, inputs, bootstrap) for part in parts]


def join_parts(parts: Iterable[Mapping[str, Any]], predictions: BacktestPredictions) -> Evaluation:
    """Joins the parts; the figures at the main horizon are also among those of all horizons."""
    figures: dict[str, Any] = {}
    for part in parts:
        figures |= part
    if "horizons" in figures:
        main = {**figures["metrics"], "slope": figures["slope"], "intercept": figures["intercept"]}
        figures["horizons"] = dict(sorted({predictions.horizon_days: main, **figures["horizons"]}.items()))
    return Evaluation(**figures)


def _of_all(predictions: BacktestPredictions, bootstrap: Bootstrap) -> dict[str, Any]:
    """Computes the figures of all test examples together."""
    converted, clusters = predictions.converted, predictions.clusters
    slope, intercept = calibration_line(predictions.predicted, converted, clusters, bootstrap)
    unshifted = sigmoid(predictions.log_odds[SCORECARD])
    return {
        "metrics": _metrics_of(predictions.predicted, converted, clusters, bootstrap),
        "slope": slope,
        "intercept": intercept,
        "level_before_shift": ratio_estimate(unshifted, converted.astype(np.float64), clusters, bootstrap),
    }


def _of_populations(predictions: BacktestPredictions, bootstrap: Bootstrap) -> dict[str, Any]:
    """Computes the figures of each population."""
    of_each = {
        name: _metrics_with_line(predictions, mask, bootstrap)
        for name, mask in populations(predictions).items()
    }
    return {"populations": of_each}


def _of_origins(predictions: BacktestPredictions, bootstrap: Bootstrap) -> dict[str, Any]:
    """Computes the figures of each origin."""
    numbers = range(len(predictions.origins))
    return {"by_origin": tuple(_origin_record(predictions, number, bootstrap) for number in numbers)}


def _of_baselines(predictions: BacktestPredictions, bootstrap: Bootstrap) -> dict[str, Any]:
    """Computes the figures of each baseline, and of the scorecard beside it."""
    compared = _compared(predictions, bootstrap)
    return {
        "baselines": {name: metrics for name, (metrics, _) in compared.items()},
        "differences": {name: difference for name, (_, difference) in compared.items()},
        "cost_of_additivity": _cost_of_additivity(predictions, bootstrap)
        if UNRESTRICTED in compared
        else None,
        "failed_baselines": predictions.failed_baselines,
    }


def _compared(
    predictions: BacktestPredictions, bootstrap: Bootstrap
) -> dict[str, tuple[dict[str, Estimate], Estimate]]:
    """Computes the metrics of every baseline, and the scorecard's log loss less that of the baseline.

    Both are about the test examples of the origins at which the baseline was fitted; baselines that are
    left with one outcome have none.
    """
    compared = {}
    losses = log_losses(predictions.predicted, predictions.converted)
    for name, log_odds in predictions.log_odds.items():
        fitted = ~np.isnan(log_odds)
        metrics = {} if name == SCORECARD else _metrics(predictions, log_odds, fitted, bootstrap)
        if metrics:
            saved = losses[fitted] - log_losses(log_odds[fitted], predictions.converted[fitted])
            compared[name] = metrics, mean_estimate(saved, predictions.clusters[fitted], bootstrap)
    return compared


def _cost_of_additivity(predictions: BacktestPredictions, bootstrap: Bootstrap) -> Estimate:
    """Computes the part by which the scorecard's log loss is above that of the unrestricted hazard."""
    fitted = ~np.isnan(predictions.log_odds[UNRESTRICTED])
    ours, theirs = (
        log_losses(predictions.log_odds[name][fitted], predictions.converted[fitted])
        for name in (SCORECARD, UNRESTRICTED)
    )
    return ratio_estimate(ours - theirs, theirs, predictions.clusters[fitted], bootstrap)


def _of_horizons(
    predictions: BacktestPredictions, inputs: EvaluationInputs, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Computes the figures at further horizons."""
    further = {
        days: metrics
        for days, outcome in inputs.outcomes.items()
        if (metrics := _metrics_at_horizon(predictions, days, outcome, bootstrap))
    }
    return {"horizons": further}


def _of_recalibrations(
    predictions: BacktestPredictions, inputs: EvaluationInputs, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Computes the figures after other ways to recalibrate, and how far ranges hold."""
    by_way, could_learn = recalibrations(predictions)
    recalibrated = {way: _metrics(predictions, odds, could_learn, bootstrap) for way, odds in by_way.items()}
    return {
        "recalibrations": recalibrated if could_learn.any() else {},
        "coverage": coverage(predictions, inputs.reach),
        "distribution": inputs.distribution,
    }


def _of_ranks(
    predictions: BacktestPredictions, inputs: EvaluationInputs, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Computes what the leads called first capture, and the reliability of the predictions."""
    return {
        "gains": gains(predictions, inputs.amount, inputs.capacity, bootstrap),
        "gains_curve": gains_curve(predictions),
        "reliability": reliability(predictions, bootstrap),
    }


def _metrics(
    predictions: BacktestPredictions, log_odds: Floats, mask: Bools, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Computes the metrics of some test examples; none where only one outcome occurs among them."""
    return _metrics_of(log_odds[mask], predictions.converted[mask], predictions.clusters[mask], bootstrap)


def _metrics_of(
    log_odds: Floats, converted: Bools, cluster: Ints, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Computes the metrics of predictions; none where only one outcome occurs."""
    if not 0 < converted.sum() < len(converted):
        return {}
    return metric_estimates(sigmoid(log_odds), converted, cluster, bootstrap)


def _metrics_with_line(
    predictions: BacktestPredictions, mask: Bools, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Computes the metrics of some test examples with their calibration line."""
    chosen = predictions.predicted[mask], predictions.converted[mask], predictions.clusters[mask]
    return _with_line(*chosen, bootstrap)


def _with_line(
    log_odds: Floats, converted: Bools, cluster: Ints, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Computes the metrics of predictions with their calibration line."""
    metrics = _metrics_of(log_odds, converted, cluster, bootstrap)
    if metrics:
        metrics["slope"], metrics["intercept"] = calibration_line(log_odds, converted, cluster, bootstrap)
    return metrics


def _metrics_at_horizon(
    predictions: BacktestPredictions, days: float, outcome: Floats, bootstrap: Bootstrap
) -> Estimates:
    """Computes the metrics at a further horizon, of the examples with a prediction and a final outcome."""
    log_odds = predictions.by_horizon[days]
    is_known = ~np.isnan(outcome) & ~np.isnan(log_odds + predictions.shift)
    further = replace(predictions, converted=outcome == 1, log_odds={SCORECARD: log_odds}, horizon_days=days)
    return _metrics_with_line(further, is_known, bootstrap)


def plan_segments(
    predictions: BacktestPredictions, masks: Mapping[str, Mapping[str, Bools]], bootstrap: Bootstrap
) -> list[Job]:
    """Plans the figures of each segment, by question: they are most of the evaluation."""
    return [
        joblib.delayed(segment_figures)(
            predictions.predicted[mask], predictions.converted[mask], predictions.clusters[mask], bootstrap
        )
        for of_question in masks.values()
        for mask in of_question.values()
    ]


def segment_figures(
    log_odds: Floats, converted: Bools, cluster: Ints, bootstrap: Bootstrap
) -> SegmentFigures:
    """Computes the figures of one segment.

    Args:
        log_odds: (n,) predicted.
        converted: (n,) observed.
        cluster: (n,) number of each example's lead or account.
        bootstrap: of the intervals.
    """
    outcome = converted.astype(np.float64)
    return SegmentFigures(
        examples=len(converted),
        conversions=int(outcome.sum()),
        predicted=float(sigmoid(log_odds).mean()),
        observed=mean_estimate(outcome, cluster, bootstrap),
        metrics=_with_line(log_odds, converted, cluster, bootstrap),
    )


def _origin_record(predictions: BacktestPredictions, number: int, bootstrap: Bootstrap) -> dict[str, Any]:
    """Records the dates, counts, shifts and metrics of one origin."""
    mask = predictions.origin == number
    origin = predictions.origins[number]
    converted = predictions.converted[mask]
    return {
        "at": format_time(origin.at),
        "test_from": format_time(origin.test_from),
        "test_until": format_time(origin.test_until),
        "examples": int(mask.sum()),
        "conversions": int(converted.sum()),
        "promised": float(sigmoid(predictions.predicted[mask]).sum()),
        "happened": mean_estimate(
            converted.astype(np.float64), predictions.clusters[mask], bootstrap
        ).to_json()
        if mask.any()
        else None,
        "base_rate": float(sigmoid(predictions.log_odds[BASE_RATE][mask]).mean()) if mask.any() else None,
        "level_shift": predictions.shifts[number],
        "level_shift_applied": predictions.applied[number],
        "metrics": estimates_to_json(_metrics_with_line(predictions, mask, bootstrap)),
    }
