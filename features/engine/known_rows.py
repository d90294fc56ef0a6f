"""The interactions that are known of some examples, laid end to end."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np

from features.engine.cells import CellMaps
from features.history.lead_history import Floats, Interactions, Ints

Numbers = TypeVar("Numbers", Floats, Ints)

_FIRST: Final = np.zeros(1, dtype=np.int64)
_FIRST.setflags(write=False)


class KnownRows(NamedTuple):
    """Known interactions of examples: those of example 0 first, each example's in the order of the history.

    Attributes:
        examples_count: number of examples, those without interactions included.
        example: (rows,) position of the example, rising; of a single example one 0 for all rows.
        age: (rows,) microseconds from the interaction to `as_of`, never negative.
        cell: (rows,) cell of kind, direction, channel and value.
        row: which rows of `interactions` these are.
        interactions: where further columns are.
        busy: examples that have rows.
        begins: first row of each of them.
    """

    examples_count: int
    example: Ints
    age: Ints
    cell: Ints
    row: slice | Ints
    interactions: Interactions
    busy: Ints
    begins: Ints


def lay_rows(
    interactions: Interactions, maps: CellMaps, *, starts: Ints, counts: Ints, as_of: Ints
) -> KnownRows:
    """Lays the first `counts` rows from `starts` on end to end.

    Args:
        interactions: of all groups.
        maps: how their codes make cells.
        starts: (examples,) first row of each example's group.
        counts: (examples,) how many of them are known.
        as_of: (examples,) microseconds UTC.
    """
    if len(starts) == 1:
        # One example owns a run of rows: a slice copies nothing.
        first, count = starts.item(), counts.item()
        row: slice | Ints = slice(first, first + count)
        age = as_of - interactions.occurred_at[row]
        example = busy = begins = _FIRST
    else:
        example = np.repeat(np.arange(len(starts)), counts)
        before = np.cumsum(counts) - counts
        row = np.arange(len(example)) + (starts - before).take(example)
        age = as_of.take(example) - interactions.occurred_at.take(row)
        busy = np.flatnonzero(counts)
        begins = before.take(busy)
    cell = _cells(interactions, maps, row)
    return KnownRows(len(starts), example, age, cell, row, interactions, busy, begins)


def greatest(values: Numbers, rows: KnownRows, *, nothing: float) -> Numbers:
    """Finds the greatest value of each example.

    Args:
        values: (features, rows).
        rows: the known rows.
        nothing: what an example without rows has; no value is smaller.

    Returns:
        (features, examples).
    """
    if rows.examples_count == 1:
        found: Numbers = np.maximum.reduce(values, axis=1, keepdims=True, initial=nothing)
        return found
    found = np.full((len(values), rows.examples_count), nothing, dtype=values.dtype)
    if len(rows.busy):
        found[:, rows.busy] = np.maximum.reduceat(values, rows.begins, axis=1)
    return found


def _cells(interactions: Interactions, maps: CellMaps, row: slice | Ints) -> Ints:
    cell = maps.of_kind.take(interactions.kind.codes[row])
    cell += maps.of_direction.take(interactions.direction[row])
    if maps.of_channel is not None:
        cell += maps.of_channel.take(interactions.channel.codes[row])
    if maps.tells_value:
        value = interactions.value[row]
        cell += value == value
    return cell
