"""Decayed counts: sums of weights over chosen rows, added in the order of the history.

Every sum runs over its own rows alone, so that its last bit depends neither on the other features of the plan
nor on the other examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows
from features.selections import Cells, Layers, selection_of
from features.spec import Feature
from features.tallies import days_to_us


@dataclass(frozen=True, slots=True)
class DecayPlan:
    """Decayed counts.

    Attributes:
        half_lives: (half-lives, 1) microseconds, negative.
        table: (layers, cells) slot.
        half_life_of: (layers,) which half-life.
        slots_count: number of slots, those for unwanted rows included.
        slots: (features,) slot of each.
    """

    half_lives: Floats
    table: Ints
    half_life_of: Ints
    slots_count: int
    slots: Ints


def plan_decays(features: Sequence[Feature], cells: Cells) -> DecayPlan:
    """Plans them in the order of the features."""
    half_lives = list(dict.fromkeys(feature.half_life_days or 0.0 for feature in features))
    layers = [Layers(cells) for _ in half_lives]
    places = [half_lives.index(feature.half_life_days or 0.0) for feature in features]
    chosen = [selection_of(feature) for feature in features]
    slots = [layers[place].slot(selection) for place, selection in zip(places, chosen, strict=True)]
    tables = [layer.table() for layer in layers]
    starts = np.cumsum([0] + [len(layer.slots) + 1 for layer in layers])
    return DecayPlan(
        np.array([[-float(days_to_us(days))] for days in half_lives]),
        np.concatenate([table + start for table, start in zip(tables, starts[:-1], strict=True)]),
        np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
        int(starts[-1]),
        np.array(slots, dtype=np.int64) + starts[places],
    )


def decay(plan: DecayPlan, rows: KnownRows) -> Floats:
    """Gives (features, examples) sums of 2^(-age / half-life)."""
    place = plan.table.take(rows.cell, axis=1)
    if rows.examples_count > 1:
        place *= rows.examples_count
        place += rows.example
    weight = np.exp2(rows.age / plan.half_lives).take(plan.half_life_of, axis=0)
    minlength = plan.slots_count * rows.examples_count
    sums = np.bincount(place.ravel(), weights=weight.ravel(), minlength=minlength)
    # Of nothing it counts zeros that are int, weights or not.
    return (
        sums.astype(np.float64, copy=False)
        .reshape(plan.slots_count, rows.examples_count)
        .take(plan.slots, axis=0)
    )
