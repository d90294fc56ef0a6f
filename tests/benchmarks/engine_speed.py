"""How long features take: one lead, and a million interactions, beside one addition for comparison."""

from __future__ import annotations

import statistics
import sys
import time
import timeit
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from features.catalog.default_catalog import default_catalogue
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.kinds import DIRECTION_OF_KIND
from features.history.lead_history import Categories, Interactions, LeadHistory
from features.history.outcomes import no_outcomes
from features.times import US_PER_DAY

_KINDS = tuple(sorted(DIRECTION_OF_KIND))[:12]
_CHANNELS = ("chat", "mail", "phone", "social", "web")


def print_engine_speed(*, leads_count: int = 100_000, interactions_each: int = 20) -> None:
    """Prints microseconds for one lead, and processor seconds for a million interactions."""
    many = _simulated_history(leads_count, interactions_each)
    plan = compile_plan(default_catalogue(many))
    single = _simulated_history(1, 60)
    first = Examples(np.zeros(1, dtype=np.int64), np.array([single.observed_until]))
    column = np.arange(60)
    _print_line(f"one addition of 60 numbers     {_microseconds(lambda: column + column):8.2f} us")
    features_count = len(plan.order)
    one_lead = _microseconds(lambda: compute_features(plan, single, first))
    _print_line(f"one lead, {features_count} features, 60 rows {one_lead:8.0f} us")
    examples = Examples(np.arange(leads_count), np.full(leads_count, many.observed_until))
    start = time.process_time()
    compute_features(plan, many, examples)
    seconds = (time.process_time() - start) / (leads_count * interactions_each / 1e6)
    _print_line(f"batch, {features_count} features          {seconds:8.2f} s/million rows")


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")


def _microseconds(work: Callable[[], object]) -> float:
    return 1e6 * statistics.median(timeit.repeat(work, number=1, repeat=2_000))


def _simulated_history(leads_count: int, interactions_each: int) -> LeadHistory:
    """Leads of one year; interactions spread over the months after creation, some of them known late."""
    random = np.random.default_rng(1)
    rows = leads_count * interactions_each
    created_at = random.integers(18_000 * US_PER_DAY, 18_365 * US_PER_DAY, leads_count)
    lead = np.repeat(np.arange(leads_count), interactions_each)
    occurred_at = created_at[lead] + (30 * US_PER_DAY * random.exponential(size=rows)).astype(np.int64)
    delay = np.where(random.random(rows) < 0.05, 3 * US_PER_DAY, 0)
    order = np.lexsort((occurred_at, occurred_at + delay, lead))
    kind = random.integers(0, len(_KINDS), rows).astype(np.int32)
    return LeadHistory(
        lead_ids=pa.array([f"{number:08d}" for number in range(leads_count)]),
        created_at=created_at,
        account=np.full(leads_count, -1, dtype=np.int32),
        attributes={},
        interactions=Interactions(
            starts=np.arange(leads_count + 1) * interactions_each,
            occurred_at=occurred_at[order],
            available_at=(occurred_at + delay)[order],
            kind=Categories(kind, _KINDS),
            direction=np.array([DIRECTION_OF_KIND[name] for name in _KINDS], dtype=np.int8)[kind],
            channel=Categories(random.integers(-1, len(_CHANNELS), rows).astype(np.int32), _CHANNELS),
            campaign=Categories(np.full(rows, -1, dtype=np.int32), ()),
            value=np.full(rows, np.nan),
        ),
        account_interactions=None,
        outcomes=no_outcomes(leads_count),
        observed_until=int((occurred_at + delay).max()),
    )
