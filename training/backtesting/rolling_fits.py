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
from models.scorecard.scorecard import Replica
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec, make_fit, make_replicas, make_trial
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
from training.examples.labels import label_examples
from training.examples.origins import Origin
from training.fitting.hyperparameters import choose_hyperparameters, hyperparameters_to_try
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
        has_baselines: whether baselines are fitted beside the scorecard; never in a quick training.
        origins: to refit at; None for those of the dataset.
    """
    origins = dataset.origins if origins is None else origins
    return tuple(
        FitSpec(
            feature_set=feature_set,
            labels=label_examples(dataset.history, dataset.examples.examples, observed_until=origin.at),
            test=dataset.tests_of(origin, config=config),
            horizon_days=dataset.horizon_days,
            config=config,
            has_baselines=has_baselines and not config.quick,
        )
        for origin, feature_set in zip(origins, feature_sets[: len(origins)], strict=True)
    )


def plan_final_fit(dataset: Dataset, *, config: TrainingConfig) -> FitSpec:
    """Plans the fit on everything up to `observed_until`."""
    return FitSpec(
        feature_set=dataset.feature_sets[-1],
        labels=dataset.labels,
        test=np.empty(0, dtype=np.int64),
        horizon_days=dataset.horizon_days,
        config=config,
        has_baselines=False,
    )


def search_hyperparameters(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> tuple[FitSpec, ...]:
    """Searches hyperparameters at the first origin, for the fits of all origins.

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
    history_days = first.labels.observed_us.max() / US_PER_DAY
    jobs = [
        joblib.delayed(make_trial)(first, changes, dataset.matrix, dataset.lead)
        for changes in hyperparameters_to_try(first.config, history_days=float(history_days))
    ]
    trials = list(run_jobs(jobs, workers=workers, stage="search", progress=progress))
    config = first.config.model_copy(update=dict(choose_hyperparameters(trials)))
    return tuple(replace(fit, config=config) for fit in fits)


def make_fits(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> list[FitResult | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit.

    Args:
        fits: what to fit.
        dataset: what they are fitted on.
        workers: number of processes.
        progress: called after each fit.

    Returns:
        In the order of `fits`; None where the labels do not reach the main horizon.
    """
    jobs = [joblib.delayed(make_fit)(fit, dataset.matrix, dataset.lead) for fit in fits]
    return list(run_jobs(jobs, workers=workers, stage="fits", progress=progress))


def fit_all_replicas(
    fit: FitSpec, hazard: FittedHazard, dataset: Dataset, *, workers: int, progress: Progress = silent
) -> FittedHazard:
    """Fits the replicas of a fit; arguments as for `make_fits`."""
    numbers = range(fit.config.replicas)
    shares = [share for share in (numbers[start::workers] for start in range(workers)) if share]
    jobs = [
        joblib.delayed(make_replicas)(fit, hazard, share, dataset.matrix, dataset.lead) for share in shares
    ]
    by_number: dict[int, Replica] = {}
    done = run_jobs(jobs, workers=workers, stage="replicas", progress=progress)
    for share, replicas in zip(shares, done, strict=True):
        by_number |= dict(zip(share, replicas, strict=True))
    scorecard = replace(hazard.scorecard, replicas=tuple(by_number[number] for number in numbers))
    return replace(hazard, scorecard=scorecard)


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
    shifts, applied = level_shifts(tested_at, [by_model[SCORECARD] for by_model in log_odds], converted)
    return BacktestPredictions(
        origins=tested_at,
        origin=number,
        lead=dataset.lead[test],
        as_of=dataset.as_of[test],
        converted=np.concatenate(converted),
        from_creation=dataset.examples.from_creation[test],
        is_unseen=first_created(dataset.history)[dataset.lead[test]] >= moments[number],
        log_odds=pooled_models(log_odds),
        shifts=shifts,
        applied=applied,
        horizon_days=dataset.horizon_days,
        test=test,
        cluster=dataset.clusters[test],
        by_horizon=pooled_horizons([result.by_horizon for _, _, result in kept], number),
        failed_baselines=pooled_failures([(origin, result.failed_baselines) for origin, _, result in kept]),
    )
