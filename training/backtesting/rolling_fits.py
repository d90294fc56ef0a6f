"""Makes all fits of a training side by side in worker processes, and joins what they predict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from training.fitting.bootstrap_fits import fit_replicas, measure_shrinkage


def make_fits(
    fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress = silent
) -> list[FitResult | None]:
    """Makes fits in as many processes as there are workers.

    Each has one thread, so that their number changes no bit. The longest begin first, so that no process is
    left alone with one at the end. Replicas, and fits that take what others chose, begin as soon as what they
    follow is there, while the others go on.

    Args:
        fits: what to fit.
        dataset: what they are fitted on.
        workers: number of processes.
        progress: called after each fit.

    Returns:
        In the order of `fits`; None where the labels do not reach the main horizon.
    """
    running = _RunningFits(fits, dataset, workers=workers, progress=progress)
    order = sorted(range(len(fits)), key=lambda number: -_work(fits[number]))
    first = [number for number in order if not fits[number].is_following]
    waiting = [number for number in order if fits[number].is_following]
    done = running.start([running.job_of(fits[number]) for number in first])
    for count in range(len(first) + 1):
        pending = first[count:]
        running.follow([late for late in waiting if all(earlier > late for earlier in pending)])
        if pending:
            running.add(pending[0], next(done))
    next(done, None)
    return running.results()


class _RunningFits:
    """Fits that were started, and what is known of them so far."""

    def __init__(
        self, fits: Sequence[FitSpec], dataset: Dataset, *, workers: int, progress: Progress
    ) -> None:
        """Begins before the first fit; arguments as for `make_fits`."""
        self._fits = fits
        self._dataset = dataset
        self._workers = workers
        self._progress = progress
        self._total = len(fits) + sum(_replicas_count(fit) for fit in fits)
        # Jobs that are done of each part that was started.
        self._done: list[float] = []
        self._chosen: list[FitResult | None] = [None] * len(fits)
        self._following: list[tuple[Sequence[int], Iterator[Any]]] = []
        self._replicas: dict[int, Iterator[Any]] = {}

    def start(self, jobs: Sequence[Job]) -> Iterator[Any]:
        """Starts jobs, and counts them among those of all parts as they end."""
        part = len(self._done)
        self._done.append(0.0)

        def report(stage: str, done: float) -> None:
            self._done[part] = done * len(jobs)
            self._progress(stage, sum(self._done) / self._total)

        return run_jobs(jobs, workers=self._workers, stage="fits", progress=report)

    def job_of(self, fit: FitSpec) -> Job:
        """Plans one fit."""
        job: Job = joblib.delayed(make_fit)(fit, self._dataset.matrix, self._dataset.lead)
        return job

    def follow(self, numbers: Sequence[int]) -> None:
        """Starts the fits, of these numbers, that take what others chose, unless they were started."""
        started = {number for others, _ in self._following for number in others}
        ready = [number for number in numbers if number not in started]
        if ready:
            fits = [_following(number, self._fits, self._chosen) for number in ready]
            self._following.append((ready, self.start([self.job_of(fit) for fit in fits])))

    def add(self, number: int, result: FitResult | None) -> None:
        """Adds the result of a fit that follows no other, and starts its replicas."""
        self._chosen[number] = result
        if jobs := _replica_jobs(self._fits[number], result):
            self._replicas[number] = self.start(jobs)

    def results(self) -> list[FitResult | None]:
        """Waits for all that was started, and gives the results in the order of the fits."""
        results = list(self._chosen)
        for numbers, following in self._following:
            for number, result in zip(numbers, following, strict=True):
                results[number] = result
        for number, replicas in self._replicas.items():
            results[number] = _with_replicas(results[number], list(replicas))
        # Fits without a result have no replicas.
        self._progress("fits", 1.0)
        return results


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
    """Counts what the ranges of a fit are made of: replicas, and a longer fit that shows the shrinkage."""
    return fit.config.replicas + 1 if fit.has_replicas and fit.config.replicas else 0


def _replica_jobs(fit: FitSpec, result: FitResult | None) -> list[Job]:
    """Plans the replicas of a fit, the longest job first; none where it has none."""
    if result is None or result.fit_data is None or not _replicas_count(fit):
        return []
    prepared = result.fit_data, result.hazard
    return [
        joblib.delayed(measure_shrinkage)(*prepared),
        *(
            joblib.delayed(fit_replicas)(*prepared, [number], config=fit.config)
            for number in range(fit.config.replicas)
        ),
    ]


def _with_replicas(result: FitResult | None, fitted: Sequence[Any]) -> FitResult | None:
    """Adds what the jobs of its replicas returned to a fit."""
    if result is None:
        return None
    shrinkage, *replicas = fitted
    scorecard = replace(
        result.hazard.scorecard,
        replicas=tuple(replica for (replica,) in replicas),
        shrinkage=shrinkage,
        range_rule=MEAN_RANGES,
    )
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
