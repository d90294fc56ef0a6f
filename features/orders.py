"""Features about what came before what: streaks, replies, waiting, self-education.

Nothing is put in order for them: "after the last inbound row" is "of smaller age than the youngest inbound
row", and the youngest is already in the tallies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from features.columns import INBOUND, OUTBOUND, Floats, Ints
from features.rows import KnownRows, filled, group_rows
from features.selections import EVERYTHING, Bools, Cells, Selection
from features.spec import Feature
from features.tallies import Tallies, TallyBuilder
from features.times import US_PER_HOUR


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """Features that look at the rows on one side of a row that the tallies know: first those that count.

    Attributes:
        member: (features, cells) which rows are looked at.
        sign: (features, 1) 1 to look at rows after the limit, -1 at rows before it.
        limit: (features,) row of the limit among the extremes.
        limit_sign: (features, 1) makes the extreme comparable with signed ages.
        counting: number of features that count.
        is_share: (counting, 1) whether the count is divided by that of all rows.
        from_limit: (times, 1) 1 where the time runs from the limit to the oldest row, 0 where to `as_of`.
        whole: row of the tallies' counts with all rows.
        order: (features,) where each declared feature stands.
    """

    member: Bools
    sign: Ints
    limit: Ints
    limit_sign: Ints
    counting: int
    is_share: Bools
    from_limit: Ints
    whole: int
    order: Ints


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one measure looks at, on which side of which limit, and whether it counts.

    Attributes:
        looks_at: direction of the rows.
        side: 1 after the limit, -1 before it.
        limit_is_least: whether the limit is the youngest of its rows, or the oldest.
        limit_direction: direction of the rows that set the limit.
        counts: whether it counts what it finds, or takes the time of the oldest.
        is_relative: whether the count is a share, the time one from the limit.
    """

    looks_at: int | None
    side: int
    limit_is_least: bool
    limit_direction: int | None
    counts: bool
    is_relative: bool


_RULES: Final[Mapping[str, _Rule]] = MappingProxyType(
    {
        "unanswered_outbound_streak": _Rule(OUTBOUND, 1, True, INBOUND, True, False),
        "self_education_share": _Rule(None, -1, False, None, True, True),
        "hours_to_first_reply": _Rule(OUTBOUND, 1, False, INBOUND, False, True),
        "waiting_hours": _Rule(INBOUND, 1, True, OUTBOUND, False, False),
    }
)


def plan_orders(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> OrderPlan:
    """Plans them."""
    order = sorted(range(len(features)), key=lambda place: not _RULES[features[place].measure].counts)
    rules = [_RULES[features[place].measure] for place in order]
    sides = np.array([rule.side for rule in rules], dtype=np.int64)
    # A greatest age stands there with a minus, as if for rows before it.
    stands = np.array([1 if rule.limit_is_least else -1 for rule in rules], dtype=np.int64)
    counting = sum(rule.counts for rule in rules)
    relative = np.array([rule.is_relative for rule in rules])[:, None]
    return OrderPlan(
        np.array([_members(features[place], cells) for place in order]),
        sides[:, None],
        np.array([_limit(features[place], tallies) for place in order], dtype=np.int64),
        (sides * stands)[:, None],
        counting,
        relative[:counting],
        relative[counting:].astype(np.int64),
        tallies.count(EVERYTHING, None),
        np.argsort(order),
    )


def measure_orders(plan: OrderPlan, rows: KnownRows, tallies: Tallies) -> Floats:
    """Gives (features, examples)."""
    limits = tallies.extremes.take(plan.limit, axis=0)
    limits *= plan.limit_sign
    chosen = plan.member.take(rows.cell, axis=1)
    chosen &= plan.sign * rows.age < _by_row(limits, rows)
    counts, oldest = _gather(chosen, rows)
    whole = tallies.counts[plan.whole]
    divisor = np.where(plan.is_share, np.where(whole > 0, whole, np.nan), 1)
    # From the limit to the oldest row is the one age less the other; to `as_of` it is the age itself.
    found = oldest[plan.counting :]
    time = np.where(plan.from_limit, limits[plan.counting :] - found, found)
    hours = np.where(found < 0, np.nan, time / US_PER_HOUR)
    return np.concatenate((counts[: plan.counting] / divisor, hours)).take(plan.order, axis=0)


def _members(feature: Feature, cells: Cells) -> Bools:
    return cells.members(Selection(frozenset(feature.kinds), _RULES[feature.measure].looks_at))


def _limit(feature: Feature, tallies: TallyBuilder) -> int:
    rule = _RULES[feature.measure]
    selection = Selection(frozenset(feature.before_kinds), rule.limit_direction)
    return tallies.least(selection) if rule.limit_is_least else tallies.greatest(selection)


def _by_row(values: Ints, rows: KnownRows) -> Ints:
    return values if rows.examples_count == 1 else values.take(rows.example, axis=1)


def _gather(chosen: Bools, rows: KnownRows) -> tuple[Ints, Ints]:
    group, place = group_rows(chosen, rows)
    shape = len(chosen), rows.examples_count
    counts = np.bincount(group, minlength=shape[0] * shape[1])
    oldest = filled(len(counts), -1)
    np.maximum.at(oldest, group, rows.age.take(place))
    return counts.reshape(shape), oldest.reshape(shape)
