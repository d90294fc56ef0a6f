"""What was promised at the origins of the past, beside what happened afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features.errors import LeadOddsError
from features.history.lead_history import Bools, Floats, Ints
from training.backtesting.jobs import SCORECARD
from training.backtesting.level import level_shift, shrunken_mean
from training.baselines.registry import predict_from_history
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.origins import Origin


class NothingToEvaluateError(LeadOddsError):
    """Test examples of which none, or all, converted: nothing can be said of the promises."""

    def __init__(self, *, examples: int, conversions: int, horizon_days: float) -> None:
        super().__init__(
            f"Of {examples} test examples at the origins {conversions} converted within {horizon_days:g} "
            "days; some must, and some must not. Give a longer history, or a later --observed-until."
        )


@dataclass(frozen=True, slots=True)
class BacktestPredictions:
    """The test examples of all origins, in the order of the origins, and what was promised for them.

    Attributes:
        origins: those judged.
        origin: (n,) number of the origin.
        lead: (n,) row of the lead in the history.
        as_of: (n,) microseconds UTC.
        converted: (n,) within the main horizon.
        from_creation: (n,) drawn from the lead's creation, not from the grid.
        is_unseen: (n,) created after the origin, so that no training example was the lead's.
        log_odds: by model, (n,) without a level shift.
        shifts: the shift that would have set the level right at each origin; None where only one outcome
            occurred, which says nothing finite.
        applied: the shift that each origin could have known of and added.
        horizon_days: the main horizon.
        test: (n,) position of the example among all that were drawn.
        cluster: (n,) whose fates are drawn together behind an interval: the account, where the history has
            accounts, else the lead.
        by_horizon: by further horizon in days, (n,) log-odds of the scorecard without a level shift; NaN
            where an origin could not answer that far.
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

    @property
    def shift(self) -> Floats:
        """(n,) the level shift known at the time."""
        known: Floats = np.array(self.applied)[self.origin]
        return known

    @property
    def clusters(self) -> Ints:
        """(n,) whose fates are drawn together: `cluster`, or the lead where it was not given."""
        return self.cluster if len(self.cluster) else self.lead

    @property
    def predicted(self) -> Floats:
        """(n,) log-odds of the scorecard with the level shift known at the time."""
        shifted: Floats = self.log_odds[SCORECARD] + self.shift
        return shifted

    @property
    def conversions(self) -> int:
        """Leads that converted within the horizon of a test example."""
        return len(np.unique(self.lead[self.converted]))


def level_shifts(
    origins: Sequence[Origin], log_odds: Sequence[Floats], converted: Sequence[Bools]
) -> tuple[tuple[float | None, ...], tuple[float, ...]]:
    """Finds the level shift of each origin, and what each could have known of the others'.

    Args:
        origins: rising.
        log_odds: of the test examples of each origin, without a shift.
        converted: of the same examples.

    Returns:
        The shifts that would have set the level right, and those that had been learnt by then.
    """
    shifts = tuple(
        level_shift(predicted, observed.astype(np.float64)) if 0 < observed.sum() < len(observed) else None
        for predicted, observed in zip(log_odds, converted, strict=True)
    )
    pairs = [(d, origin) for d, origin in zip(shifts, origins, strict=True) if d is not None]
    applied = tuple(
        shrunken_mean([d for d, past in pairs if past.matured_at <= origin.at]) for origin in origins
    )
    return shifts, applied


def pooled_horizons(predicted: Sequence[Mapping[float, Floats]], origin: Ints) -> dict[float, Floats]:
    """Joins what the origins promised at further horizons.

    Args:
        predicted: by origin, log-odds of its test examples by horizon in days.
        origin: (n,) number of the origin of each test example, rising.

    Returns:
        (n,) log-odds by every horizon that some origin could answer, NaN where it could not.
    """
    pooled: dict[float, Floats] = {}
    for days in sorted({days for answers in predicted for days in answers}):
        pooled[days] = np.full(len(origin), np.nan)
        for number, answers in enumerate(predicted):
            if days in answers:
                pooled[days][origin == number] = answers[days]
    return pooled


def with_history_baselines(
    predictions: BacktestPredictions, dataset: Dataset, *, config: TrainingConfig
) -> BacktestPredictions:
    """Adds what the baselines with features of their own would have predicted at every origin.

    Args:
        predictions: of the other models.
        dataset: the history and its examples.
        config: seed.
    """
    parts = [
        predict_from_history(
            dataset, predictions.test[predictions.origin == number], origin.at, config=config
        )
        for number, origin in enumerate(predictions.origins)
    ]
    # Test examples stand in the order of the origins.
    added = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return replace(predictions, log_odds={**predictions.log_odds, **added})
