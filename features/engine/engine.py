"""Computes declared features of any examples: millions in training and batch scoring, one in a request.

The same code serves all of them. The features of an example depend on its own rows alone, to the last bit:
neither on the other examples nor on the division into chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.cells import CellMaps
from features.engine.decays import decay
from features.engine.distincts import count_distinct
from features.engine.known_rows import lay_out_rows
from features.engine.lead_facts import compute_lead_facts
from features.engine.longest_gap import find_longest_gaps
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.one_sided_aggregates import aggregate_one_sided
from features.engine.plan import FeaturePlan, ScopePlan, compile_plan
from features.engine.ratios import compute_ratios
from features.engine.tallies import tally
from features.history.known import count_known
from features.history.lead_history import (
    ROWS_PER_LEAD,
    Attribute,
    Bools,
    Categories,
    Floats,
    Interactions,
    Ints,
    LeadHistory,
)

# Known interactions per chunk: their columns and the features stay in the cache of the processor.
CHUNK_ROWS: Final = 131_072


_NO_NAMES: Final = Categories(np.empty(0, dtype=np.int32), ())
_NO_INTERACTIONS: Final = Interactions(
    starts=np.zeros(1, dtype=np.int64),
    occurred_at=np.empty(0, dtype=np.int64),
    available_at=np.empty(0, dtype=np.int64),
    kind=_NO_NAMES,
    direction=np.empty(0, dtype=np.int8),
    channel=_NO_NAMES,
    campaign=_NO_NAMES,
    value=np.empty(0),
)


class _Source(NamedTuple):
    """The interactions of one scope, and the known rows of each example among them.

    Attributes:
        plan: plan of the scope.
        interactions: by lead or by account.
        maps: what their codes add to a cell number; None where no example has a group (lead or account).
        starts: (examples,) first row of each example's group.
        counts: (examples,) number of known rows.
        lacks: (examples,) whether the example has no group; None: all have one.
    """

    plan: ScopePlan
    interactions: Interactions
    maps: CellMaps | None
    starts: Ints
    counts: Ints
    lacks: Bools | None


def compute_features(
    plan: FeaturePlan, history: LeadHistory, examples: Examples, *, chunk_rows: int = CHUNK_ROWS
) -> FeatureMatrix:
    """Computes the features of a plan from the rows of each example's lead that are known at its `as_of`.

    Args:
        plan: from `compile_plan`.
        history: any history; an attribute or table that it lacks is missing.
        examples: (n,) leads and moments, in any order.
        chunk_rows: known interactions per chunk. It changes only time and memory.

    Returns:
        (features, n) values in the order of the feature set.
    """
    sources = [_source_of(scope, history, examples) for scope in plan.scopes]
    feature_set = plan.feature_set
    if len(examples.lead) == 1:
        values = _compute_part(plan, sources, history, examples, slice(0, 1))
    else:
        values = np.empty((len(plan.order), len(examples.lead)))
        for part in _chunks(sources, len(examples.lead), chunk_rows):
            values[:, part] = _compute_part(plan, sources, history, examples, part)
    return FeatureMatrix(feature_set.names, values, _vocabularies(plan, history), feature_set.row_of)


def compute_here(feature_set: FeatureSet, history: LeadHistory, examples: Examples) -> FeatureMatrix:
    """Computes the features of a feature set in this process; see `compute_features`."""
    return compute_features(compile_plan(feature_set), history, examples)


def _source_of(scope: ScopePlan, history: LeadHistory, examples: Examples) -> _Source:
    interactions, group = history.interactions, examples.lead
    lacks: Bools | None = None
    if scope.scope == "account":
        interactions = history.account_interactions or _NO_INTERACTIONS
        group = history.account.take(examples.lead).astype(np.int64)
        lacks = group < 0
        lacking_count = np.count_nonzero(lacks)
        if history.account_interactions is None or lacking_count == len(group):
            return _Source(scope, interactions, None, group, np.zeros(len(group), np.int64), lacks)
        lacks = lacks if lacking_count else None
    # Group -1 reads the last entry of both: it starts and ends after the last row.
    starts, ends = interactions.starts.take(group), interactions.starts[1:].take(group)
    counts = count_known(interactions.available_at, starts, ends, examples.as_of)
    return _Source(scope, interactions, scope.steps.maps(interactions), starts, counts, lacks)


def _chunks(sources: list[_Source], examples_count: int, chunk_rows: int) -> Iterator[slice]:
    load = np.full(examples_count, ROWS_PER_LEAD, dtype=np.int64)
    for source in sources:
        load += source.counts
    ends = np.cumsum(load)
    start, done = 0, 0
    while start < examples_count:
        end = max(int(ends.searchsorted(done + chunk_rows, side="right")), start + 1)
        yield slice(start, end)
        start, done = end, int(ends[end - 1])


def _compute_part(
    plan: FeaturePlan, sources: list[_Source], history: LeadHistory, examples: Examples, part: slice
) -> Floats:
    chunk = Examples(examples.lead[part], examples.as_of[part])
    stack = np.empty((plan.rows_count, len(chunk.lead)))
    filled = 0
    for source in sources:
        _compute_source(source, chunk.as_of, part, stack[filled : filled + source.plan.rows_count])
        filled += source.plan.rows_count
    compute_lead_facts(plan.lead_facts, history, chunk, stack[filled:])
    return stack.take(plan.order, axis=0)


def _compute_source(source: _Source, as_of: Ints, part: slice, stack: Floats) -> None:
    plan, lacks = source.plan, source.lacks
    if source.maps is None or (lacks is not None and lacks[part].all()):
        stack.fill(np.nan)
        return
    rows = lay_out_rows(
        source.interactions, source.maps, starts=source.starts[part], counts=source.counts[part], as_of=as_of
    )
    extremes = tally(plan.tallies, rows, stack)
    if plan.decays is not None:
        decay(plan.decays, rows, stack)
    if plan.one_sided is not None:
        aggregate_one_sided(plan.one_sided, rows, extremes, stack)
    if plan.distincts is not None:
        count_distinct(plan.distincts, rows, stack)
    if plan.longest_gaps is not None:
        find_longest_gaps(plan.longest_gaps, rows, stack)
    if plan.ratios is not None:
        compute_ratios(plan.ratios, extremes, stack)
    if lacks is not None:
        stack[:, lacks[part]] = np.nan


def _vocabularies(plan: FeaturePlan, history: LeadHistory) -> dict[str, tuple[str, ...]]:
    return {feature.name: _vocabulary(feature, history) for feature in plan.categories}


def _vocabulary(feature: Feature, history: LeadHistory) -> tuple[str, ...]:
    if feature.measure == "attribute":
        attribute: Attribute | None = history.attributes.get(feature.attribute or "")
        return () if attribute is None else attribute.categories
    interactions = history.interactions if feature.scope == "lead" else history.account_interactions
    return () if interactions is None else interactions.channel.values
