"""The longest silence: the only feature for which rows must stand in the order in which they occurred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows, filled
from features.selections import EVERYTHING, Bools, Cells, selection_of
from features.spec import Feature
from features.times import NEVER_US, US_PER_DAY

# For each feature the cells it looks at; None: all.
SilencePlan = tuple[Bools | None, ...]


def plan_silences(features: Sequence[Feature], cells: Cells) -> SilencePlan:
    """Plans longest silences, in the order of the features."""
    selections = [selection_of(feature) for feature in features]
    return tuple(None if chosen == EVERYTHING else cells.members(chosen) for chosen in selections)


def measure_silences(plan: SilencePlan, rows: KnownRows) -> Floats:
    """Gives (features, examples) days; NaN where no row was chosen."""
    measured = np.empty((len(plan), rows.examples_count))
    for place, member in enumerate(plan):
        chosen = slice(None) if member is None else np.flatnonzero(member.take(rows.cell))
        example = rows.example[chosen]
        longest = filled(rows.examples_count, -1)
        np.maximum.at(longest, example, _gaps(example, rows.age[chosen], rows.examples_count))
        measured[place] = np.where(longest < 0, np.nan, longest / US_PER_DAY)
    return measured


def _gaps(example: Ints, age: Ints, examples_count: int) -> Ints:
    """Gives (rows,) time from each row to the next one of its example, or to `as_of`."""
    rising = _sort_within(example, age, examples_count)
    gaps = rising.copy()
    gaps[1:] -= np.where(example[1:] == example[:-1], rising[:-1], 0)
    return gaps


def _sort_within(example: Ints, age: Ints, examples_count: int) -> Ints:
    """Sorts ages within each example; `example` rises, so it stays as it is."""
    if examples_count == 1:
        return np.sort(age)
    step = int(age.max(initial=0)) + 1
    if step > NEVER_US // examples_count:
        # Histories of centuries: example and age do not fit in one number.
        return age[np.lexsort((age, example))]
    offset = example * step
    offset += age
    offset.sort()
    offset -= example * step
    return offset
