"""Origins: moments of the past at which all is refitted with what was known, and tested on what came after.

The one place that decides which moments are used and which examples they are tested on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from features.checks.stream_checks import active_until
from features.errors import LeadOddsError
from features.history.extent import creations_begin
from features.history.known import conversions_of_leads, created_known
from features.history.lead_history import Bools, Ints, LeadHistory
from features.history.outcomes import lead_of_rows
from features.times import NEVER_US, US_PER_DAY
from training.config import TrainingConfig
from training.examples.labels import edges_us, reporting_delay

# Fewer origins than these say little about how figures move between months.
FEWEST_ORIGINS: Final = 4
QUICK_ORIGINS: Final = 2
# After the champion's end.
LATE_ORIGINS: Final = 3

# Origins in a row that take the choice of the one before them.
_TAKING_AT_MOST: Final = 2

# Test windows of this length hold every day of the week; longer histories have longer windows.
_WINDOW_DAYS: Final = 7

# The earlier part of the time that could be tested is left for fitting, so that an origin resembles the final
# fit.
_FITTING_SHARE: Final = 0.5

# Not every conversion counted here belongs to an example: some fall between two moments of the grid.
_MARGIN: Final = 1.5

# Tests within fewer days say nothing of how the level moves from month to month.
_LEAST_TESTED_DAYS: Final = 60

# Shortest test window worth a refit.
_LEAST_WINDOW_DAYS: Final = 1


class HorizonNotSupportedError(LeadOddsError):
    """The history is too short, or its leads convert too seldom, to test any horizon."""

    def __init__(self, *, horizon_days: float, shortest_days: float, needed: int) -> None:
        super().__init__(
            f"The history cannot support a horizon of {horizon_days:g} days, nor a shorter one down to "
            f"{shortest_days:g}: some moment of the past must have {needed} leads that converted within "
            "the horizon by then, and the horizon must have passed again since. Give a longer history."
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """One refit of the past.

    Attributes:
        at: microseconds UTC; trained on examples before it, with what was known at it.
        test_from: tested on examples after this moment ...
        test_until: ... up to and including this one; their whole horizon was observed by `matured_at`.
        matured_at: first moment at which outcomes of the whole test window plus horizon are complete.
    """

    at: int
    test_from: int
    test_until: int
    matured_at: int

    def is_training(self, as_of: Ints) -> Bools:
        """(n,) whether examples come before the origin."""
        return as_of < self.at

    def is_test(self, as_of: Ints) -> Bools:
        """(n,) whether examples lie in the test window, left-open and right-closed."""
        return (as_of > self.test_from) & (as_of <= self.test_until)


def rolling_origins(
    history: LeadHistory, *, config: TrainingConfig, horizon_days: float
) -> tuple[Origin, ...]:
    """Places origins in the history, with test windows that touch but do not overlap.

    Nothing is tested after the end of a history that dried up before `observed_until`: leads that nobody
    works on, or whose outcomes nobody records, would count as examples that do not convert.

    The first origin is the first moment at which enough leads had converted in the last time bin of the
    horizon, and not before half of the time that could be tested; the last test window ends one horizon
    before `observed_until`.

    Args:
        history: checked.
        config: origins, quick, time_edges_days, min_conversions_per_bin.
        horizon_days: the main horizon.

    Returns:
        4 to 10 origins, rising (2 if quick); none where the history is too short for this horizon.
    """
    ripening, last = _ripening(history, horizon_days=horizon_days)
    begin = creations_begin(history)
    supported = supported_from(history, config=config, horizon_days=horizon_days)
    start = max(supported, begin + int((last - begin) * _FITTING_SHARE))
    return _touching(start, last, _origins_count(last - start, config=config), ripening)


def late_origins(
    history: LeadHistory, *, after: int, config: TrainingConfig, horizon_days: float
) -> tuple[Origin, ...]:
    """Places origins after a moment, as many as an answer needs: there the champion is compared as it is.

    Args:
        history: checked.
        after: microseconds UTC, end of what the champion has seen.
        config: time_edges_days, min_conversions_per_bin.
        horizon_days: the main horizon.

    Returns:
        3 origins, rising, the first not before `after`; none where less than a day each is left for them.
    """
    ripening, last = _ripening(history, horizon_days=horizon_days)
    start = max(after, supported_from(history, config=config, horizon_days=horizon_days))
    return _touching(start, last, LATE_ORIGINS, ripening)


def _ripening(history: LeadHistory, *, horizon_days: float) -> tuple[int, int]:
    """Gives how long outcomes of a test take to be known, and the last moment that can be tested."""
    ripening = int(edges_us([horizon_days])[0]) + reporting_delay(
        history, observed_until=history.observed_until
    )
    return ripening, min(history.observed_until - ripening, active_until(history))


def _touching(start: int, last: int, count: int, ripening: int) -> tuple[Origin, ...]:
    """Divides a stretch of time into test windows that touch; into none where a window would be too short."""
    if last - start < count * _LEAST_WINDOW_DAYS * US_PER_DAY:
        return ()
    edges = [start + (last - start) * number // count for number in range(count + 1)]
    return tuple(
        Origin(at=low, test_from=low, test_until=high, matured_at=high + ripening)
        for low, high in pairwise(edges)
    )


def origins_compared(count: int, *, config: TrainingConfig) -> tuple[int, ...]:
    """Chooses the numbers of the origins at which baselines are fitted: all in a full training.

    The last origin resembles the final fit most; one in the middle shows whether a difference lasts.
    """
    if config.quick:
        return ()
    return tuple(range(count)) if config.full else (count // 2 - 1, count - 1)


def origins_selecting(count: int, *, config: TrainingConfig) -> tuple[int, ...]:
    """Chooses the numbers of the origins that choose trees and pairs anew: all in a full training.

    The first does, and those that are compared with baselines. The one or two after another take its choice:
    it knew less, and choosing takes as long as the fit.

    >>> origins_selecting(6, config=TrainingConfig()), origins_selecting(10, config=TrainingConfig())
    ((0, 2, 5), (0, 3, 4, 7, 9))
    """
    compared = origins_compared(count, config=config)
    selecting: list[int] = []
    for number in range(count):
        if not selecting or number in compared or number - selecting[-1] > _TAKING_AT_MOST:
            selecting.append(number)
    return tuple(selecting)


def tested_days(origins: Sequence[Origin]) -> float:
    """Days from the begin of the first test window to the end of the last."""
    return (origins[-1].test_until - origins[0].test_from) / US_PER_DAY if origins else 0.0


def is_short_test(origins: Sequence[Origin]) -> bool:
    """Tells whether the tests span too few days to show how the level moves from month to month."""
    return tested_days(origins) < _LEAST_TESTED_DAYS


def choose_horizon(history: LeadHistory, *, config: TrainingConfig) -> tuple[float, str | None]:
    """Takes the configured main horizon, or the longest time edge below it that the history supports.

    Returns:
        The horizon in days, and a sentence for people where it is not the configured one.

    Raises:
        HorizonNotSupportedError: the history supports no horizon.
    """
    shorter = [edge for edge in config.time_edges_days[1:] if edge < config.horizon_days]
    for horizon_days in [config.horizon_days, *reversed(shorter)]:
        if rolling_origins(history, config=config, horizon_days=horizon_days):
            configured = config.horizon_days
            sentence = (
                f"The main horizon is {horizon_days:g} days instead of {configured:g}: the history is too "
                f"short, or converts too seldom, to judge {configured:g} days at several moments of the past."
            )
            return horizon_days, None if horizon_days == configured else sentence
    raise HorizonNotSupportedError(
        horizon_days=config.horizon_days,
        shortest_days=config.time_edges_days[1],
        needed=config.min_conversions_per_bin,
    )


def _origins_count(tested_us: int, *, config: TrainingConfig) -> int:
    """Counts the origins that have a week each, within the configured number and at least four."""
    if config.quick:
        return QUICK_ORIGINS
    return max(
        min(config.origins, tested_us // (_WINDOW_DAYS * US_PER_DAY)), min(FEWEST_ORIGINS, config.origins)
    )


def conversions_needed(config: TrainingConfig) -> int:
    """Counts the leads that must have converted in the last time bin of a horizon by the first origin."""
    return math.ceil(config.min_conversions_per_bin * _MARGIN)


def supported_from(history: LeadHistory, *, config: TrainingConfig, horizon_days: float) -> int:
    """Finds the first moment at which enough leads were known to have converted in the last time bin.

    A lead counts where an example of it can have converted in that bin, drawn so early that the outcomes of
    the bin were complete: one horizon and the reporting delay before the moment.

    Returns:
        Microseconds UTC; NEVER_US where there is no such moment.
    """
    reach_days = min(edge for edge in config.time_edges_days if edge >= horizon_days)
    below_days = max(edge for edge in config.time_edges_days if edge < reach_days)
    low, reach, spacing = edges_us([below_days, reach_days, config.grid_spacing_days])
    outcomes = history.outcomes
    created_at = created_known(history, lead_of_rows(outcomes), history.observed_until)
    seen = conversions_of_leads(history, history.observed_until)
    seen &= outcomes.occurred_at - created_at > low
    # The earliest such example is the creation, or the first moment from which the conversion is near enough.
    earliest = np.maximum(created_at, outcomes.occurred_at - np.where(seen, reach - spacing, 0))
    complete, known_at = (earliest + reach)[seen], outcomes.available_at[seen]
    if len(complete) < (needed := conversions_needed(config)):
        return NEVER_US
    moment, delay = 0, 0
    while True:
        # The delay is that of the conversions known by then: it rises with the moment.
        moment = int(np.sort(np.maximum(complete + delay, known_at))[needed - 1])
        if (later := reporting_delay(history, observed_until=moment)) <= delay:
            return moment
        delay = later
