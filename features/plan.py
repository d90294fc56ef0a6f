"""What can be worked out of declarations before any history is seen, once for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Ints
from features.families import FAMILIES, MEASURES_OF_FAMILIES, Compute
from features.ratios import momentum_window
from features.selections import Cells, cells_of
from features.spec import Feature, FeatureSet, Scope
from features.tallies import TallyBuilder, TallyPlan, edges_of


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
    of_interactions = [pair for pair in placed if pair[1].measure in MEASURES_OF_FAMILIES]
    facts = [pair for pair in placed if pair[1].measure not in MEASURES_OF_FAMILIES]
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
    for measures, plan_family in FAMILIES:
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
