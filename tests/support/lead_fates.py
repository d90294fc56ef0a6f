"""Histories of nothing but leads and what became of them, for rules about examples, labels and origins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from features.history.lead_history import (
    CONVERTED,
    LOST,
    OPEN,
    Categories,
    Interactions,
    LeadHistory,
    Outcomes,
)
from features.times import NEVER_US, US_PER_DAY

DAY = US_PER_DAY


def fate(
    created_at: int,
    *,
    converted_at: int | None = None,
    lost_at: int | None = None,
    known_at: int | None = None,
) -> tuple[int, int, int, int]:
    """One lead: when it was created, its outcome, when that happened and when it became known."""
    happened = converted_at if converted_at is not None else lost_at
    if happened is None:
        return created_at, OPEN, NEVER_US, NEVER_US
    outcome = CONVERTED if converted_at is not None else LOST
    return created_at, outcome, happened, happened if known_at is None else known_at


def history_of(
    fates: Sequence[tuple[int, int, int, int]], *, observed_until: int, has_available_at: bool = False
) -> LeadHistory:
    """A history without interactions; lead i has the id "i" with leading zeros."""
    created_at, outcome, occurred_at, available_at = (
        np.array(column, dtype=np.int64).reshape(-1) for column in zip(*fates, strict=True)
    )
    nothing = np.empty(0, dtype=np.int64)
    no_names = Categories(np.empty(0, dtype=np.int32), ())
    return LeadHistory(
        lead_ids=pa.array([f"{row:06d}" for row in range(len(fates))]),
        created_at=created_at,
        account=np.full(len(fates), -1, dtype=np.int32),
        attributes={},
        interactions=Interactions(
            starts=np.zeros(len(fates) + 1, dtype=np.int64),
            occurred_at=nothing,
            available_at=nothing,
            kind=no_names,
            direction=np.empty(0, dtype=np.int8),
            channel=no_names,
            campaign=no_names,
            value=np.empty(0),
        ),
        account_interactions=None,
        outcomes=Outcomes(
            starts=np.concatenate(([0], np.cumsum(outcome != OPEN))),
            outcome=outcome[outcome != OPEN].astype(np.int8),
            occurred_at=occurred_at[outcome != OPEN],
            available_at=available_at[outcome != OPEN],
            corrected_at=np.full((outcome != OPEN).sum(), NEVER_US),
            amount=np.full((outcome != OPEN).sum(), np.nan),
            has_available_at=has_available_at,
        ),
        observed_until=observed_until,
    )


def business(
    leads_count: int, *, days: float, seed: int = 0, conversion_share: float = 0.3, mean_days: float = 12.0
) -> LeadHistory:
    """Leads that arrive evenly over some days; some convert after an exponential time, some are lost."""
    rng = np.random.default_rng(seed)
    observed_until = int(days * DAY)
    fates = []
    for created_at in np.sort((rng.random(leads_count) * observed_until).astype(np.int64)).tolist():
        end = created_at + int(rng.exponential(mean_days) * DAY)
        draw = rng.random()
        if end > observed_until or draw > conversion_share + 0.33:
            fates.append(fate(created_at))
        elif draw < conversion_share:
            fates.append(fate(created_at, converted_at=end))
        else:
            fates.append(fate(created_at, lost_at=end))
    return history_of(fates, observed_until=observed_until)
