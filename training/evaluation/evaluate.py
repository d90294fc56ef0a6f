"""Judges what was promised at the origins of the past against what happened afterwards.

Figures are about the main horizon unless they name another, on examples that were never trained on, promised
by a model that knew only what was known at its origin. The level shift at an origin uses the shifts of those
origins alone that had matured before it. Every interval is drawn over leads, or accounts where there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from features.history.lead_history import Bools, Floats
from features.times import format_time
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.predictions import BacktestPredictions, NothingToEvaluateError
from training.baselines.base_rate import BASE_RATE
from training.baselines.unrestricted import UNRESTRICTED
from training.config import TrainingConfig
from training.evaluation.calibration import calibration_line, gains_curve, reliability
from training.evaluation.capacity import Capacity, find_capacity
from training.evaluation.coverage import coverage, replica_spread
from training.evaluation.figures import Estimates, Evaluation, SegmentFigures, estimates_to_json
from training.evaluation.gains import gains
from training.evaluation.learning_curve import learning_curve
from training.evaluation.recalibration import recalibrations
from training.evaluation.segments import Segmentation, masks, segment_examples
from training.evaluation.term_views import code_shares, training_codes
from training.examples.dataset import Dataset
from training.examples.labels import converted_within
from training.metrics.bootstrap import Estimate, mean_estimate, metric_estimates, ratio_estimate
from training.metrics.formulas import log_losses

# Names of the parts of the population that figures are given for beside the whole.
UNSEEN: Final = "unseen_leads"
GRID: Final = "grid"
CREATION: Final = "creation"


def evaluate(
    predictions: BacktestPredictions,
    *,
    evaluation_inputs: EvaluationInputs | None = None,
    seed: int,
    replicates: int,
) -> Evaluation:
    """Computes every figure with its interval by bootstrap over leads, or accounts.

    Args:
        predictions: of the test examples, with what was observed.
        evaluation_inputs: under which more can be looked at; None where there are none.
        seed: of the replicates.
        replicates: how many draws of leads.

    Raises:
        NothingToJudgeError: only one outcome occurs.
    """
    if not 0 < predictions.converted.sum() < len(predictions.converted):
        raise NothingToEvaluateError(
            examples=len(predictions.converted),
            conversions=int(predictions.converted.sum()),
            horizon_days=predictions.horizon_days,
        )
    draws = {"seed": seed, "replicates": replicates}
    whole = _against_baselines(predictions, **draws)
    return (
        whole if evaluation_inputs is None else _under_aspects(whole, predictions, evaluation_inputs, **draws)
    )


def _against_baselines(predictions: BacktestPredictions, **draws: int) -> Evaluation:
    """Computes what needs nothing but promises and outcomes."""
    everyone = np.ones(len(predictions.lead), dtype=np.bool_)
    groups = {
        UNSEEN: predictions.is_unseen,
        GRID: ~predictions.from_creation,
        CREATION: predictions.from_creation,
    }
    others = {name: predicted for name, predicted in predictions.log_odds.items() if name != SCORECARD}
    losses = {
        name: log_losses(predicted, predictions.converted) for name, predicted in predictions.log_odds.items()
    }
    predicted_losses = log_losses(predictions.predicted, predictions.converted)
    slope, intercept = calibration_line(
        predictions.predicted, predictions.converted, predictions.clusters, **draws
    )
    raw = sigmoid(predictions.log_odds[SCORECARD])
    return Evaluation(
        metrics=_metrics(predictions, predictions.predicted, everyone, **draws),
        populations={name: _with_line(predictions, group, **draws) for name, group in groups.items()},
        by_origin=tuple(
            _origin_record(predictions, number, **draws) for number in range(len(predictions.origins))
        ),
        baselines={
            name: _metrics(predictions, log_odds, everyone, **draws) for name, log_odds in others.items()
        },
        differences={
            name: mean_estimate(predicted_losses - losses[name], predictions.clusters, **draws)
            for name in others
        },
        cost_of_additivity=ratio_estimate(
            losses[SCORECARD] - losses[UNRESTRICTED], losses[UNRESTRICTED], predictions.clusters, **draws
        )
        if UNRESTRICTED in others
        else None,
        slope=slope,
        intercept=intercept,
        level_before_shift=ratio_estimate(
            raw, predictions.converted.astype(np.float64), predictions.clusters, **draws
        ),
    )


def _under_aspects(
    whole: Evaluation, predictions: BacktestPredictions, evaluation_inputs: EvaluationInputs, **draws: int
) -> Evaluation:
    """Adds what is looked at beside promise and outcome."""
    main = {**whole.metrics, "slope": whole.slope, "intercept": whole.intercept}
    horizons = {predictions.horizon_days: main} | {
        days: figures
        for days, outcome in evaluation_inputs.outcomes.items()
        if (figures := _at_horizon(predictions, days, outcome, **draws))
    }
    ways, could_learn = recalibrations(predictions)
    return replace(
        whole,
        horizons=dict(sorted(horizons.items())),
        segments={
            question: _groups(predictions, part, **draws)
            for question, part in evaluation_inputs.segments.items()
        },
        gains=gains(predictions, evaluation_inputs.amount, evaluation_inputs.capacity, **draws),
        recalibrations={name: _metrics(predictions, one, could_learn, **draws) for name, one in ways.items()}
        if could_learn.any()
        else {},
        reliability=reliability(predictions, **draws),
        gains_curve=gains_curve(predictions),
        coverage=coverage(predictions, evaluation_inputs.replicas),
        distribution=evaluation_inputs.distribution,
    )


def _metrics(
    predictions: BacktestPredictions, log_odds: Floats, group: Bools, **draws: int
) -> dict[str, Estimate]:
    """Computes the metrics of a group; none where only one outcome occurs in it."""
    converted = predictions.converted[group]
    if not 0 < converted.sum() < len(converted):
        return {}
    return metric_estimates(sigmoid(log_odds[group]), converted, predictions.clusters[group], **draws)


def _with_line(predictions: BacktestPredictions, group: Bools, **draws: int) -> dict[str, Estimate]:
    """Computes the metrics of a group with its calibration line."""
    figures = _metrics(predictions, predictions.predicted, group, **draws)
    if figures:
        line = calibration_line(
            predictions.predicted[group], predictions.converted[group], predictions.clusters[group], **draws
        )
        figures["slope"], figures["intercept"] = line
    return figures


def _at_horizon(predictions: BacktestPredictions, days: float, outcome: Floats, **draws: int) -> Estimates:
    """Judges a further horizon, on the test examples for which it is over and was promised."""
    predicted = predictions.by_horizon[days] + predictions.shift
    told = ~np.isnan(outcome) & ~np.isnan(predicted)
    further = replace(
        predictions,
        converted=outcome == 1,
        log_odds={SCORECARD: predictions.by_horizon[days]},
        horizon_days=days,
    )
    return _with_line(further, told, **draws)


def _groups(predictions: BacktestPredictions, part: Segmentation, **draws: int) -> dict[str, SegmentFigures]:
    """Judges each group of a part."""
    return {name: _group(predictions, inside, **draws) for name, inside in masks(part).items()}


def _group(predictions: BacktestPredictions, inside: Bools, **draws: int) -> SegmentFigures:
    """Judges one group."""
    converted = predictions.converted[inside].astype(np.float64)
    return SegmentFigures(
        examples=len(converted),
        conversions=int(converted.sum()),
        predicted=float(sigmoid(predictions.predicted[inside]).mean()),
        observed=mean_estimate(converted, predictions.clusters[inside], **draws),
        metrics=_with_line(predictions, inside, **draws),
    )


def _origin_record(predictions: BacktestPredictions, number: int, **draws: int) -> dict[str, Any]:
    """Tells of one origin when it was, what was judged, and how it went."""
    group = predictions.origin == number
    origin = predictions.origins[number]
    predicted, observed = (
        float(sigmoid(predictions.predicted[group]).sum()),
        int(predictions.converted[group].sum()),
    )
    return {
        "at": format_time(origin.at),
        "test_from": format_time(origin.test_from),
        "test_until": format_time(origin.test_until),
        "examples": int(group.sum()),
        "conversions": observed,
        "promised": predicted,
        "happened": mean_estimate(
            predictions.converted[group].astype(np.float64), predictions.clusters[group], **draws
        ).to_json()
        if group.any()
        else None,
        "base_rate": float(sigmoid(predictions.log_odds[BASE_RATE][group]).mean()) if group.any() else None,
        "level_shift": predictions.shifts[number],
        "level_shift_applied": predictions.applied[number],
        "metrics": estimates_to_json(_with_line(predictions, group, **draws)),
    }


@dataclass(frozen=True, slots=True)
class EvaluationInputs:
    """Of the test examples, in their order.

    Attributes:
        segments: by question, such as source, age or week.
        outcomes: by further horizon in days, (n,) 1 where converted within it, 0 where not, NaN while not
            final.
        amount: (n,) what the conversion within the main horizon brought, 0 without one or where it is not
            known; None where no amount is.
        amounts_known: part of those conversions whose amount is known.
        capacity: leads that sales can call in a week.
        replicas: (n,) standard deviation of the log-odds over the replicas of the final fit.
        distribution: by feature of the final fit, the part of the training examples that has each code.
    """

    segments: Mapping[str, Segmentation] = field(default_factory=dict)
    outcomes: Mapping[float, Floats] = field(default_factory=dict)
    amount: Floats | None = None
    amounts_known: float = 0.0
    capacity: Capacity | None = None
    replicas: Floats | None = None
    distribution: Mapping[str, Sequence[float]] = field(default_factory=dict)


def gather_evaluation_inputs(
    dataset: Dataset,
    predictions: BacktestPredictions,
    *,
    config: TrainingConfig,
    scorecard: Scorecard | None = None,
) -> EvaluationInputs:
    """Finds out under which aspects the test examples can be looked at.

    Args:
        dataset: what was trained on.
        predictions: its test examples.
        config: segments, sales_capacity_per_week.
        scorecard: of the final fit, with replicas if there are any; None in a backtest.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    amounts = dataset.history.outcomes.amount[predictions.lead[predictions.converted]]
    known = float(np.mean(~np.isnan(amounts))) if len(amounts) else 0.0
    amount = np.zeros(len(predictions.lead))
    amount[predictions.converted] = np.nan_to_num(amounts)
    labels = dataset.labels.take(predictions.test)
    return EvaluationInputs(
        segments=segment_examples(dataset.history, dataset.examples_at(predictions.test), config=config),
        outcomes={days: converted_within(labels, days) for days in predictions.by_horizon},
        amount=amount if amount.any() else None,
        amounts_known=known,
        capacity=find_capacity(dataset.history, predictions.as_of, config=config),
        replicas=None if scorecard is None else replica_spread(scorecard, dataset.matrix, predictions.test),
        distribution={}
        if scorecard is None
        else code_shares(scorecard, training_codes(dataset, scorecard, seed=config.seed)),
    )


def evaluate_fits(
    predictions: BacktestPredictions,
    dataset: Dataset,
    *,
    learning: Sequence[tuple[FitSpec, FitResult | None]],
    final: Scorecard | None,
    config: TrainingConfig,
) -> tuple[EvaluationInputs, Evaluation]:
    """Judges the promises of the fits in every way.

    Args:
        predictions: promises of the origins' fits, and what happened.
        dataset: what was fitted on.
        learning: fits on a part of the leads, and what came of them.
        final: the fit on everything, before its level shift; None in a backtest.
        config: seed, replicates, segments, sales capacity.

    Raises:
        NothingToJudgeError: only one outcome occurs.
        SegmentError: a segment is configured that the history does not have.
    """
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    evaluation_inputs = gather_evaluation_inputs(dataset, predictions, config=config, scorecard=final)
    evaluation = evaluate(predictions, evaluation_inputs=evaluation_inputs, **draws)
    points = learning_curve(predictions, dataset, learning, **draws)
    return evaluation_inputs, replace(evaluation, learning_curve=points)
