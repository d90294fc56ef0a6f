"""The steps that training, backtest and feature ablation share, from examples to figures and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import joblib
import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_here
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.progress import Progress, silent
from features.times import NEVER_US
from models.scorecard.scorecard import Scorecard
from training.backtesting.champion import Champion, refitted_log_odds
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.level import level_spread
from training.backtesting.parallel import run_jobs
from training.backtesting.planned_fits import plan_final_fit, plan_origin_fits, search_hyperparameters
from training.backtesting.predictions import BacktestPredictions, level_known_at, with_history_baselines
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.bundling.build import TrainedModel
from training.config import TrainingConfig
from training.evaluation.evaluate import evaluate_fits
from training.evaluation.figures import Evaluation
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.learning_curve import plan_learning_fits
from training.evaluation.machine_made import machine_made_effect
from training.evaluation.residual_miscalibration import find_misfit
from training.examples.dataset import (
    Dataset,
)
from training.examples.feature_sets import union_of
from training.examples.origins import HorizonNotSupportedError
from training.fitting.scorecard_fit import FittedHazard
from training.metrics.bootstrap import Bootstrap
from training.prepared_data import PreparedData
from training.promotion.champion_comparison import compare_with_champion, refit_champion
from training.promotion.gate import ChampionComparison, Verdict, decide
from training.promotion.gate_inputs import gather_gate_inputs


@dataclass(frozen=True, slots=True)
class Backtest:
    """Predictions at past origins, with their figures.

    Attributes:
        predictions: of the test examples, with what was observed.
        inputs: what the evaluation knows beside them.
        evaluation: all figures.
        verdict: of the gate.
    """

    predictions: BacktestPredictions
    inputs: EvaluationInputs
    evaluation: Evaluation
    verdict: Verdict


def _with_machine_made(
    backtest: Backtest,
    data: PreparedData,
    results: Sequence[FitResult | None],
    *,
    config: TrainingConfig,
) -> Backtest:
    """Adds what leaving out machine-made rows changes of the tests."""
    if data.read_counted is None:
        return backtest
    dataset, predictions = data.dataset, backtest.predictions
    place = {origin: number for number, origin in enumerate(dataset.origins)}
    at_origins = [results[place[origin]] for origin in predictions.origins]
    tests = Examples(predictions.lead, predictions.as_of)
    tested = compute_here(union_of(dataset.feature_sets), data.read_counted(), tests)
    matrix = dataset.matrix
    ours = FeatureMatrix(matrix.names, matrix.values[:, predictions.test], matrix.vocabularies)
    effect = machine_made_effect(
        predictions,
        refitted_log_odds(predictions, tested, at_origins),
        (ours, tested),
        Bootstrap(config.seed, config.bootstrap_replicates),
    )
    return replace(backtest, evaluation=replace(backtest.evaluation, machine_made=effect))


def plan_fits(
    dataset: Dataset,
    feature_sets: Sequence[FeatureSet],
    *,
    config: TrainingConfig,
    has_baselines: bool = True,
    settings: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> tuple[FitSpec, ...]:
    """Plans the refits of all origins, with the hyperparameters that win at the first one.

    Arguments as for `plan_origin_fits`, `progress`, which is called after each trial, and `settings`: the
    hyperparameters that a search chose before, so that none is made.
    """
    if settings:
        config = config.model_copy(update=dict(settings))
    fits = plan_origin_fits(dataset, feature_sets, config=config, has_baselines=has_baselines)
    if settings:
        return fits
    return search_hyperparameters(fits, dataset, workers=config.workers, progress=progress)


def run_backtest(data: PreparedData, *, config: TrainingConfig, progress: Progress = silent) -> Backtest:
    """Refits at every origin and evaluates the predictions for what came after.

    Args:
        data: what is fitted on.
        config: everything that can be set.
        progress: called as the stages advance.

    Raises:
        NothingToEvaluateError: no test example, or only one outcome among them.
        SegmentError: a segment is configured that the history does not have.
    """
    fits = plan_fits(data.dataset, data.dataset.feature_sets, config=config, progress=progress)
    learning = plan_learning_fits(data.dataset, fits)
    results = make_fits([*fits, *learning], data.dataset, workers=config.workers, progress=progress)
    backtest = _evaluate(
        collect_predictions(data.dataset, fits, results[: len(fits)]),
        data,
        learning=list(zip(learning, results[len(fits) :], strict=True)),
        config=config,
        progress=progress,
    )
    return _with_machine_made(backtest, data, results[: len(fits)], config=config)


def run_training(
    data: PreparedData,
    *,
    config: TrainingConfig,
    champion: Champion | None = None,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> TrainedModel:
    """Runs a backtest, fits on everything known, and compares with the champion if there is one.

    Args:
        data: what is fitted on; prepared for the champion where there is one.
        config: everything that can be set.
        champion: what is compared with, if there is one.
        compute: what computes the features that are compared with.
        progress: called as the stages advance.

    Raises:
        HorizonNotSupportedError: all that is known does not support the main horizon.
        NothingToEvaluateError: no test example, or only one outcome among them.
        SegmentError: a segment is configured that the history does not have.
    """
    dataset, workers = data.dataset, config.workers
    settings = None if champion is None else champion.settings_for(config)
    fits = plan_fits(dataset, dataset.feature_sets, config=config, settings=settings, progress=progress)
    learning = plan_learning_fits(dataset, fits)
    final_fit = plan_final_fit(dataset, config=fits[0].config, has_replicas=True)
    late = plan_origin_fits(
        dataset,
        dataset.late_feature_sets,
        config=fits[0].config,
        has_baselines=False,
        origins=dataset.late_origins,
    )
    final, *results = make_fits(
        [final_fit, *fits, *learning, *late], dataset, workers=workers, progress=progress
    )
    final = require_fit(final, dataset, config=config)
    ends = (len(fits), len(fits) + len(learning))
    predictions = collect_predictions(dataset, fits, results[: ends[0]])
    # Beside the figures, which do not need it.
    level = run_jobs(
        [joblib.delayed(with_level)(final.hazard, predictions, config=config)],
        workers=workers,
        stage="level",
        progress=silent,
    )
    compare = None
    if champion is not None:
        refitted = refit_champion(
            champion,
            predictions,
            dataset,
            data.of_champion,
            config=config,
            compute=compute,
            progress=progress,
        )
        compare = partial(
            compare_with_champion,
            champion,
            refitted,
            late=_late_predictions(dataset, late, results[ends[1] :]),
            of_champion=data.of_champion.history,
            compute=compute,
        )
    backtest = _evaluate(
        predictions,
        data,
        learning=list(zip(learning, results[ends[0] : ends[1]], strict=True)),
        final=final.hazard.scorecard,
        compare=compare,
        config=config,
        progress=progress,
    )
    backtest = _with_machine_made(backtest, data, results[: ends[0]], config=config)
    [fitted] = level
    return TrainedModel(
        dataset=dataset,
        final=fitted,
        predictions=backtest.predictions,
        evaluation=backtest.evaluation,
        verdict=backtest.verdict,
        digests=data.digests,
        problems=data.problems,
        evaluation_inputs=backtest.inputs,
    )


def require_fit(result: FitResult | None, dataset: Dataset, *, config: TrainingConfig) -> FitResult:
    """Takes the result of a final fit.

    Raises:
        HorizonNotSupportedError: there is none, because all that is known does not support the main horizon.
    """
    if result is None:
        raise HorizonNotSupportedError(
            horizon_days=dataset.horizon_days,
            shortest_days=config.time_edges_days[1],
            needed=config.min_conversions_per_bin,
        )
    return result


def _evaluate(
    predictions: BacktestPredictions,
    data: PreparedData,
    *,
    learning: Sequence[tuple[FitSpec, FitResult | None]],
    final: Scorecard | None = None,
    compare: Callable[..., ChampionComparison] | None = None,
    config: TrainingConfig,
    progress: Progress,
) -> Backtest:
    """Computes all figures of the predictions, and decides by them."""
    progress("figures", 0.0)
    if not config.quick:
        predictions = with_history_baselines(predictions, data.dataset, config=config)
    inputs, evaluation = evaluate_fits(
        predictions, data.dataset, learning=learning, final=final, config=config, progress=progress
    )
    compared = None if compare is None else compare(predictions, data.dataset, inputs, config=config)
    gate_inputs = gather_gate_inputs(predictions, evaluation, problems=data.problems, champion=compared)
    progress("figures", 1.0)
    return Backtest(predictions, inputs, evaluation, decide(gate_inputs))


def _late_predictions(
    dataset: Dataset, fits: Sequence[FitSpec], results: Sequence[FitResult | None]
) -> BacktestPredictions | None:
    """Joins the predictions at the late origins; None where nothing can be tested there."""
    if not any(result is not None and len(fit.test) for fit, result in zip(fits, results, strict=True)):
        return None
    return collect_predictions(dataset, fits, results, origins=dataset.late_origins)


def with_level(
    hazard: FittedHazard, predictions: BacktestPredictions, *, config: TrainingConfig
) -> FittedHazard:
    """Adds what the tests of all origins show of level and misfit; by `observed_until` all have matured."""
    outcome = predictions.converted.astype(np.float64)
    level = level_known_at(NEVER_US, predictions, predictions.log_odds[SCORECARD], outcome)
    scorecard = replace(
        hazard.scorecard,
        level_shift=level.shift,
        level_spread=level_spread(predictions.shifts, predictions.origins),
        misfit=find_misfit(predictions, Bootstrap(config.seed, config.bootstrap_replicates)),
    )
    return replace(hazard, scorecard=scorecard)
