"""Examples: pairs of a lead and a moment, drawn from the population that will be scored.

That is every open lead at a grid of calendar moments (the night), and at its creation (CRMs ask then).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.account_checks import LEADS_OF_A_COMPANY
from features.engine.matrix import Examples
from features.history.extent import creations_begin
from features.history.known import is_still_own, outcome_known
from features.history.lead_history import OPEN, Bools, Ints, LeadHistory
from features.history.outcomes import closed_from
from features.times import US_PER_DAY
from training.config import TrainingConfig
from training.sampling import lead_keys, spread_draw, uniform_of

# Streams of the seeded draws.
_TIME_OF_DAY: Final = 1
_AFTER_CREATION: Final = 2
_CAP: Final = 3
_OF_ACCOUNT: Final = 12


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """Examples in the order of (lead, as_of).

    Attributes:
        examples: rows of the history and microseconds UTC.
        from_creation: (n,) drawn from the lead's creation (at it, or within one spacing after it), not from
            the grid.
    """

    examples: Examples
    from_creation: Bools

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.examples.lead)


def draw_examples(history: LeadHistory, *, config: TrainingConfig) -> ExampleSet:
    """Draws every example of a training at once; each origin later uses those before it.

    A lead is drawn at `as_of` where it exists, is no alias of another lead, and is neither converted nor lost
    as known then: at each moment
    of the grid, at its creation, and at its creation plus a seeded part of the spacing. The grid alone would
    not do: on one real log 16 % of leads converted within 30 days of creation, but 35 % of those still open
    at their first grid moment.

    The n-th lead of an account, beyond the 200th, is drawn at and after its creation with probability
    200 / n: each such moment needs all rows of the account again, so time would grow with the square of the
    leads of an account that is none (gmail.com). They share the moments of the grid. Leads created later
    change nothing.

    Args:
        history: checked.
        config: seed, grid_spacing_days, max_examples.

    Returns:
        At most about `max_examples`, all before `observed_until` and none before the creations begin as a
        mass: a lead of 1900 is drawn where the others are.
    """
    grid = grid_moments(history, config=config)
    first = np.searchsorted(grid, history.created_at, side="left")
    # Only bounds the search: what is known at the moment decides below whether the lead is open.
    ended_at = closed_from(history.outcomes)
    if history.links is not None:
        ended_at = np.minimum(ended_at, history.links.linked_at)
    last = np.searchsorted(grid, ended_at, side="right")
    counts = 2 + np.maximum(last - first, 0)
    lead, turn = _turns(counts, config=config)
    as_of = _moments_of_turns(history, lead, turn, grid=grid, first=first, config=config)
    is_drawn = (turn >= 2) | _drawn_at_creation(history, config=config)[lead]
    lead, turn, as_of = lead[is_drawn], turn[is_drawn], as_of[is_drawn]
    is_inside = (as_of >= creations_begin(history)) & (as_of < history.observed_until)
    is_open = is_inside & (outcome_known(history, lead, as_of) == OPEN) & is_still_own(history, lead, as_of)
    return _sorted(lead[is_open], as_of[is_open], turn[is_open] < 2)


def grid_moments(history: LeadHistory, *, config: TrainingConfig) -> Ints:
    """Lists the moments of the calendar grid in a history: one per spacing, each with a seeded time of day.

    The moments depend on the calendar and the seed, not on where the history starts or ends.

    Returns:
        (moments,) microseconds UTC, rising, within the history.
    """
    spacing = round(config.grid_spacing_days * US_PER_DAY)
    begin, end = creations_begin(history), history.observed_until
    numbers = np.arange(begin // spacing, end // spacing + 1, dtype=np.int64)
    time_of_day = uniform_of(numbers, seed=config.seed, stream=_TIME_OF_DAY) * min(spacing, US_PER_DAY)
    moments = numbers * spacing + time_of_day.astype(np.int64)
    return moments[(moments >= begin) & (moments < end)]


def _turns(counts: Ints, *, config: TrainingConfig) -> tuple[Ints, Ints]:
    """Lists the turns of every lead (0 creation, 1 soon after it, 2 and up the grid), thinned to the cap.

    Lists only the turns that are kept: a large history has hundreds of millions.

    Returns:
        (n,) lead, and (n,) which of its turns.
    """
    ends = np.cumsum(counts)
    total = int(ends[-1])
    if total > config.max_examples:
        rng = np.random.default_rng([config.seed, _CAP])
        positions, _ = spread_draw(total, config.max_examples, rng=rng)
    else:
        positions = np.arange(total, dtype=np.int64)
    lead = np.searchsorted(ends, positions, side="right").astype(np.int64)
    return lead, positions - (ends - counts)[lead]


def _moments_of_turns(
    history: LeadHistory, lead: Ints, turn: Ints, *, grid: Ints, first: Ints, config: TrainingConfig
) -> Ints:
    """(n,) moment of each turn, microseconds UTC."""
    part = uniform_of(lead_keys(history.lead_ids), seed=config.seed, stream=_AFTER_CREATION)
    # One microsecond at least, so that it differs from the creation itself.
    soon_after = 1 + (part * (config.grid_spacing_days * US_PER_DAY - 1)).astype(np.int64)
    after_creation = np.where(turn == 1, soon_after[lead], 0)
    as_of = history.created_at[lead] + after_creation
    on_grid = turn >= 2
    as_of[on_grid] = grid[first[lead[on_grid]] + turn[on_grid] - 2]
    return as_of


def _drawn_at_creation(history: LeadHistory, *, config: TrainingConfig) -> Bools:
    """Tells (leads,) which leads are drawn at and after their creation."""
    has_account = history.account >= 0
    order = np.lexsort((history.created_at, history.account))
    starts = np.searchsorted(history.account[order], history.account[order], side="left")
    number = np.empty(history.leads_count)
    number[order] = np.arange(1, history.leads_count + 1) - starts
    if not (has_account & (number > LEADS_OF_A_COMPANY)).any():
        return np.ones(history.leads_count, np.bool_)
    drawn = uniform_of(lead_keys(history.lead_ids), seed=config.seed, stream=_OF_ACCOUNT)
    return ~has_account | (drawn * number < LEADS_OF_A_COMPANY)


def _sorted(lead: Ints, as_of: Ints, from_creation: Bools) -> ExampleSet:
    """Orders examples by (lead, as_of)."""
    order = np.lexsort((~from_creation, as_of, lead))
    return ExampleSet(Examples(lead[order], as_of[order]), from_creation[order])
