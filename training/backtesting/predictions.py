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
from training.backtesting.level import level_shift, shrunken_mean
from training.baselines.registry import predict_from_history
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.origins import Origin


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

    @property
    def shift(self) -> Floats:
        """(n,) the level shift added at the example's origin."""
        applied: Floats = np.array(self.applied)[self.origin]
        return applied

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
    origins: Sequence[Origin], log_odds: Sequence[Floats], converted: Sequence[Bools]
) -> tuple[tuple[float | None, ...], tuple[float, ...]]:
    """Finds the level shift of each origin, and the shift that each could add from earlier ones.

    Args:
        origins: rising.
        log_odds: of the test examples of each origin, without a shift.
        converted: of the same examples.

    Returns:
        The shifts that would have corrected the level, None where only one outcome occurred, and the shrunken
        means of those that had matured by each origin.
    """
    shifts = tuple(
        level_shift(odds, outcome.astype(np.float64)) if 0 < outcome.sum() < len(outcome) else None
        for odds, outcome in zip(log_odds, converted, strict=True)
    )
    return shifts, tuple(shift_known_at(origin.at, origins, shifts) for origin in origins)


def shift_known_at(at: int, origins: Sequence[Origin], shifts: Sequence[float | None]) -> float:
    """Gives the shift that could be added at a moment, the shrunken mean of those matured by then."""
    known = zip(shifts, origins, strict=True)
    return shrunken_mean([shift for shift, origin in known if shift is not None and origin.matured_at <= at])


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
    """Adds the predictions of the baselines with features of their own at every origin.

    Args:
        predictions: of the other models.
        dataset: the history and its examples.
        config: seed.
    """
    by_origin = [
        predict_from_history(
            dataset, predictions.test[predictions.origin == number], origin.at, config=config
        )
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
