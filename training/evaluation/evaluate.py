"""Compares the predictions at the origins of the past with what was observed afterwards.

Figures are about the main horizon unless they name another. They come from examples that were never trained
on, predicted by a model that knew only what was known at its origin. The level shift at an origin uses the
shifts of those origins alone that had matured before it. Every interval is drawn over leads, or over accounts
where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from features.progress import Progress, silent
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard
from training.backtesting.jobs import FitResult, FitSpec
from training.backtesting.parallel import run_jobs
from training.backtesting.predictions import BacktestPredictions, NothingToEvaluateError
from training.config import TrainingConfig
from training.evaluation.fairness import Compared, Fairness, compare_groups
from training.evaluation.figure_parts import join_parts, plan_parts, plan_parts_of_inputs, plan_segments
from training.evaluation.figures import Evaluation
from training.evaluation.held_out import compare_held_out_examples
from training.evaluation.inputs import EvaluationInputs, gather_evaluation_inputs
from training.evaluation.learning_curve import learning_curve
from training.examples.dataset import Dataset
from training.metrics.bootstrap import Bootstrap

# The part of the test examples that stands for the highest band, where no limit of it is configured.
_TOP_SHARE: Final = 0.1


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
        progress: called after each part of the figures, and each segment.

    Raises:
        NothingToEvaluateError: only one outcome occurs.
        SegmentError: a segment is configured that the history does not have.
    """
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    _require_outcomes(predictions)
    # What the parts of the second kind need, and what follows them, is gathered while the processes work.
    alone = plan_parts(predictions, bootstrap)
    of_parts = run_jobs(alone, workers=config.workers, stage="figures", progress=silent)
    inputs = gather_evaluation_inputs(dataset, predictions, config=config, scorecard=final)
    masks = {question: segmentation.masks() for question, segmentation in inputs.segments.items()}
    more = plan_parts_of_inputs(predictions, inputs, bootstrap)
    jobs = [*more, *plan_segments(predictions, masks, bootstrap)]
    of_inputs = run_jobs(jobs, workers=config.workers, stage="figures", progress=progress)
    points = learning_curve(predictions, dataset, learning, bootstrap)
    fairness = _fairness(predictions, dataset, bootstrap, config=config)
    held_out = compare_held_out_examples(
        predictions, dataset.history, share=config.held_out_share, bootstrap=bootstrap
    )
    parts, figures = list(of_parts), list(of_inputs)
    evaluation = join_parts([*parts, *figures[: len(more)]], predictions)
    of_segments = iter(figures[len(more) :])
    segments = {
        question: {name: next(of_segments) for name in of_question} for question, of_question in masks.items()
    }
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
    _require_outcomes(predictions)
    jobs = plan_parts(predictions, bootstrap)
    if inputs is not None:
        jobs += plan_parts_of_inputs(predictions, inputs, bootstrap)
    return join_parts((part(*arguments, **options) for part, arguments, options in jobs), predictions)


def _require_outcomes(predictions: BacktestPredictions) -> None:
    """Refuses test examples of one outcome."""
    if not 0 < predictions.converted.sum() < len(predictions.converted):
        raise NothingToEvaluateError(
            examples=len(predictions.converted),
            conversions=int(predictions.converted.sum()),
            horizon_days=predictions.horizon_days,
        )
