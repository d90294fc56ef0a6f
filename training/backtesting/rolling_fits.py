"""Makes all fits of a training side by side in worker processes, and joins what they predict."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import joblib
import numpy as np

from features.history.known import first_created
from features.progress import Progress, silent
from models.scorecard.scorecard import MEAN_RANGES
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec, make_fit
from training.backtesting.parallel import Job, run_jobs
from training.backtesting.predictions import (
    BacktestPredictions,
    NothingToEvaluateError,
    level_shifts,
    pooled_failures,
    pooled_horizons,
    pooled_models,
)
from training.examples.dataset import Dataset
from training.examples.labels import converted_within
from training.examples.origins import Origin
from training.fitting.bootstrap_fits import fit_replicas


def make_fits(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> list[FitResult | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit. The longest begin first, so that no process is
    left alone with one at the end. Fits that take what others chose follow those, beside the replicas.

    Args:
        fits: what to fit.
        dataset: what they are fitted on.
        workers: number of processes.
        progress: called after each fit.

    Returns:
        In the order of `fits`; None where the labels do not reach the main horizon.
    """
    results: list[FitResult | None] = [None] * len(fits)
    order = sorted(range(len(fits)), key=lambda number: -_work(fits[number]))
    first = [number for number in order if not fits[number].is_following]
    following = [number for number in order if fits[number].is_following]
    share = len(first) / (len(fits) + sum(_replicas_count(fit) for fit in fits))
    fill = partial(_fill, results, dataset=dataset, workers=workers)
    fill({number: fits[number] for number in first}, [], progress=_part_of(progress, 0.0, share))
    replicas: list[Job] = []
    for number in first:
        replicas += _replica_jobs(fits[number], results[number])
    taking = {number: _following(number, fits, results) for number in following}
    done = fill(taking, replicas, progress=_part_of(progress, share, 1.0))
    for number in first:
        results[number] = _with_replicas(fits[number], results[number], done)
    return results


def _fill(
    results: list[FitResult | None],
    fits: Mapping[int, FitSpec],
    beside: Sequence[Job],
    *,
    dataset: Dataset,
    workers: int,
    progress: Progress,
) -> Iterator[Any]:
    """Makes fits, adds their results by their numbers, and gives what other jobs beside them return."""
    jobs = [*(joblib.delayed(make_fit)(fit, dataset.matrix, dataset.lead) for fit in fits.values()), *beside]
    done = list(run_jobs(jobs, workers=workers, stage="fits", progress=progress)) if jobs else []
    for number, result in zip(fits, done, strict=False):
        results[number] = result
    return iter(done[len(fits) :])


def _part_of(progress: Progress, begin: float, end: float) -> Progress:
    """Reports the progress of a part of a stage."""

    def report(stage: str, done: float) -> None:
        progress(stage, begin + done * (end - begin))

    return report


def _following(number: int, fits: Sequence[FitSpec], results: Sequence[FitResult | None]) -> FitSpec:
    """Gives a fit what the last one before it chose; it chooses itself where there is nothing."""
    fit = fits[number]
    before = list(zip(fits[:number], results[:number], strict=True))[::-1]
    if fit.takes_selection:
        result = next((made for other, made in before if not other.takes_selection), None)
        chosen = None if result is None else result.hazard.selected_model
        fit = fit if chosen is None or not chosen.is_chosen else replace(fit, selected=chosen)
    if fit.takes_settings:
        settings = (made.baseline_settings for other, made in before if made and not other.takes_settings)
        fit = replace(fit, baseline_settings=next(filter(None, settings), {}))
    return fit


def _work(fit: FitSpec) -> float:
    """Estimates how long a fit takes, compared with others: by its examples, and twice with baselines."""
    return float((fit.labels.observed_us > 0).sum()) * (2 if fit.has_baselines else 1)


def _replicas_count(fit: FitSpec) -> int:
    """Counts the replicas of a fit, of which its ranges are made."""
    return fit.config.replicas if fit.has_replicas else 0


def _replica_jobs(fit: FitSpec, result: FitResult | None) -> list[Job]:
    """Plans the replicas of a fit; none where it has none."""
    if result is None or result.fit_data is None:
        return []
    return [
        joblib.delayed(fit_replicas)(result.fit_data, result.hazard, [number], config=fit.config)
        for number in range(_replicas_count(fit))
    ]


def _with_replicas(fit: FitSpec, result: FitResult | None, done: Iterator[Any]) -> FitResult | None:
    """Adds what the jobs of its replicas returned to a fit."""
    if result is None or not _replica_jobs(fit, result):
        return result
    replicas = tuple(replica for (replica,) in itertools.islice(done, _replicas_count(fit)))
    scorecard = replace(result.hazard.scorecard, replicas=replicas, range_rule=MEAN_RANGES)
    return replace(result, hazard=replace(result.hazard, scorecard=scorecard), fit_data=None)


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
