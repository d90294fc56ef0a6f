"""The interactions that are known of some examples, laid end to end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.columns import Interactions, Ints
from features.selections import Bools, CellMaps


@dataclass(frozen=True, slots=True)
class KnownRows:
    """Known interactions of examples: those of example 0 first, each example's in the order of the history.

    Attributes:
        examples_count: number of examples, those without interactions included.
        example: (rows,) position of the example, rising.
        age: (rows,) microseconds from the interaction to `as_of`, never negative.
        cell: (rows,) cell of kind, direction and channel.
        row: which rows of `interactions` these are.
        interactions: where further columns are.
        as_of: (examples,) microseconds UTC.
    """

    examples_count: int
    example: Ints
    age: Ints
    cell: Ints
    row: slice | Ints
    interactions: Interactions
    as_of: Ints


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
    example, row = _spread(starts, counts)
    age = as_of.take(example) - interactions.occurred_at[row]
    cell = maps.of_kind.take(interactions.kind.codes[row])
    # int64 before the product: an int8 would overflow with many channels.
    cell += interactions.direction[row] * maps.direction_step
    if maps.of_channel is not None:
        cell += maps.of_channel.take(interactions.channel.codes[row])
    return KnownRows(len(starts), example, age, cell, row, interactions, as_of)


def filled(count: int, value: int) -> Ints:
    """Makes (count,) of one value, in a third of the time of `np.full` where there are few."""
    array = np.empty(count, dtype=np.int64)
    array.fill(value)
    return array


def group_rows(chosen: Bools, rows: KnownRows) -> tuple[Ints, Ints]:
    """Lists what several features chose.

    Args:
        chosen: (features, rows).
        rows: the known rows.

    Returns:
        For each choice its group (feature x examples_count + example) and its row; by feature, then row.
    """
    group, place = np.nonzero(chosen)
    if rows.examples_count > 1:
        group *= rows.examples_count
        group += rows.example.take(place)
    return group, place


def _spread(starts: Ints, counts: Ints) -> tuple[Ints, slice | Ints]:
    if len(starts) == 1:
        # One example owns a run of rows: a slice copies nothing.
        first, count = int(starts[0]), int(counts[0])
        return np.zeros(count, dtype=np.int64), slice(first, first + count)
    example = np.repeat(np.arange(len(starts)), counts)
    ends = np.cumsum(counts)
    return example, np.arange(len(example)) + (starts - ends + counts).take(example)
