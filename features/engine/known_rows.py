"""The known interactions of examples, concatenated into columns."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np

from features.engine.cells import CellMaps
from features.history.lead_history import Floats, Interactions, Ints

Numbers = TypeVar("Numbers", Floats, Ints)

_FIRST: Final = np.zeros(1, dtype=np.int64)
_FIRST.setflags(write=False)


class KnownRows(NamedTuple):
    """Known interactions of examples: example by example, each in the order of the history.

    Attributes:
        examples_count: number of examples, including those without rows.
        example: (rows,) position of the example, rising; (1,) 0 where there is one example.
        age: (rows,) microseconds from `occurred_at` to `as_of`, never negative.
        cell: (rows,) cell of kind, direction, channel and value.
        row: rows of `interactions`.
        interactions: holds the further columns.
        nonempty: examples that have rows.
        first_rows: first row of each nonempty example.
    """

    examples_count: int
    example: Ints
    age: Ints
    cell: Ints
    row: slice | Ints
    interactions: Interactions
    nonempty: Ints
    first_rows: Ints


def lay_out_rows(
    interactions: Interactions, maps: CellMaps, *, starts: Ints, counts: Ints, as_of: Ints
) -> KnownRows:
    """Concatenates the first `counts` rows of each example's group.

    Args:
        interactions: interactions of all groups.
        maps: cells of their codes.
        starts: (examples,) first row of each example's group.
        counts: (examples,) number of known rows.
        as_of: (examples,) microseconds UTC.
    """
    if len(starts) == 1:
        # The rows of one example are contiguous: a slice copies nothing.
        first, count = starts.item(), counts.item()
        row: slice | Ints = slice(first, first + count)
        age = as_of - interactions.occurred_at[row]
        example = nonempty = first_rows = _FIRST
    else:
        example = np.repeat(np.arange(len(starts)), counts)
        before = np.cumsum(counts) - counts
        row = np.arange(len(example)) + (starts - before).take(example)
        age = as_of.take(example) - interactions.occurred_at.take(row)
        nonempty = np.flatnonzero(counts)
        first_rows = before.take(nonempty)
    cell = _cells(interactions, maps, row)
    return KnownRows(len(starts), example, age, cell, row, interactions, nonempty, first_rows)


def greatest(values: Numbers, rows: KnownRows, *, nothing: float) -> Numbers:
    """Finds the greatest value of each example.

    Args:
        values: (features, rows).
        rows: the known rows.
        nothing: result for an example without rows; no value is smaller.

    Returns:
        (features, examples).
    """
    if rows.examples_count == 1:
        found: Numbers = np.maximum.reduce(values, axis=1, keepdims=True, initial=nothing)
        return found
    found = np.full((len(values), rows.examples_count), nothing, dtype=values.dtype)
    if len(rows.nonempty):
        found[:, rows.nonempty] = np.maximum.reduceat(values, rows.first_rows, axis=1)
    return found


def _cells(interactions: Interactions, maps: CellMaps, row: slice | Ints) -> Ints:
    cell = maps.of_kind.take(interactions.kind.codes[row])
    cell += maps.of_direction.take(interactions.direction[row])
    if maps.of_channel is not None:
        cell += maps.of_channel.take(interactions.channel.codes[row])
    if maps.splits_value:
        value = interactions.value[row]
        cell += value == value
    return cell
