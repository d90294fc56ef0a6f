"""The steps that training, backtest and feature ablation share, from a history to figures and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.engine import compute_here
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source
from features.times import NEVER_US
from models.scorecard.scorecard import Scorecard
from training.backtesting.champion import OF_HISTORY, Champion, refitted_log_odds
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.level import level_spread
from training.backtesting.predictions import BacktestPredictions, level_known_at, with_history_baselines
from training.backtesting.rolling_fits import (
    collect_predictions,
    fit_all_replicas,
    make_fits,
    plan_final_fit,
    plan_origin_fits,
    search_hyperparameters,
)
from training.bundling.build import TrainedModel
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate, require_testability
from training.evaluation.evaluate import evaluate_fits
from training.evaluation.fairness import require_attributes
from training.evaluation.figures import Evaluation
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.learning_curve import plan_learning_fits
from training.evaluation.machine_made import machine_made_effect
from training.evaluation.residual_miscalibration import find_misfit
from training.examples.dataset import (
    Dataset,
    build_dataset,
    draw_alike,
    read_for_training,
    with_features,
)
from training.examples.feature_sets import union_of
from training.examples.origins import HorizonNotSupportedError
from training.fitting.scorecard_fit import FittedHazard
from training.metrics.bootstrap import Bootstrap
from training.promotion.champion_comparison import compare_with_champion, refit_champion
from training.promotion.gate import ChampionComparison, Verdict, decide
from training.promotion.gate_inputs import gather_gate_inputs


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A history that passed the data gate, as examples with features and labels.

    Attributes:
        dataset: what every fit reads.
        problems: found in the history; none of them stops.
        digests: of the history's tables.
        of_champion: the examples of the champion's configuration; the same where it draws the same ones.
        read_counted: reads the history with machine-made rows; None where none were left out.
    """

    dataset: Dataset
    problems: tuple[Problem, ...]
    digests: Mapping[str, str]
    of_champion: Dataset
    read_counted: Callable[[], LeadHistory] | None = None


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


def prepare_data(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    champion: Champion | None = None,
    added: Sequence[Feature] = (),
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> PreparedData:
    """Reads a history, draws the examples, computes their features and passes the data gate.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        champion: what is compared with, if there is one.
        added: features that every feature set gets; those without them become the reference.
        compute: what computes the features of the examples.
        progress: called as the stages advance.

    Raises:
        FairnessError: groups are to be compared of an attribute that the history does not have.
        FeatureDeclarationError: an added feature is in the catalogue.
        HistoryError: something in the history stops training.
        MonotonicError: the configuration holds a feature to a direction that is not there, or a category.
    """
    checked = read_for_training(
        source, config=config, observed_until=observed_until, now=now, progress=progress
    )
    require_testability(checked.history, source=source, config=config)
    require_attributes(checked.history, config.fairness_attributes)
    dataset = build_dataset(
        checked.history,
        config=config,
        declared=None if champion is None else champion.declared,
        compared_from=None if champion is None else champion.bundle.card.observed_until,
        compute=compute,
        progress=progress,
    )
    if added:
        dataset = with_features(dataset, added)
    dataset, problems = pass_gate(dataset, checked, source=source, config=config)
    of_champion = dataset
    if champion is not None and not champion.has_examples_of(config):
        history = checked.history
        if any(getattr(champion.config, key) != getattr(config, key) for key in OF_HISTORY):
            history = read_for_training(
                source, config=champion.config, observed_until=history.observed_until, progress=progress
            ).history
        of_champion = draw_alike(
            dataset, history, config=champion.config, catalogue=champion.catalogue, compute=compute
        )
    read_counted = None
    if any(problem.code == "D088" for problem in problems):
        read_counted = partial(
            _read_counted, source, config=config, observed_until=checked.history.observed_until
        )
    return PreparedData(dataset, problems, checked.digests, of_champion, read_counted)


def _read_counted(source: Source, *, config: TrainingConfig, observed_until: int) -> LeadHistory:
    """Reads the history again, with the rows that a machine made."""
    counting = config.model_copy(update={"count_machine_made": True})
    return read_for_training(source, config=counting, observed_until=observed_until, progress=silent).history


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
    final_fit = plan_final_fit(dataset, config=fits[0].config)
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
    rival = None
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
        rival = partial(
            compare_with_champion,
            champion,
            refitted,
            late=_late_predictions(dataset, late, results[ends[1] :]),
            of_champion=data.of_champion.history,
            compute=compute,
        )
    hazard = fit_all_replicas(final, config=config, progress=progress)
    backtest = _evaluate(
        predictions,
        data,
        learning=list(zip(learning, results[ends[0] : ends[1]], strict=True)),
        final=hazard.scorecard,
        rival=rival,
        config=config,
        progress=progress,
    )
    backtest = _with_machine_made(backtest, data, results[: ends[0]], config=config)
    return TrainedModel(
        dataset=dataset,
        final=with_level(hazard, backtest.predictions, config=config),
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
    rival: Callable[..., ChampionComparison] | None = None,
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
    compared = None if rival is None else rival(predictions, data.dataset, inputs, config=config)
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
