"""Plans the fits of a training: one at each origin and the final one, with hyperparameters from a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import joblib
import numpy as np

from features.catalog.spec import FeatureSet
from features.progress import Progress, silent
from features.times import US_PER_DAY
from training.backtesting.jobs import FitSpec, prepare_fit
from training.backtesting.parallel import run_jobs
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import label_examples
from training.examples.origins import Origin, origins_compared, origins_selecting
from training.fitting.hyperparameters import (
    MOMENTS,
    Trial,
    choose_trial,
    extend_trials,
    hyperparameters_to_try,
    try_hyperparameters,
)


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
    compared = origins_compared(len(origins), config=config) if has_baselines else ()
    selecting = origins_selecting(len(origins), config=config)
    cluster = dataset.clusters
    return tuple(
        FitSpec(
            feature_set=feature_set,
            labels=label_examples(dataset.history, dataset.examples.examples, observed_until=origin.at),
            test=dataset.tests_of(origin, config=config),
            horizon_days=dataset.horizon_days,
            config=config,
            has_baselines=number in compared,
            takes_selection=config.is_searching and number not in selecting,
            takes_settings=not config.full and number in compared[1:],
            cluster=cluster,
        )
        for number, (origin, feature_set) in enumerate(
            zip(origins, feature_sets[: len(origins)], strict=True)
        )
    )


def plan_final_fit(dataset: Dataset, *, config: TrainingConfig, has_replicas: bool = False) -> FitSpec:
    """Plans the fit on everything up to `observed_until`, with what its ranges are made of or without."""
    return FitSpec(
        feature_set=dataset.feature_sets[-1],
        labels=dataset.labels,
        test=np.empty(0, dtype=np.int64),
        horizon_days=dataset.horizon_days,
        config=config,
        has_baselines=False,
        has_replicas=has_replicas,
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
    others = len(candidates) - 1
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
    chosen = choose_trial(trials, others=others)
    if chosen is None:
        return tuple(fits)
    config = first.config.model_copy(update=dict(chosen.changes))
    first = replace(first, config=config, ensemble=chosen.ensemble)
    return (first, *(replace(fit, config=config) for fit in fits[1:]))
