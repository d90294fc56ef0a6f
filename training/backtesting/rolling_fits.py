"""All fits of a training, side by side in worker processes, and what they promised beside what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import joblib
import numpy as np

from features.catalog.spec import FeatureSet
from features.history.lead_history import Floats
from features.progress import Progress, silent
from features.times import US_PER_DAY
from models.scorecard.scorecard import Replica
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec, make_fit, make_replicas, make_trial
from training.backtesting.parallel import run_jobs
from training.backtesting.predictions import (
    BacktestPredictions,
    NothingToEvaluateError,
    level_shifts,
    pooled_horizons,
)
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import label_examples
from training.fitting.hyperparameters import choose_hyperparameters, hyperparameters_to_try
from training.fitting.scorecard_fit import FittedHazard


def plan_origin_fits(
    dataset: Dataset,
    feature_sets: Sequence[FeatureSet],
    *,
    config: TrainingConfig,
    has_baselines: bool = True,
) -> tuple[FitSpec, ...]:
    """Plans the refit of each origin, with labels as known at it.

    Args:
        dataset: what is fitted on.
        feature_sets: at each origin, then at `observed_until`.
        config: of the fits.
        has_baselines: whether yardsticks are fitted beside it; never in a quick training.
    """
    return tuple(
        FitSpec(
            feature_set=feature_set,
            labels=label_examples(dataset.history, dataset.examples.examples, observed_until=origin.at),
            test=dataset.tests_of(origin, config=config),
            horizon_days=dataset.horizon_days,
            config=config,
            has_baselines=has_baselines and not config.quick,
        )
        for origin, feature_set in zip(dataset.origins, feature_sets[:-1], strict=True)
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
    """Searches the boosting parameters at the first origin, for the fits of all.

    Args:
        fits: of the origins, the first one first.
        dataset: what they read.
        workers: processes.
        progress: told after each setting.

    Returns:
        The fits with what was found; as they are where nothing is searched.
    """
    first = fits[0]
    if not first.config.is_searching:
        return tuple(fits)
    learnt = first.labels.observed_us.max() / US_PER_DAY
    jobs = [
        joblib.delayed(make_trial)(first, changes, dataset.matrix, dataset.lead)
        for changes in hyperparameters_to_try(first.config, learnt_days=float(learnt))
    ]
    trials = list(run_jobs(jobs, workers=workers, stage="search", progress=progress))
    setting = first.config.model_copy(update=dict(choose_hyperparameters(trials)))
    return tuple(replace(fit, config=setting) for fit in fits)


def make_fits(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> list[FitResult | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit.

    Args:
        fits: what to fit.
        dataset: what they read.
        workers: processes.
        progress: told after each fit.

    Returns:
        In the order of `fits`; None where the labels did not tell about the main horizon.
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
    made: dict[int, Replica] = {}
    done = run_jobs(jobs, workers=workers, stage="replicas", progress=progress)
    for share, replicas in zip(shares, done, strict=True):
        made |= dict(zip(share, replicas, strict=True))
    scorecard = replace(hazard.scorecard, replicas=tuple(made[number] for number in numbers))
    return replace(hazard, scorecard=scorecard)


def collect_predictions(
    dataset: Dataset, fits: Sequence[FitSpec], made: Sequence[FitResult | None]
) -> BacktestPredictions:
    """Puts the promises of all origins beside what happened.

    Args:
        dataset: what was fitted on.
        fits: of the origins.
        made: what came of them; origins without a fit, or without test examples, are left out.

    Raises:
        NothingToJudgeError: no origin is left.
    """
    kept = [
        (origin, fit, fitted)
        for origin, fit, fitted in zip(dataset.origins, fits, made, strict=True)
        if fitted is not None and len(fit.test)
    ]
    if not kept:
        raise NothingToEvaluateError(examples=0, conversions=0, horizon_days=dataset.horizon_days)
    origins = tuple(origin for origin, _, _ in kept)
    test = np.concatenate([fit.test for _, fit, _ in kept])
    number = np.repeat(np.arange(len(kept)), [len(fit.test) for _, fit, _ in kept])
    predicted = [fitted.log_odds for _, _, fitted in kept]
    converted = [dataset.outcome[fit.test] == 1 for _, fit, _ in kept]
    moments = np.array([origin.at for origin in origins], dtype=np.int64)
    shifts, applied = level_shifts(origins, [one[SCORECARD] for one in predicted], converted)
    return BacktestPredictions(
        origins=origins,
        origin=number,
        lead=dataset.lead[test],
        as_of=dataset.as_of[test],
        converted=np.concatenate(converted),
        from_creation=dataset.examples.from_creation[test],
        is_unseen=dataset.history.created_at[dataset.lead[test]] >= moments[number],
        log_odds=_pooled(predicted),
        shifts=shifts,
        applied=applied,
        horizon_days=dataset.horizon_days,
        test=test,
        cluster=dataset.clusters[test],
        by_horizon=pooled_horizons([fitted.by_horizon for _, _, fitted in kept], number),
    )


def _pooled(predicted: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Joins the answers of the models that every origin has."""
    names = [name for name in predicted[0] if all(name in answers for answers in predicted)]
    return {name: np.concatenate([answers[name] for answers in predicted]) for name in names}
