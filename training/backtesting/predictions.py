"""Predictions at the origins of the past, beside what was observed afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features.errors import LeadOddsError
from features.history.lead_history import Bools, Floats, Ints
from features.times import format_time
from training.backtesting.jobs import SCORECARD
from training.backtesting.level import OriginLevel, PooledLevel, level_error, level_shift, pool_levels
from training.baselines.registry import BaselinePredictions, predict_from_history
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.origins import Origin, origins_compared


class NothingToEvaluateError(LeadOddsError):
    """Test examples of which none, or all, converted: the predictions cannot be evaluated."""

    def __init__(self, *, examples: int, conversions: int, horizon_days: float) -> None:
        super().__init__(
            f"Of {examples} test examples at the origins {conversions} converted within {horizon_days:g} "
            "days; some must, and some must not. Give a longer history, or a later --observed-until."
        )


@dataclass(frozen=True, slots=True)
class BacktestPredictions:
    """The test examples of all origins, in the order of the origins, with predictions and outcomes.

    Attributes:
        origins: those with test examples.
        origin: (n,) number of the origin.
        lead: (n,) row of the lead in the history.
        as_of: (n,) microseconds UTC.
        converted: (n,) within the main horizon.
        from_creation: (n,) drawn from the lead's creation, not from the grid.
        is_unseen: (n,) created after the origin, so that the lead has no training example.
        log_odds: by model, (n,) without a level shift; of a baseline NaN at origins where it was not fitted.
        shifts: the shift that would have corrected the level at each origin; None where only one outcome
            occurred, because no finite shift would.
        applied: the shift added at each origin, from origins that had matured by then.
        horizon_days: the main horizon.
        test: (n,) position of the example among all that were drawn.
        cluster: (n,) number of what an interval draws as a whole: the account, where the history has
            accounts, else the lead.
        by_horizon: by further horizon in days, (n,) log-odds of the scorecard without a level shift; NaN
            where an origin's time bins do not reach that far.
        failed_baselines: by name of a baseline that could not be fitted at every origin, where and why.
        known: by origin, (n,) the outcome of every test example as it was known at that origin: 1 or 0, NaN
            where it was not final then; empty: as they were known in the end.
    """

    origins: tuple[Origin, ...]
    origin: Ints
    lead: Ints
    as_of: Ints
    converted: Bools
    from_creation: Bools
    is_unseen: Bools
    log_odds: Mapping[str, Floats]
    shifts: tuple[float | None, ...]
    applied: tuple[float, ...]
    horizon_days: float
    test: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    cluster: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    by_horizon: Mapping[float, Floats] = field(default_factory=dict)
    failed_baselines: Mapping[str, str] = field(default_factory=dict)
    known: tuple[Floats, ...] = ()

    @property
    def shift(self) -> Floats:
        """(n,) the level shift added at the example's origin."""
        applied: Floats = np.array(self.applied)[self.origin]
        return applied

    def outcome_known_at(self, number: int) -> Floats:
        """(n,) the outcome of every test example as it was known at an origin; see `known`."""
        return self.known[number] if self.known else self.converted.astype(np.float64)

    @property
    def clusters(self) -> Ints:
        """(n,) what an interval draws as a whole: `cluster`, or the lead where it was not given."""
        return self.cluster if len(self.cluster) else self.lead

    @property
    def predicted(self) -> Floats:
        """(n,) log-odds of the scorecard with the level shift added at the example's origin."""
        shifted: Floats = self.log_odds[SCORECARD] + self.shift
        return shifted

    @property
    def conversions(self) -> int:
        """Number of leads that converted within the horizon of a test example."""
        return len(np.unique(self.lead[self.converted]))


def level_shifts(
    predictions: BacktestPredictions, log_odds: Floats
) -> tuple[tuple[float | None, ...], tuple[float, ...]]:
    """Finds the level shift of each origin, and the shift that each could add from earlier ones.

    Args:
        predictions: the test examples, and what was known of them at each origin.
        log_odds: (n,) of the test examples, without a shift.

    Returns:
        The shifts that would have corrected the level, None where only one outcome occurred, and those that
        could be added at each origin.
    """
    converted = predictions.converted.astype(np.float64)
    shifts = []
    for number in range(len(predictions.origins)):
        mask = predictions.origin == number
        outcome = converted[mask]
        shifts.append(level_shift(log_odds[mask], outcome) if 0 < outcome.sum() < len(outcome) else None)
    applied = (
        level_known_at(origin.at, predictions, log_odds, predictions.outcome_known_at(number)).shift
        for number, origin in enumerate(predictions.origins)
    )
    return tuple(shifts), tuple(applied)


def level_known_at(
    at: int, predictions: BacktestPredictions, log_odds: Floats, outcome: Floats
) -> PooledLevel:
    """Pools the levels of the origins that had matured by a moment, by the outcomes known then.

    Outcomes that were reported later count as they stood then: what was missing is missing in a fit of that
    moment as well.

    Args:
        at: microseconds UTC.
        predictions: the test examples.
        log_odds: (n,) of the test examples, without a shift.
        outcome: (n,) 1 where known to have converted by then, 0 where not, NaN where not final then.
    """
    levels = []
    for number, origin in enumerate(predictions.origins):
        used = (predictions.origin == number) & ~np.isnan(outcome)
        conversions = outcome[used].sum()
        if origin.matured_at > at or not 0 < conversions < used.sum():
            continue
        shift = level_shift(log_odds[used], outcome[used])
        error = level_error(log_odds[used], outcome[used], predictions.clusters[used], shift)
        levels.append(OriginLevel(shift, error, origin.test_from, origin.matured_at))
    return pool_levels(levels)


def pooled_horizons(predicted: Sequence[Mapping[float, Floats]], origin: Ints) -> dict[float, Floats]:
    """Joins the predictions of the origins at further horizons.

    Args:
        predicted: by origin, log-odds of its test examples by horizon in days.
        origin: (n,) number of the origin of each test example, rising.

    Returns:
        (n,) log-odds by every horizon that some origin reaches, NaN where an origin does not.
    """
    pooled: dict[float, Floats] = {}
    for days in sorted({days for by_horizon in predicted for days in by_horizon}):
        pooled[days] = np.full(len(origin), np.nan)
        for number, by_horizon in enumerate(predicted):
            if days in by_horizon:
                pooled[days][origin == number] = by_horizon[days]
    return pooled


def pooled_failures(failed: Sequence[tuple[Origin, Mapping[str, str]]]) -> dict[str, str]:
    """Words, by baseline, where and why it could not be fitted first.

    Args:
        failed: origins, rising, with the reason by baseline that failed at it.
    """
    by_name: dict[str, list[str]] = {}
    for origin, reasons in failed:
        for name, reason in reasons.items():
            by_name.setdefault(name, []).append(f"at the origin {format_time(origin.at)[:10]}: {reason}")
    return {
        name: where[0] + (f" (and at {len(where) - 1} more)" if len(where) > 1 else "")
        for name, where in by_name.items()
    }


def with_history_baselines(
    predictions: BacktestPredictions, dataset: Dataset, *, config: TrainingConfig
) -> BacktestPredictions:
    """Adds the predictions of the baselines with features of their own, at the origins that are compared.

    Args:
        predictions: of the other models.
        dataset: the history and its examples.
        config: seed.
    """
    compared = {dataset.origins[number] for number in origins_compared(len(dataset.origins), config=config)}
    by_origin = [
        predict_from_history(
            dataset, predictions.test[predictions.origin == number], origin.at, config=config
        )
        if origin in compared
        else BaselinePredictions({}, {})
        for number, origin in enumerate(predictions.origins)
    ]
    failed = pooled_failures(
        [(origin, baselines.failed) for origin, baselines in zip(predictions.origins, by_origin, strict=True)]
    )
    # The test examples are in the order of the origins.
    counts = np.bincount(predictions.origin, minlength=len(predictions.origins)).tolist()
    added = pooled_models([baselines.log_odds for baselines in by_origin], counts, failed)
    return replace(
        predictions,
        log_odds={**predictions.log_odds, **added},
        failed_baselines={**predictions.failed_baselines, **failed},
    )


def pooled_models(
    log_odds: Sequence[Mapping[str, Floats]], counts: Sequence[int], failed: Collection[str]
) -> dict[str, Floats]:
    """Joins the predictions of the models.

    Args:
        log_odds: by origin, of its test examples by model.
        counts: number of test examples of each origin.
        failed: models that could not be fitted at some origin, which are left out: what would be left of
            them is easier than the whole.

    Returns:
        (n,) by model, NaN at origins where it was not fitted.
    """
    names = [name for name in dict.fromkeys(itertools.chain(*log_odds)) if name not in failed]
    return {
        name: np.concatenate(
            [
                by_model.get(name, np.full(count, np.nan))
                for by_model, count in zip(log_odds, counts, strict=True)
            ]
        )
        for name in names
    }
