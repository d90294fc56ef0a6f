"""How many leads sales can call in a week, and which those would have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.known import has_row, outcome_known
from features.history.lead_history import OPEN, Floats, Ints, LeadHistory
from features.times import US_PER_DAY
from training.config import TrainingConfig

# Kinds that show that sales turned to one lead; mails go out by the thousand.
_REACHING_KINDS: Final = ("call_outbound", "call_missed", "call_voicemail", "representative_visit")

_DAYS_A_WEEK: Final = 7
# The first Monday is the fifth day of 1970.
_MONDAY: Final = 3
_MIDDLE_US: Final = 7 * US_PER_DAY // 2


@dataclass(frozen=True, slots=True)
class Capacity:
    """What sales can do.

    Attributes:
        leads_per_week: called in a week.
        is_derived: derived from what sales did, not configured.
        week: (weeks,) numbers of the weeks of the test examples, rising.
        open_leads: (weeks,) leads open in the middle of each.
    """

    leads_per_week: float
    is_derived: bool
    week: Ints
    open_leads: Ints


def week_of(moment: Ints) -> Ints:
    """Numbers the weeks, Monday to Sunday, UTC; the week of 1970-01-01 is 0."""
    return (moment // US_PER_DAY + _MONDAY) // _DAYS_A_WEEK


def start_of_week(week: Ints) -> Ints:
    """Gives the Monday's first microsecond UTC."""
    return (week * _DAYS_A_WEEK - _MONDAY) * US_PER_DAY


def find_capacity(history: LeadHistory, as_of: Ints, *, config: TrainingConfig) -> Capacity | None:
    """Takes the configured capacity, or what sales did in a usual week of the test examples.

    Args:
        history: as read.
        as_of: (n,) moments of the test examples.
        config: sales_capacity_per_week.

    Returns:
        None where it is not configured and no calls or visits are recorded.
    """
    week = np.unique(week_of(as_of))
    leads_per_week = config.sales_capacity_per_week or _median_reached(history, week)
    if not leads_per_week:
        return None
    open_leads = [_open_leads(history, int(start) + _MIDDLE_US) for start in start_of_week(week)]
    is_derived = config.sales_capacity_per_week is None
    return Capacity(float(leads_per_week), is_derived, week, np.array(open_leads, dtype=np.int64))


def called_weights(probability: Floats, as_of: Ints, capacity: Capacity) -> Floats:
    """Computes which part of each test example would have been called, had each week's best been called.

    A week's test examples stand for its open leads, so the part of them that is called is the capacity over
    the number of open leads. Where the limit falls among equal probabilities, each of them counts in part.

    Args:
        probability: (n,) predicted.
        as_of: (n,) moments.
        capacity: with the weeks of these moments.

    Returns:
        (n,) from 0 to 1.
    """
    called = np.zeros(len(probability))
    place = np.searchsorted(capacity.week, week_of(as_of))
    for number, open_leads in enumerate(capacity.open_leads):
        inside = place == number
        share = min(1.0, capacity.leads_per_week / max(1, open_leads))
        called[inside] = top_weights(probability[inside], share=share)
    return called


def top_weights(probability: Floats, *, share: float) -> Floats:
    """Computes which part of each example belongs to the share with the highest probabilities.

    >>> top_weights(np.array([0.1, 0.5, 0.5, 0.9]), share=0.5).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    _, group = np.unique(-probability, return_inverse=True)
    count = np.bincount(group)
    before = np.cumsum(count) - count
    weights: Floats = np.clip((share * len(probability) - before) / np.maximum(count, 1), 0.0, 1.0)[group]
    return weights


def _median_reached(history: LeadHistory, week: Ints) -> float:
    """Gives the median number of different leads that sales reached in a week; 0 where none."""
    interactions = history.interactions
    kinds = [code for code, kind in enumerate(interactions.kind.values) if kind in _REACHING_KINDS]
    reaching = np.flatnonzero(np.isin(interactions.kind.codes, kinds))
    lead = np.searchsorted(interactions.starts, reaching, side="right") - 1
    pairs = np.unique(np.stack([week_of(interactions.occurred_at[reaching]), lead]), axis=1)
    counts = [int((pairs[0] == number).sum()) for number in week]
    return float(np.median(counts)) if counts else 0.0


def _open_leads(history: LeadHistory, moment: int) -> int:
    """Counts the leads open at a moment."""
    created = np.flatnonzero(has_row(history, moment))
    return int((outcome_known(history, created, moment) == OPEN).sum())
