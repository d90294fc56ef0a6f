"""All fits of a training, side by side in worker processes, and the predictions that come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import joblib
import numpy as np

from features.catalog.spec import FeatureSet
from features.history.known import first_created
from features.progress import Progress, silent
from features.times import US_PER_DAY
from training.backtesting.jobs import (
    SCORECARD,
    FitResult,
    FitSpec,
    make_fit,
    prepare_fit,
)
from training.backtesting.parallel import run_jobs
from training.backtesting.predictions import (
    BacktestPredictions,
    NothingToEvaluateError,
    level_shifts,
    pooled_failures,
    pooled_horizons,
    pooled_models,
)
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import converted_within, label_examples
from training.examples.origins import Origin
from training.fitting.bootstrap_fits import fit_replicas, measure_shrinkage
from training.fitting.hyperparameters import (
    MOMENTS,
    Trial,
    choose_trial,
    extend_trials,
    hyperparameters_to_try,
    try_hyperparameters,
)
from training.fitting.scorecard_fit import FittedHazard


def plan_origin_fits(
    dataset: Dataset,
    feature_sets: Sequence[FeatureSet],
    *,
    config: TrainingConfig,
    has_baselines: bool = True,
    origins: Sequence[Origin] | None = None,
) -> tuple[FitSpec, ...]:
    """Plans the refit of each origin, with labels as known at it.

    Args:
        dataset: what is fitted on.
        feature_sets: at each origin; what follows is not used.
        config: of the fits.
        has_baselines: whether baselines are fitted beside the scorecard: at the last origin and one in the
            middle, or at all in a full training; never in a quick one.
        origins: to refit at; None for those of the dataset.
    """
    origins = dataset.origins if origins is None else origins
    compared = _origins_compared(len(origins), config=config) if has_baselines else ()
    cluster = dataset.clusters
    return tuple(
        FitSpec(
            feature_set=feature_set,
            labels=label_examples(dataset.history, dataset.examples.examples, observed_until=origin.at),
            test=dataset.tests_of(origin, config=config),
            horizon_days=dataset.horizon_days,
            config=config,
            has_baselines=number in compared,
            cluster=cluster,
        )
        for number, (origin, feature_set) in enumerate(
            zip(origins, feature_sets[: len(origins)], strict=True)
        )
    )


def _origins_compared(count: int, *, config: TrainingConfig) -> Sequence[int]:
    """Chooses the numbers of the origins at which baselines are fitted.

    The last origin resembles the final fit most; one in the middle shows whether a difference lasts.
    """
    if config.quick:
        return ()
    return range(count) if config.full else (count // 2 - 1, count - 1)


def plan_final_fit(dataset: Dataset, *, config: TrainingConfig) -> FitSpec:
    """Plans the fit on everything up to `observed_until`."""
    return FitSpec(
        feature_set=dataset.feature_sets[-1],
        labels=dataset.labels,
        test=np.empty(0, dtype=np.int64),
        horizon_days=dataset.horizon_days,
        config=config,
        has_baselines=False,
        cluster=dataset.clusters,
    )


def search_hyperparameters(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> tuple[FitSpec, ...]:
    """Searches hyperparameters at the first origin, for the fits of all origins.

    A candidate with a higher loss than the configuration after one moment cannot win, and is not tried at the
    next; where none is left, the search ends.

    Args:
        fits: of the origins, rising.
        dataset: what they are fitted on.
        workers: number of processes.
        progress: called after each trial.

    Returns:
        The fits with the hyperparameters that won; unchanged where nothing is searched.
    """
    first = fits[0]
    if not first.config.is_searching:
        return tuple(fits)
    prepared = prepare_fit(first, dataset.matrix, dataset.lead)
    if prepared is None:
        return tuple(fits)
    sized, fit_data = prepared
    history_days = float(first.labels.observed_us.max() / US_PER_DAY)
    candidates = hyperparameters_to_try(first.config, history_days=history_days)
    trials: list[Trial] = []
    for moment in range(MOMENTS):
        jobs = [
            joblib.delayed(try_hyperparameters)(fit_data, [candidate], moment, config=sized.config)
            for candidate in candidates
        ]
        done = run_jobs(jobs, workers=workers, stage="search", progress=progress)
        at_moment = [trial for tried in done for trial in tried]
        trials = extend_trials(trials, at_moment)
        candidates = [dict(trial.changes) for trial in trials]
        if len(trials) < 2 or not at_moment:
            break
    chosen = choose_trial(trials)
    if chosen is None:
        return tuple(fits)
    config = first.config.model_copy(update=dict(chosen.changes))
    first = replace(first, config=config, ensemble=chosen.ensemble)
    return (first, *(replace(fit, config=config) for fit in fits[1:]))


def make_fits(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> list[FitResult | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit. The longest begin first, so that no process is
    left alone with one at the end.

    Args:
        fits: what to fit.
        dataset: what they are fitted on.
        workers: number of processes.
        progress: called after each fit.

    Returns:
        In the order of `fits`; None where the labels do not reach the main horizon.
    """
    order = sorted(range(len(fits)), key=lambda number: -_work(fits[number]))
    jobs = [joblib.delayed(make_fit)(fits[number], dataset.matrix, dataset.lead) for number in order]
    results: list[FitResult | None] = [None] * len(fits)
    for number, result in zip(
        order, run_jobs(jobs, workers=workers, stage="fits", progress=progress), strict=True
    ):
        results[number] = result
    return results


def _work(fit: FitSpec) -> float:
    """Estimates how long a fit takes, compared with others: by its examples, and twice with baselines."""
    return float((fit.labels.observed_us > 0).sum()) * (2 if fit.has_baselines else 1)


def fit_all_replicas(
    final: FitResult, *, config: TrainingConfig, progress: Progress = silent
) -> FittedHazard:
    """Fits what the ranges of a fit are made of: replicas and shrinkage.

    Args:
        final: the fit, with its data.
        config: replicas, workers, seed.
        progress: called after each job.
    """
    numbers, hazard, fit_data = range(config.replicas), final.hazard, final.fit_data
    if not numbers or fit_data is None:
        return hazard
    jobs = [joblib.delayed(measure_shrinkage)(fit_data, hazard)]
    jobs += [joblib.delayed(fit_replicas)(fit_data, hazard, [number], config=config) for number in numbers]
    shrinkage, *fitted = run_jobs(jobs, workers=config.workers, stage="replicas", progress=progress)
    replicas = tuple(replica for (replica,) in fitted)
    return replace(hazard, scorecard=replace(hazard.scorecard, replicas=replicas, shrinkage=shrinkage))


def collect_predictions(
    dataset: Dataset,
    fits: Sequence[FitSpec],
    results: Sequence[FitResult | None],
    *,
    origins: Sequence[Origin] | None = None,
) -> BacktestPredictions:
    """Joins the predictions of all origins, and what was observed afterwards.

    Args:
        dataset: what was fitted on.
        fits: of the origins.
        results: of the fits; origins without a result, or without test examples, are left out.
        origins: of the fits; None for those of the dataset.

    Raises:
        NothingToEvaluateError: no origin is left.
    """
    kept = [
        (origin, fit.test, result)
        for origin, fit, result in zip(origins or dataset.origins, fits, results, strict=True)
        if result is not None and len(fit.test)
    ]
    if not kept:
        raise NothingToEvaluateError(examples=0, conversions=0, horizon_days=dataset.horizon_days)
    tested_at = tuple(origin for origin, _, _ in kept)
    test = np.concatenate([tested for _, tested, _ in kept])
    number = np.repeat(np.arange(len(kept)), [len(tested) for _, tested, _ in kept])
    log_odds = [result.log_odds for _, _, result in kept]
    converted = [dataset.outcome[tested] == 1 for _, tested, _ in kept]
    moments = np.array([origin.at for origin in tested_at], dtype=np.int64)
    failed = pooled_failures([(origin, result.failed_baselines) for origin, _, result in kept])
    predictions = BacktestPredictions(
        origins=tested_at,
        origin=number,
        lead=dataset.lead[test],
        as_of=dataset.as_of[test],
        converted=np.concatenate(converted),
        from_creation=dataset.examples.from_creation[test],
        is_unseen=first_created(dataset.history)[dataset.lead[test]] >= moments[number],
        log_odds=pooled_models(log_odds, [len(tested) for _, tested, _ in kept], failed),
        shifts=(),
        applied=(),
        horizon_days=dataset.horizon_days,
        test=test,
        cluster=dataset.clusters[test],
        by_horizon=pooled_horizons([result.by_horizon for _, _, result in kept], number),
        failed_baselines=failed,
        known=tuple(
            converted_within(fit.labels.take(test), dataset.horizon_days)
            for fit, result in zip(fits, results, strict=True)
            if result is not None and len(fit.test)
        ),
    )
    shifts, applied = level_shifts(predictions, predictions.log_odds[SCORECARD])
    return replace(predictions, shifts=shifts, applied=applied)
