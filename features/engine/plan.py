"""What can be worked out of declarations before any history is seen, once for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog.spec import Feature, FeatureSet, Scope
from features.engine.cells import CellSteps, cells_of
from features.engine.decays import DecayBuilder, DecayPlan
from features.engine.distincts import DistinctBuilder, DistinctPlan
from features.engine.lead_facts import FactPlan, plan_facts
from features.engine.longest_gap import SilenceBuilder, SilencePlan
from features.engine.one_sided_aggregates import BoundedBuilder, BoundedPlan
from features.engine.ratios import QuotientBuilder, QuotientPlan
from features.engine.recipes import ASKS, Builders, windows_of
from features.engine.stack_layout import Layout
from features.engine.tallies import TallyBuilder, TallyPlan, edges_of
from features.history.lead_history import Ints

_DISTINCTS = ("distinct_campaigns", "distinct_channels", "active_days")


@dataclass(frozen=True, slots=True)
class ScopePlan:
    """Features of one table of interactions: the lead's, or the account's; None where nothing was asked for.

    Attributes:
        scope: whose interactions.
        steps: what kinds, directions, channels and values add to a row's cell.
        rows_count: numbers an example that one pass gives.
        rows: (features,) which of them are the features.
        tallies: counts and extreme ages.
        decays: decayed counts.
        bounded: sums and greatest numbers of rows on one side of a limit.
        distincts: counts of different names.
        silences: longest silences.
        quotients: what is divided by what, of all of the above.
    """

    scope: Scope
    steps: CellSteps
    rows_count: int
    rows: Ints
    tallies: TallyPlan
    decays: DecayPlan | None
    bounded: BoundedPlan | None
    distincts: DistinctPlan | None
    silences: SilencePlan | None
    quotients: QuotientPlan | None


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """A compiled feature set.

    Attributes:
        feature_set: the declarations.
        scopes: features of interactions, by whose they are.
        facts: features of the lead and of the calendar.
        categories: features whose values are codes.
        order: (features,) row of each feature when the numbers of all scopes, then the facts, are set end to
            end.
        rows_count: number of these rows.
    """

    feature_set: FeatureSet
    scopes: tuple[ScopePlan, ...]
    facts: FactPlan
    categories: tuple[Feature, ...]
    order: Ints
    rows_count: int


def compile_plan(feature_set: FeatureSet) -> FeaturePlan:
    """Compiles declarations; what it gives holds no data and may be shared between threads.

    Args:
        feature_set: any feature set.
    """
    placed = list(enumerate(feature_set.features))
    order = np.empty(len(placed), dtype=np.int64)
    whose: tuple[Scope, ...] = ("lead", "account")
    scopes, filled = [], 0
    for scope in whose:
        pairs = [pair for pair in placed if pair[1].measure in ASKS and pair[1].scope == scope]
        if pairs:
            scopes.append(_plan_scope(scope, [feature for _, feature in pairs]))
            order[[place for place, _ in pairs]] = scopes[-1].rows + filled
            filled += scopes[-1].rows_count
    of_leads = [pair for pair in placed if pair[1].measure not in ASKS]
    facts = plan_facts([feature for _, feature in of_leads])
    order[np.array([place for place, _ in of_leads], dtype=np.int64)[facts.order]] = filled + np.arange(
        len(of_leads)
    )
    return FeaturePlan(
        feature_set,
        tuple(scopes),
        facts,
        tuple(feature for feature in feature_set.features if feature.type == "category"),
        order,
        filled + len(of_leads),
    )


def _plan_scope(scope: Scope, features: Sequence[Feature]) -> ScopePlan:
    cells = cells_of(features)
    build = Builders(
        TallyBuilder(cells, edges_of(days for feature in features for days in windows_of(feature))),
        DecayBuilder(cells),
        BoundedBuilder(cells),
        DistinctBuilder(
            cells, edges_of(feature.window_days for feature in features if feature.measure in _DISTINCTS)
        ),
        SilenceBuilder(cells),
        QuotientBuilder(),
    )
    places = [ASKS[feature.measure](build, feature) for feature in features]
    every = build.tallies, build.decays, build.bounded, build.distincts, build.silences, build.quotients
    layout = Layout(block for builder in every for block in builder.blocks())
    return ScopePlan(
        scope,
        cells.steps(),
        layout.rows_count,
        np.array([layout.row(place) for place in places], dtype=np.int64),
        build.tallies.plan(layout),
        build.decays.plan(layout),
        build.bounded.plan(layout),
        build.distincts.plan(layout),
        build.silences.plan(layout),
        build.quotients.plan(layout),
    )
