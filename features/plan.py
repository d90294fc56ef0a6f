"""What can be worked out of declarations before any history is seen, once for each model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.amounts import measure_values, plan_values
from features.channels import measure_channels, plan_channels
from features.columns import Floats, Ints
from features.decays import decay, plan_decays
from features.distincts import count_distinct, plan_distincts
from features.orders import measure_orders, plan_orders
from features.ratios import RATIOS, momentum_window
from features.rows import KnownRows
from features.selections import Cells, cells_of
from features.silences import measure_silences, plan_silences
from features.spec import Feature, FeatureSet, Scope
from features.tallies import Tallies, TallyBuilder, TallyPlan, edges_of

# Computes (features, examples) of one family from the rows, their tallies and their buckets.
Compute = Callable[[KnownRows, Tallies, Ints], Floats]
PlanFamily = Callable[[Sequence[Feature], Cells, TallyBuilder], Compute]


@dataclass(frozen=True, slots=True)
class ScopePlan:
    """Features of one table of interactions: the lead's, or the account's.

    Attributes:
        scope: whose interactions.
        cells: places of kinds and channels.
        tallies: what one pass counts.
        families: how many features, and how they are computed; one after the other.
        places: (features,) where each stands in the feature set.
    """

    scope: Scope
    cells: Cells
    tallies: TallyPlan
    families: tuple[tuple[int, Compute], ...]
    places: Ints


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """A compiled feature set.

    Attributes:
        feature_set: the declarations.
        scopes: features of interactions, by whose they are.
        facts: features of the lead and of the calendar.
        categories: features whose values are codes.
        order: (features,) row of each feature when scopes, then facts, are set end to end.
    """

    feature_set: FeatureSet
    scopes: tuple[ScopePlan, ...]
    facts: tuple[Feature, ...]
    categories: tuple[Feature, ...]
    order: Ints


def compile_plan(feature_set: FeatureSet) -> FeaturePlan:
    """Compiles declarations; what it gives holds no data and may be shared between threads.

    Args:
        feature_set: any feature set.
    """
    placed = list(enumerate(feature_set.features))
    of_interactions = [pair for pair in placed if pair[1].measure in _FAMILY_OF_MEASURE]
    facts = [pair for pair in placed if pair[1].measure not in _FAMILY_OF_MEASURE]
    whose: tuple[Scope, ...] = ("lead", "account")
    chosen = {scope: [pair for pair in of_interactions if pair[1].scope == scope] for scope in whose}
    scopes = tuple(_plan_scope(scope, pairs) for scope, pairs in chosen.items() if pairs)
    stacked = [scope.places for scope in scopes] + [np.array([place for place, _ in facts], dtype=np.int64)]
    return FeaturePlan(
        feature_set,
        scopes,
        tuple(feature for _, feature in facts),
        tuple(feature for feature in feature_set.features if feature.type == "category"),
        np.argsort(np.concatenate(stacked)),
    )


def _plan_scope(scope: Scope, placed: Sequence[tuple[int, Feature]]) -> ScopePlan:
    features = [feature for _, feature in placed]
    cells = cells_of(features)
    tallies = TallyBuilder(cells, edges_of(_windows(features)))
    families, places = [], []
    for measures, plan_family in _FAMILIES:
        pairs = [pair for pair in placed if pair[1].measure in measures]
        if pairs:
            families.append((len(pairs), plan_family([feature for _, feature in pairs], cells, tallies)))
            places += [place for place, _ in pairs]
    return ScopePlan(scope, cells, tallies.plan(), tuple(families), np.array(places, dtype=np.int64))


def _windows(features: Sequence[Feature]) -> list[float]:
    windows = [feature.window_days for feature in features if feature.window_days is not None]
    longer = [
        momentum_window(feature.window_days or 0.0) for feature in features if feature.measure == "momentum"
    ]
    return windows + longer


def _plan_ratio(features: Sequence[Feature], _cells: Cells, tallies: TallyBuilder) -> Compute:
    ask, make = RATIOS[features[0].measure]
    asked = zip(*(ask(tallies, feature) for feature in features), strict=True)
    rows = [np.array(each, dtype=np.int64) for each in asked]
    return lambda _rows, tallied, _bucket: make(tallied, rows)


def _plan_decay(features: Sequence[Feature], cells: Cells, _builder: TallyBuilder) -> Compute:
    plan = plan_decays(features, cells)
    return lambda rows, _tallies, _bucket: decay(plan, rows)


def _plan_value(features: Sequence[Feature], cells: Cells, _builder: TallyBuilder) -> Compute:
    plan = plan_values(features, cells)
    return lambda rows, _tallies, _bucket: measure_values(plan, rows)


def _plan_distinct(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> Compute:
    plan = plan_distincts(features, cells, tallies)
    return lambda rows, _tallies, bucket: count_distinct(plan, rows, bucket)


def _plan_order(features: Sequence[Feature], cells: Cells, tallies: TallyBuilder) -> Compute:
    plan = plan_orders(features, cells, tallies)
    return lambda rows, tallied, _bucket: measure_orders(plan, rows, tallied)


def _plan_silence(features: Sequence[Feature], cells: Cells, _builder: TallyBuilder) -> Compute:
    plan = plan_silences(features, cells)
    return lambda rows, _tallies, _bucket: measure_silences(plan, rows)


def _plan_channel(features: Sequence[Feature], cells: Cells, _builder: TallyBuilder) -> Compute:
    plan = plan_channels(features, cells)
    return lambda rows, _tallies, _bucket: measure_channels(plan, rows)


_FAMILIES: Final[tuple[tuple[tuple[str, ...], PlanFamily], ...]] = (
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
_FAMILY_OF_MEASURE: Final = frozenset(measure for measures, _ in _FAMILIES for measure in measures)
