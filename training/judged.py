"""What was promised at the origins of the past, beside what happened afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats, Ints
from training.judge import SCORECARD
from training.labels import Bools
from training.level import level_shift, shrunken_mean
from training.origins import Origin


@dataclass(frozen=True, slots=True)
class Judged:
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

    @property
    def promised(self) -> Floats:
        """(n,) log-odds of the scorecard with the level shift known at the time."""
        shifted: Floats = self.log_odds[SCORECARD] + np.array(self.applied)[self.origin]
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
        level_shift(promised, happened.astype(np.float64)) if 0 < happened.sum() < len(happened) else None
        for promised, happened in zip(log_odds, converted, strict=True)
    )
    pairs = [(d, origin) for d, origin in zip(shifts, origins, strict=True) if d is not None]
    applied = tuple(
        shrunken_mean([d for d, past in pairs if past.matured_at <= origin.at]) for origin in origins
    )
    return shifts, applied
