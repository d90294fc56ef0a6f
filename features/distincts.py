"""How many different campaigns, channels and days there are among chosen rows.

A name is within a window exactly when its latest row is, so one sort that brings the latest row of every name
to the front serves all windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows
from features.selections import EVERYTHING, Bools, Cells, Selection, selection_of
from features.spec import Feature
from features.tallies import TallyBuilder
from features.times import US_PER_DAY

# Bits of the number of a name: codes are int32, days of an int64 of microseconds have 28 with their sign.
_NAME_BITS: Final = 32
_NAME_MASK: Final = (1 << _NAME_BITS) - 1
# More days than lie between the first day that can be written and 1970: every day is a positive number.
_DAYS_BEFORE_1970: Final = 1 << 27


@dataclass(frozen=True, slots=True)
class DistinctPlan:
    """Counts of different names.

    Attributes:
        passes: what is told apart, and among which cells (None: all).
        pass_of: (features,) its pass.
        bucket_of: (features,) the bucket its window ends.
        first_groups: (passes, 1) 0, 1, 2 and so on.
        bucket_bits: bits that hold a bucket.
        bucket_mask: all of these bits.
    """

    passes: tuple[tuple[str, Bools | None], ...]
    pass_of: Ints
    bucket_of: Ints
    first_groups: Ints
    bucket_bits: int
    bucket_mask: int


def plan_distincts(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> DistinctPlan:
    """Plans counts of different names, in the order of the features."""
    passes: dict[tuple[str, Selection], int] = {}
    pass_of = [
        passes.setdefault((feature.measure, selection_of(feature)), len(passes)) for feature in features
    ]
    bucket_bits = len(tallies.edges).bit_length()
    return DistinctPlan(
        tuple((what, None if chosen == EVERYTHING else cells.members(chosen)) for what, chosen in passes),
        np.array(pass_of, dtype=np.int64),
        np.array([tallies.bucket(feature.window_days) for feature in features], dtype=np.int64),
        np.arange(len(passes))[:, None],
        bucket_bits,
        (1 << bucket_bits) - 1,
    )


def count_distinct(plan: DistinctPlan, rows: KnownRows, bucket: Ints) -> Floats:
    """Gives (features, examples) numbers of different names."""
    names = np.empty((len(plan.passes), len(rows.age)), dtype=np.int64)
    for place, (what, member) in enumerate(plan.passes):
        names[place] = _names(what, rows)
        if member is not None:
            names[place] *= member.take(rows.cell)
    found = _latest_of_each(plan, names, rows, bucket)
    groups = len(plan.passes) * rows.examples_count
    counts = np.bincount(found, minlength=groups << plan.bucket_bits)
    within = counts.reshape(len(plan.passes), rows.examples_count, -1).cumsum(axis=2)
    return within[plan.pass_of, :, plan.bucket_of].astype(np.float64)


def _names(what: str, rows: KnownRows) -> Ints:
    # Positive numbers for names, 0 for a row without one.
    if what == "distinct_campaigns":
        return rows.interactions.campaign.codes[rows.row] + np.int64(1)
    if what == "distinct_channels":
        return rows.interactions.channel.codes[rows.row] + np.int64(1)
    day: Ints = rows.interactions.occurred_at[rows.row] // US_PER_DAY
    return day + _DAYS_BEFORE_1970


def _latest_of_each(plan: DistinctPlan, names: Ints, rows: KnownRows, bucket: Ints) -> Ints:
    """Gives (group, bucket) in one number of the latest row of each name of each group; uses up the names."""
    # Packed in one number: numbers sort several times faster than rows, and shifts beat divisions.
    group = plan.first_groups
    if rows.examples_count > 1:
        group = group * rows.examples_count + rows.example
    names += group << _NAME_BITS
    names <<= plan.bucket_bits
    names += bucket
    keys = names.ravel()
    keys.sort()
    named = keys >> plan.bucket_bits
    is_first = (named & _NAME_MASK) > 0
    is_first[1:] &= named[1:] != named[:-1]
    latest = keys[is_first]
    return (latest >> (_NAME_BITS + plan.bucket_bits) << plan.bucket_bits) + (latest & plan.bucket_mask)
