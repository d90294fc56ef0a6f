"""Families of measures that are computed together, and how each is planned.

A computation is a named function with its plan, never a lambda: so a plan can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from features.amounts import measure_values, plan_values
from features.channels import measure_channels, plan_channels
from features.columns import Floats, Ints
from features.decays import decay, plan_decays
from features.distincts import count_distinct, plan_distincts
from features.orders import measure_orders, plan_orders
from features.ratios import RATIOS, Make
from features.rows import KnownRows
from features.selections import Cells
from features.silences import measure_silences, plan_silences
from features.spec import Feature
from features.tallies import Tallies, TallyBuilder

# Computes (features, examples) of one family from the rows, their tallies and their buckets.
Compute = Callable[[KnownRows, Tallies, Ints], Floats]
PlanFamily = Callable[[Sequence[Feature], Cells, TallyBuilder], Compute]


def _plan_ratio(features: Sequence[Feature], _cells: Cells, tallies: TallyBuilder) -> Compute:
    ask, make = RATIOS[features[0].measure]
    asked = zip(*(ask(tallies, feature) for feature in features), strict=True)
    return partial(_from_tallies, make, [np.array(each, dtype=np.int64) for each in asked])


def _plan_decay(features: Sequence[Feature], cells: Cells, _tallies: TallyBuilder) -> Compute:
    return partial(_from_rows, decay, plan_decays(features, cells))


def _plan_value(features: Sequence[Feature], cells: Cells, _tallies: TallyBuilder) -> Compute:
    return partial(_from_rows, measure_values, plan_values(features, cells))


def _plan_distinct(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> Compute:
    return partial(_from_buckets, count_distinct, plan_distincts(features, cells, tallies))


def _plan_order(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> Compute:
    return partial(_from_both, measure_orders, plan_orders(features, cells, tallies))


def _plan_silence(features: Sequence[Feature], cells: Cells, _tallies: TallyBuilder) -> Compute:
    return partial(_from_rows, measure_silences, plan_silences(features, cells))


def _plan_channel(features: Sequence[Feature], cells: Cells, _tallies: TallyBuilder) -> Compute:
    return partial(_from_rows, measure_channels, plan_channels(features, cells))


def _from_tallies(
    make: Make, asked: Sequence[Ints], _rows: KnownRows, tallies: Tallies, _bucket: Ints
) -> Floats:
    return make(tallies, asked)


def _from_rows(
    measure: Callable[[Any, KnownRows], Floats],
    plan: object,
    rows: KnownRows,
    _tallies: Tallies,
    _bucket: Ints,
) -> Floats:
    return measure(plan, rows)


def _from_buckets(
    measure: Callable[[Any, KnownRows, Ints], Floats],
    plan: object,
    rows: KnownRows,
    _tallies: Tallies,
    bucket: Ints,
) -> Floats:
    return measure(plan, rows, bucket)


def _from_both(
    measure: Callable[[Any, KnownRows, Tallies], Floats],
    plan: object,
    rows: KnownRows,
    tallies: Tallies,
    _bucket: Ints,
) -> Floats:
    return measure(plan, rows, tallies)


FAMILIES: Final[tuple[tuple[tuple[str, ...], PlanFamily], ...]] = (
    *(((measure,), _plan_ratio) for measure in RATIOS),
    (("decayed_count",), _plan_decay),
    (("value_sum", "value_mean", "value_max", "value_last"), _plan_value),
    (("distinct_campaigns", "distinct_channels", "active_days"), _plan_distinct),
    (
        ("unanswered_outbound_streak", "hours_to_first_reply", "self_education_share", "waiting_hours"),
        _plan_order,
    ),
    (("longest_silence",), _plan_silence),
    (("first_channel", "last_channel"), _plan_channel),
)
# Measures that read interactions.
MEASURES_OF_FAMILIES: Final = frozenset(measure for measures, _ in FAMILIES for measure in measures)
