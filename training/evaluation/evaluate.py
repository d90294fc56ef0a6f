"""Compares the predictions at the origins of the past with what was observed afterwards.

Figures are about the main horizon unless they name another. They come from examples that were never trained
on, predicted by a model that knew only what was known at its origin. The level shift at an origin uses the
shifts of those origins alone that had matured before it. Every interval is drawn over leads, or over accounts
where there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import joblib
import numpy as np

from features.history.lead_history import Bools, Floats, Ints
from features.progress import Progress, silent
from features.times import format_time
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.parallel import run_jobs
from training.backtesting.predictions import BacktestPredictions, NothingToEvaluateError
from training.baselines.base_rate import BASE_RATE
from training.baselines.unrestricted import UNRESTRICTED
from training.config import TrainingConfig
from training.evaluation.calibration import calibration_line, gains_curve, reliability
from training.evaluation.coverage import coverage
from training.evaluation.fairness import Compared, Fairness, compare_groups
from training.evaluation.figures import Estimates, Evaluation, SegmentFigures, estimates_to_json
from training.evaluation.gains import gains
from training.evaluation.held_out import compare_held_out_examples
from training.evaluation.inputs import EvaluationInputs, gather_evaluation_inputs
from training.evaluation.learning_curve import learning_curve
from training.evaluation.recalibration import recalibrations
from training.evaluation.segments import Segmentation
from training.examples.dataset import Dataset
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
# The part of the test examples that stands for the highest band, where no limit of it is configured.
_TOP_SHARE: Final = 0.1


def populations(predictions: BacktestPredictions) -> dict[str, Bools]:
    """(n,) whether each test example belongs to a population, by the population's name."""
    return {
        UNSEEN: predictions.is_unseen,
        GRID: ~predictions.from_creation,
        CREATION: predictions.from_creation,
    }


def evaluate_fits(
    predictions: BacktestPredictions,
    dataset: Dataset,
    *,
    learning: Sequence[tuple[FitSpec, FitResult | None]],
    final: Scorecard | None,
    config: TrainingConfig,
    progress: Progress = silent,
) -> tuple[EvaluationInputs, Evaluation]:
    """Computes all figures of the fits at the origins, the learning curve included.

    Args:
        predictions: of the origins' fits, with what was observed.
        dataset: what was fitted on.
        learning: fits on shares of the leads, with what came of them.
        final: scorecard of the final fit, before its level shift; None in a backtest.
        config: seed, replicates, segments, sales capacity, workers.
        progress: called after each segment.

    Raises:
        NothingToEvaluateError: only one outcome occurs.
        SegmentError: a segment is configured that the history does not have.
    """
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    inputs = gather_evaluation_inputs(dataset, predictions, config=config, scorecard=final)
    evaluation = evaluate(predictions, bootstrap, inputs=inputs)
    segments = _segments(predictions, inputs.segments, bootstrap, workers=config.workers, progress=progress)
    points = learning_curve(predictions, dataset, learning, bootstrap)
    fairness = _fairness(predictions, dataset, bootstrap, config=config)
    held_out = compare_held_out_examples(
        predictions, dataset.history, share=config.held_out_share, bootstrap=bootstrap
    )
    evaluation = replace(evaluation, segments=segments, learning_curve=points)
    return inputs, replace(evaluation, fairness=fairness, held_out=held_out)


def _fairness(
    predictions: BacktestPredictions, dataset: Dataset, bootstrap: Bootstrap, *, config: TrainingConfig
) -> Fairness:
    """Compares the configured groups; the highest band is as configured, else the best tenth."""
    probability = sigmoid(predictions.predicted)
    limit = config.bands[0] if config.bands else np.quantile(probability, 1.0 - _TOP_SHARE)
    compared = Compared(
        dataset.examples_at(predictions.test),
        probability,
        predictions.converted,
        predictions.clusters,
        probability >= limit,
    )
    return compare_groups(dataset.history, compared, config.fairness_attributes, bootstrap)


def evaluate(
    predictions: BacktestPredictions, bootstrap: Bootstrap, *, inputs: EvaluationInputs | None = None
) -> Evaluation:
    """Computes every figure with its interval, except the segments and the learning curve.

    Args:
        predictions: of the test examples, with what was observed.
        bootstrap: of the intervals.
        inputs: for the figures that need more than predictions and outcomes; None leaves those out.

    Raises:
        NothingToEvaluateError: only one outcome occurs.
    """
    if not 0 < predictions.converted.sum() < len(predictions.converted):
        raise NothingToEvaluateError(
            examples=len(predictions.converted),
            conversions=int(predictions.converted.sum()),
            horizon_days=predictions.horizon_days,
        )
    evaluation = _against_baselines(predictions, bootstrap)
    return evaluation if inputs is None else _with_inputs(evaluation, predictions, inputs, bootstrap)


def _against_baselines(predictions: BacktestPredictions, bootstrap: Bootstrap) -> Evaluation:
    """Computes the figures that need nothing but predictions and outcomes."""
    converted, clusters = predictions.converted, predictions.clusters
    everyone = np.ones(len(predictions.lead), dtype=np.bool_)
    compared = _compared(predictions, bootstrap)
    slope, intercept = calibration_line(predictions.predicted, converted, clusters, bootstrap)
    unshifted = sigmoid(predictions.log_odds[SCORECARD])
    return Evaluation(
        metrics=_metrics(predictions, predictions.predicted, everyone, bootstrap),
        populations={
            name: _metrics_with_line(predictions, mask, bootstrap)
            for name, mask in populations(predictions).items()
        },
        by_origin=tuple(
            _origin_record(predictions, number, bootstrap) for number in range(len(predictions.origins))
        ),
        baselines={name: metrics for name, (metrics, _) in compared.items()},
        differences={name: difference for name, (_, difference) in compared.items()},
        cost_of_additivity=_cost_of_additivity(predictions, bootstrap) if UNRESTRICTED in compared else None,
        slope=slope,
        intercept=intercept,
        level_before_shift=ratio_estimate(unshifted, converted.astype(np.float64), clusters, bootstrap),
        failed_baselines=predictions.failed_baselines,
    )


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


def _with_inputs(
    evaluation: Evaluation, predictions: BacktestPredictions, inputs: EvaluationInputs, bootstrap: Bootstrap
) -> Evaluation:
    """Adds the figures that need more than predictions and outcomes."""
    main = {**evaluation.metrics, "slope": evaluation.slope, "intercept": evaluation.intercept}
    horizons = {predictions.horizon_days: main} | {
        days: metrics
        for days, outcome in inputs.outcomes.items()
        if (metrics := _metrics_at_horizon(predictions, days, outcome, bootstrap))
    }
    by_way, could_learn = recalibrations(predictions)
    return replace(
        evaluation,
        horizons=dict(sorted(horizons.items())),
        gains=gains(predictions, inputs.amount, inputs.capacity, bootstrap),
        recalibrations={
            way: _metrics(predictions, odds, could_learn, bootstrap) for way, odds in by_way.items()
        }
        if could_learn.any()
        else {},
        reliability=reliability(predictions, bootstrap),
        gains_curve=gains_curve(predictions),
        coverage=coverage(predictions, inputs.reach),
        distribution=inputs.distribution,
    )


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


def _segments(
    predictions: BacktestPredictions,
    segmentations: Mapping[str, Segmentation],
    bootstrap: Bootstrap,
    *,
    workers: int,
    progress: Progress,
) -> dict[str, dict[str, SegmentFigures]]:
    """Computes the figures of each segment by question, side by side: they are most of the evaluation."""
    masks = {question: segmentation.masks() for question, segmentation in segmentations.items()}
    jobs = [
        joblib.delayed(segment_figures)(
            predictions.predicted[mask], predictions.converted[mask], predictions.clusters[mask], bootstrap
        )
        for of_question in masks.values()
        for mask in of_question.values()
    ]
    done = run_jobs(jobs, workers=workers, stage="segments", progress=progress) if jobs else iter(())
    return {question: {name: next(done) for name in of_question} for question, of_question in masks.items()}


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
