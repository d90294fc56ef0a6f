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

# More days than lie between the first day that can be written and 1970: every day is a positive number.
_DAYS_BEFORE_1970: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class DistinctPlan:
    """Counts of different names.

    Attributes:
        passes: what is told apart, and among which cells (None: all).
        pass_of: (features,) its pass.
        bucket_of: (features,) the bucket its window ends.
        buckets: number of buckets.
    """

    passes: tuple[tuple[str, Bools | None], ...]
    pass_of: Ints
    bucket_of: Ints
    buckets: int


def plan_distincts(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> DistinctPlan:
    """Plans counts of different names, in the order of the features."""
    passes: dict[tuple[str, Selection], int] = {}
    pass_of = [
        passes.setdefault((feature.measure, selection_of(feature)), len(passes)) for feature in features
    ]
    return DistinctPlan(
        tuple((what, None if chosen == EVERYTHING else cells.members(chosen)) for what, chosen in passes),
        np.array(pass_of, dtype=np.int64),
        np.array([tallies.bucket(feature.window_days) for feature in features], dtype=np.int64),
        len(tallies.edges) + 1,
    )


def count_distinct(plan: DistinctPlan, rows: KnownRows, bucket: Ints) -> Floats:
    """Gives (features, examples) numbers of different names."""
    names = np.empty((len(plan.passes), len(rows.age)), dtype=np.int64)
    for place, (what, member) in enumerate(plan.passes):
        names[place] = _names(what, rows)
        if member is not None:
            names[place] *= member.take(rows.cell)
    groups = len(plan.passes) * rows.examples_count
    found = _latest_of_each(names, rows, bucket, buckets=plan.buckets)
    counts = np.bincount(found, minlength=groups * plan.buckets)
    within = counts.reshape(len(plan.passes), rows.examples_count, plan.buckets).cumsum(axis=2)
    return within[plan.pass_of, :, plan.bucket_of].astype(np.float64)


def _names(what: str, rows: KnownRows) -> Ints:
    # Positive numbers for names, 0 for a row without one.
    if what == "distinct_campaigns":
        return rows.interactions.campaign.codes[rows.row] + np.int64(1)
    if what == "distinct_channels":
        return rows.interactions.channel.codes[rows.row] + np.int64(1)
    day: Ints = rows.interactions.occurred_at[rows.row] // US_PER_DAY
    return day + _DAYS_BEFORE_1970


def _latest_of_each(names: Ints, rows: KnownRows, bucket: Ints, *, buckets: int) -> Ints:
    """Gives (group x buckets + bucket) of the latest row of each name of each group, one for each name."""
    # Packed in one number: numbers sort several times faster than rows, and shifts beat divisions.
    bucket_bits = int(buckets).bit_length()
    name_bits = int(names.max(initial=0)).bit_length()
    keys = names << bucket_bits
    keys += bucket
    groups = np.arange(len(names))[:, None] * rows.examples_count + rows.example
    keys += groups << (bucket_bits + name_bits)
    packed = np.sort(keys.ravel())
    named = packed >> bucket_bits
    is_first = np.empty(len(packed), dtype=np.bool_)
    is_first[:1] = True
    np.not_equal(named[1:], named[:-1], out=is_first[1:])
    is_first &= (named & ((1 << name_bits) - 1)) > 0
    latest = packed[is_first]
    return (latest >> (bucket_bits + name_bits)) * buckets + (latest & ((1 << bucket_bits) - 1))
