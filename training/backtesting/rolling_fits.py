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
from training.backtesting.jobs import SCORECARD, Fit, Fitted, make_fit, make_replicas, make_trial
from training.backtesting.parallel import run_jobs
from training.backtesting.predictions import Judged, NothingToJudgeError, level_shifts, pooled_horizons
from training.config import TrainingConfig
from training.examples.dataset import Material
from training.examples.labels import label_examples
from training.fitting.hyperparameters import choose_setting, settings_to_try
from training.fitting.scorecard_fit import FittedHazard


def plan_origin_fits(
    material: Material,
    feature_sets: Sequence[FeatureSet],
    *,
    config: TrainingConfig,
    has_yardsticks: bool = True,
) -> tuple[Fit, ...]:
    """Plans the refit of each origin, with labels as known at it.

    Args:
        material: what is fitted on.
        feature_sets: at each origin, then at `observed_until`.
        config: of the fits.
        has_yardsticks: whether yardsticks are fitted beside it; never in a quick training.
    """
    return tuple(
        Fit(
            feature_set=feature_set,
            labels=label_examples(material.history, material.examples.examples, observed_until=origin.at),
            test=material.tests_of(origin, config=config),
            horizon_days=material.horizon_days,
            config=config,
            has_yardsticks=has_yardsticks and not config.quick,
        )
        for origin, feature_set in zip(material.origins, feature_sets[:-1], strict=True)
    )


def plan_final_fit(material: Material, *, config: TrainingConfig) -> Fit:
    """Plans the fit on everything up to `observed_until`."""
    return Fit(
        feature_set=material.feature_sets[-1],
        labels=material.labels,
        test=np.empty(0, dtype=np.int64),
        horizon_days=material.horizon_days,
        config=config,
        has_yardsticks=False,
    )


def search_setting(
    fits: Sequence[Fit], material: Material, *, workers: int, progress: Progress = silent
) -> tuple[Fit, ...]:
    """Searches the boosting parameters at the first origin, for the fits of all.

    Args:
        fits: of the origins, the first one first.
        material: what they read.
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
        joblib.delayed(make_trial)(first, changes, material.matrix, material.lead)
        for changes in settings_to_try(first.config, learnt_days=float(learnt))
    ]
    trials = list(run_jobs(jobs, workers=workers, stage="search", progress=progress))
    setting = first.config.model_copy(update=dict(choose_setting(trials)))
    return tuple(replace(fit, config=setting) for fit in fits)


def make_fits(
    fits: Sequence[Fit], material: Material, *, workers: int, progress: Progress = silent
) -> list[Fitted | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit.

    Args:
        fits: what to fit.
        material: what they read.
        workers: processes.
        progress: told after each fit.

    Returns:
        In the order of `fits`; None where the labels did not tell about the main horizon.
    """
    jobs = [joblib.delayed(make_fit)(fit, material.matrix, material.lead) for fit in fits]
    return list(run_jobs(jobs, workers=workers, stage="fits", progress=progress))


def add_replicas(
    fit: Fit, hazard: FittedHazard, material: Material, *, workers: int, progress: Progress = silent
) -> FittedHazard:
    """Fits the replicas of a fit; arguments as for `make_fits`."""
    numbers = range(fit.config.replicas)
    shares = [share for share in (numbers[start::workers] for start in range(workers)) if share]
    jobs = [
        joblib.delayed(make_replicas)(fit, hazard, share, material.matrix, material.lead) for share in shares
    ]
    made: dict[int, Replica] = {}
    done = run_jobs(jobs, workers=workers, stage="replicas", progress=progress)
    for share, replicas in zip(shares, done, strict=True):
        made |= dict(zip(share, replicas, strict=True))
    scorecard = replace(hazard.scorecard, replicas=tuple(made[number] for number in numbers))
    return replace(hazard, scorecard=scorecard)


def judge_fits(material: Material, fits: Sequence[Fit], made: Sequence[Fitted | None]) -> Judged:
    """Puts the promises of all origins beside what happened.

    Args:
        material: what was fitted on.
        fits: of the origins.
        made: what came of them; origins without a fit, or without test examples, are left out.

    Raises:
        NothingToJudgeError: no origin is left.
    """
    kept = [
        (origin, fit, fitted)
        for origin, fit, fitted in zip(material.origins, fits, made, strict=True)
        if fitted is not None and len(fit.test)
    ]
    if not kept:
        raise NothingToJudgeError(examples=0, conversions=0, horizon_days=material.horizon_days)
    origins = tuple(origin for origin, _, _ in kept)
    test = np.concatenate([fit.test for _, fit, _ in kept])
    number = np.repeat(np.arange(len(kept)), [len(fit.test) for _, fit, _ in kept])
    promised = [fitted.log_odds for _, _, fitted in kept]
    converted = [material.outcome[fit.test] == 1 for _, fit, _ in kept]
    moments = np.array([origin.at for origin in origins], dtype=np.int64)
    shifts, applied = level_shifts(origins, [one[SCORECARD] for one in promised], converted)
    return Judged(
        origins=origins,
        origin=number,
        lead=material.lead[test],
        as_of=material.as_of[test],
        converted=np.concatenate(converted),
        from_creation=material.examples.from_creation[test],
        is_unseen=material.history.created_at[material.lead[test]] >= moments[number],
        log_odds=_pooled(promised),
        shifts=shifts,
        applied=applied,
        horizon_days=material.horizon_days,
        test=test,
        unit=material.units[test],
        by_horizon=pooled_horizons([fitted.by_horizon for _, _, fitted in kept], number),
    )


def _pooled(promised: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Joins the answers of the models that every origin has."""
    names = [name for name in promised[0] if all(name in answers for answers in promised)]
    return {name: np.concatenate([answers[name] for answers in promised]) for name in names}
