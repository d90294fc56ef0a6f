"""Features about what came before what: streaks, replies, waiting, self-education.

Nothing is put in order for them: "after the last inbound row" is "of smaller age than the youngest inbound
row", and the youngest is already in the tallies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from features.columns import INBOUND, OUTBOUND, Floats, Ints
from features.rows import KnownRows
from features.selections import EVERYTHING, Bools, Cells, Selection
from features.spec import Feature
from features.tallies import Tallies, TallyBuilder
from features.times import US_PER_HOUR


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """Features that look at the rows on one side of a row that the tallies know.

    Attributes:
        measures: (features,) names.
        member: (features, cells) which rows are looked at.
        sign: (features, 1) 1 to look at rows after the limit, -1 at rows before it.
        limit_is_least: (features, 1) whether the limit is a least age, or a greatest.
        limit: (features,) row of the limit among the least, or the greatest, ages.
        whole: row of the tallies' counts with all rows.
    """

    measures: tuple[str, ...]
    member: Bools
    sign: Ints
    limit_is_least: Bools
    limit: Ints
    whole: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of one feature on its side of the limit, each (examples,).

    Attributes:
        count: number of rows.
        oldest: their greatest age, -1 where there is none.
        limit: age of the limit.
        whole: number of all rows.
    """

    count: Ints
    oldest: Ints
    limit: Ints
    whole: Ints


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which rows one measure looks at, on which side of which limit, and what it makes of them."""

    looks_at: int | None
    side: Literal["after", "before"]
    limit_age: Literal["least", "greatest"]
    limit_direction: int | None
    make: Callable[[_Found], Floats]


def plan_orders(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> OrderPlan:
    """Plans them in the order of the features."""
    rules = [_RULES[feature.measure] for feature in features]
    looked_at = [
        cells.members(Selection(frozenset(feature.kinds), rule.looks_at))
        for feature, rule in zip(features, rules, strict=True)
    ]
    return OrderPlan(
        tuple(feature.measure for feature in features),
        np.array(looked_at).reshape(len(features), cells.count),
        np.array([[1 if rule.side == "after" else -1] for rule in rules], dtype=np.int64),
        np.array([[rule.limit_age == "least"] for rule in rules]),
        np.array([_limit(feature, tallies) for feature in features], dtype=np.int64),
        tallies.count(EVERYTHING, None),
    )


def measure_orders(plan: OrderPlan, rows: KnownRows, tallies: Tallies) -> Floats:
    """Gives (features, examples)."""
    least = tallies.least.take(plan.limit, axis=0, mode="clip")
    limits = np.where(plan.limit_is_least, least, tallies.greatest.take(plan.limit, axis=0, mode="clip"))
    chosen = plan.member.take(rows.cell, axis=1)
    chosen &= plan.sign * rows.age < (plan.sign * limits).take(rows.example, axis=1)
    counts, oldest = _gather(chosen, rows)
    whole = tallies.counts[plan.whole]
    measured = np.empty(limits.shape)
    for place, measure in enumerate(plan.measures):
        measured[place] = _RULES[measure].make(_Found(counts[place], oldest[place], limits[place], whole))
    return measured


def _limit(feature: Feature, tallies: TallyBuilder) -> int:
    rule = _RULES[feature.measure]
    selection = Selection(frozenset(feature.before_kinds), rule.limit_direction)
    return tallies.least(selection) if rule.limit_age == "least" else tallies.greatest(selection)


def _gather(chosen: Bools, rows: KnownRows) -> tuple[Ints, Ints]:
    feature, place = np.nonzero(chosen)
    group = feature * rows.examples_count + rows.example.take(place)
    shape = len(chosen), rows.examples_count
    counts = np.bincount(group, minlength=shape[0] * shape[1])
    oldest = np.full(len(counts), -1, dtype=np.int64)
    np.maximum.at(oldest, group, rows.age.take(place))
    return counts.reshape(shape), oldest.reshape(shape)


def _streak(found: _Found) -> Floats:
    return found.count.astype(np.float64)


def _reply(found: _Found) -> Floats:
    return np.where(found.oldest < 0, np.nan, (found.limit - found.oldest) / US_PER_HOUR)


def _education(found: _Found) -> Floats:
    share = np.full(found.count.shape, np.nan)
    np.divide(found.count, found.whole, out=share, where=found.whole > 0)
    return share


def _waiting(found: _Found) -> Floats:
    return np.where(found.oldest < 0, np.nan, found.oldest / US_PER_HOUR)


_RULES: Final[Mapping[str, _Rule]] = MappingProxyType(
    {
        "unanswered_outbound_streak": _Rule(OUTBOUND, "after", "least", INBOUND, _streak),
        "hours_to_first_reply": _Rule(OUTBOUND, "after", "greatest", INBOUND, _reply),
        "self_education_share": _Rule(None, "before", "greatest", None, _education),
        "waiting_hours": _Rule(INBOUND, "after", "least", OUTBOUND, _waiting),
    }
)
