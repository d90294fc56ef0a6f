"""Compiles declarations into a plan, before any history is read: once per model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog.spec import Feature, FeatureSet, Scope
from features.engine.cells import CellSteps, cells_of
from features.engine.decays import DecayBuilder, DecayPlan
from features.engine.distincts import DistinctBuilder, DistinctPlan
from features.engine.lead_facts import LeadFactPlan, plan_lead_facts
from features.engine.longest_gap import LongestGapBuilder, LongestGapPlan
from features.engine.one_sided_aggregates import OneSidedBuilder, OneSidedPlan
from features.engine.ratios import RatioBuilder, RatioPlan
from features.engine.recipes import RECIPES, Builders, windows_of
from features.engine.stack_layout import StackLayout
from features.engine.tallies import TallyBuilder, TallyPlan, edges_of
from features.history.lead_history import Ints

_DISTINCTS = ("distinct_campaigns", "distinct_channels", "active_days")


@dataclass(frozen=True, slots=True)
class ScopePlan:
    """Features of the interactions of one scope: of the lead, or of its account.

    Attributes:
        scope: lead or account.
        account_limit: known interactions above which an account has no features; None: no limit.
        steps: what kinds, directions, channels and values add to the cell of a row.
        rows_count: rows of the stack: aggregates per example.
        rows: (features,) row of the stack of each feature.
        tallies: counts and extreme ages.
        decays: decayed counts; None here and below where no feature needs them.
        one_sided: sums and greatest values of rows on one side of a limit.
        distincts: counts of distinct names.
        longest_gaps: longest gaps between rows.
        ratios: ratios of all of these.
    """

    scope: Scope
    account_limit: int | None
    steps: CellSteps
    rows_count: int
    rows: Ints
    tallies: TallyPlan
    decays: DecayPlan | None
    one_sided: OneSidedPlan | None
    distincts: DistinctPlan | None
    longest_gaps: LongestGapPlan | None
    ratios: RatioPlan | None


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """A compiled feature set.

    Attributes:
        feature_set: the declarations.
        scopes: features of interactions, by scope.
        lead_facts: features of the lead and of the calendar.
        categories: features whose values are codes.
        order: (features,) row of each feature in the stack: the aggregates of all scopes, then the lead
            facts.
        rows_count: number of rows of the stack.
    """

    feature_set: FeatureSet
    scopes: tuple[ScopePlan, ...]
    lead_facts: LeadFactPlan
    categories: tuple[Feature, ...]
    order: Ints
    rows_count: int


def compile_plan(feature_set: FeatureSet) -> FeaturePlan:
    """Compiles declarations; the plan holds no data and may be shared between threads.

    Args:
        feature_set: any feature set.
    """
    features = list(enumerate(feature_set.features))
    order = np.empty(len(features), dtype=np.int64)
    scopes, filled = [], 0
    for source in _sources_of(feature_set):
        pairs = [
            pair
            for pair in features
            if pair[1].measure in RECIPES and (pair[1].scope, pair[1].account_limit) == source
        ]
        scopes.append(_plan_scope(*source, [feature for _, feature in pairs]))
        order[[position for position, _ in pairs]] = scopes[-1].rows + filled
        filled += scopes[-1].rows_count
    of_leads = [pair for pair in features if pair[1].measure not in RECIPES]
    lead_facts = plan_lead_facts([feature for _, feature in of_leads])
    positions = np.array([position for position, _ in of_leads], dtype=np.int64)
    order[positions[lead_facts.order]] = filled + np.arange(len(of_leads))
    return FeaturePlan(
        feature_set,
        tuple(scopes),
        lead_facts,
        tuple(feature for feature in feature_set.features if feature.type == "category"),
        order,
        filled + len(of_leads),
    )


def _sources_of(feature_set: FeatureSet) -> list[tuple[Scope, int | None]]:
    """Lists what features of interactions are computed over: the lead first, then accounts by their limit."""
    sources = {
        (feature.scope, feature.account_limit)
        for feature in feature_set.features
        if feature.measure in RECIPES
    }
    return sorted(sources, key=lambda source: (source[0] == "account", source[1] or 0))


def _plan_scope(scope: Scope, account_limit: int | None, features: Sequence[Feature]) -> ScopePlan:
    cells = cells_of(features)
    distinct_windows = (feature.window_days for feature in features if feature.measure in _DISTINCTS)
    build = Builders(
        TallyBuilder(cells, edges_of(days for feature in features for days in windows_of(feature))),
        DecayBuilder(cells),
        OneSidedBuilder(cells),
        DistinctBuilder(cells, edges_of(distinct_windows)),
        LongestGapBuilder(cells),
        RatioBuilder(),
    )
    rows = [RECIPES[feature.measure](build, feature) for feature in features]
    every = build.tallies, build.decays, build.one_sided, build.distincts, build.longest_gaps, build.ratios
    layout = StackLayout(block for builder in every for block in builder.blocks())
    return ScopePlan(
        scope,
        account_limit,
        cells.steps(),
        layout.rows_count,
        np.array([layout.index(row) for row in rows], dtype=np.int64),
        build.tallies.plan(layout),
        build.decays.plan(layout),
        build.one_sided.plan(layout),
        build.distincts.plan(layout),
        build.longest_gaps.plan(layout),
        build.ratios.plan(layout),
    )
