"""Computes declared features of any examples: millions in training and batch scoring, one in a request.

The same code serves all of them. The features of an example depend on its own rows alone, to the last bit:
neither on the other examples nor on the division into chunks. Leads of one account have the same features of
the account at the same moment: these are computed once, so that time grows with the rows and not with their
square.
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
    Codes,
    Floats,
    Interactions,
    Ints,
    LeadHistory,
)
from features.history.subset import attribute_as

# Known interactions per chunk: their columns and the features stay in the cache of the processor.
CHUNK_ROWS: Final = 131_072


_NO_NAMES: Final = Categories(np.empty(0, dtype=np.int32), ())
_NOWHERE: Final = np.empty(0, dtype=np.int64)
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

    Where several examples have the same rows, `distinct` holds their features once.

    Attributes:
        plan: plan of the scope.
        interactions: by lead or by account.
        maps: what their codes add to a cell number; None where no example has a group (lead or account).
        starts: (examples,) first row of each example's group.
        counts: (examples,) number of known rows.
        lacks: (examples,) whether the example has no group, or one beyond the limit; None: none is so.
        distinct: (features, distinct examples) features of this scope; None: computed example by example.
        place: (examples,) each example's column of `distinct`; empty without.
    """

    plan: ScopePlan
    interactions: Interactions
    maps: CellMaps | None
    starts: Ints
    counts: Ints
    lacks: Bools | None
    distinct: Floats | None = None
    place: Ints = _NOWHERE


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
    sources = [_source_of(scope, history, examples, chunk_rows) for scope in plan.scopes]
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


def _source_of(scope: ScopePlan, history: LeadHistory, examples: Examples, chunk_rows: int) -> _Source:
    if scope.scope == "account" and len(examples.lead) > 1 and history.account_interactions is not None:
        first, place = _distinct(history.account.take(examples.lead), examples.as_of)
        if len(first) < len(place):
            return _shared(scope, history, examples, first, place, chunk_rows)
    return _unshared(scope, history, examples)


def _distinct(account: Codes, as_of: Ints) -> tuple[Ints, Ints]:
    """Finds the first example of each account and moment, and each example's position among these."""
    pair = account.astype(np.int64)
    if (as_of != as_of[0]).any():
        moments, moment = np.unique(as_of, return_inverse=True)
        pair = pair * len(moments) + moment
    _, first, place = np.unique(pair, return_index=True, return_inverse=True)
    return first, place


def _shared(
    scope: ScopePlan, history: LeadHistory, examples: Examples, first: Ints, place: Ints, chunk_rows: int
) -> _Source:
    """Computes the features of each account and moment once."""
    distinct = Examples(examples.lead[first], examples.as_of[first])
    source = _unshared(scope, history, distinct)
    values = np.empty((scope.rows_count, len(first)))
    for part in _chunks([source], len(first), chunk_rows):
        block = np.empty((scope.rows_count, part.stop - part.start))
        _compute_source(source, distinct.as_of[part], part, block)
        values[:, part] = block
    none = np.zeros(len(place), np.int64)
    return _Source(scope, source.interactions, source.maps, none, none, None, values, place)


def _unshared(scope: ScopePlan, history: LeadHistory, examples: Examples) -> _Source:
    interactions, group = history.interactions, examples.lead
    lacks: Bools | None = None
    if scope.scope == "account":
        if history.account_interactions is None:
            return _Source(scope, _NO_INTERACTIONS, None, group, np.zeros(len(group), np.int64), None)
        interactions = history.account_interactions
        group = history.account.take(examples.lead).astype(np.int64)
        lacks = group < 0
        lacking_count = np.count_nonzero(lacks)
        if lacking_count == len(group):
            return _Source(scope, interactions, None, group, np.zeros(len(group), np.int64), lacks)
        lacks = lacks if lacking_count else None
    # Group -1 reads the last entry of both: it starts and ends after the last row.
    starts, ends = interactions.starts.take(group), interactions.starts[1:].take(group)
    counts = count_known(interactions.available_at, starts, ends, examples.as_of)
    if scope.account_limit is not None and (is_over := counts > scope.account_limit).any():
        counts = np.where(is_over, 0, counts)
        lacks = is_over if lacks is None else lacks | is_over
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
        rows = stack[filled : filled + source.plan.rows_count]
        if source.distinct is None:
            _compute_source(source, chunk.as_of, part, rows)
        else:
            source.distinct.take(source.place[part], axis=1, out=rows)
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
        if attribute is None:
            return ()
        return attribute_as(attribute, feature.type, history.text_rule).categories
    interactions = history.interactions if feature.scope == "lead" else history.account_interactions
    return () if interactions is None else interactions.channel.values
