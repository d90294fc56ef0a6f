"""Whom to call first."""

from __future__ import annotations

import numpy as np

from features.history.lead_history import Floats, Ints


def rank_leads(worth: Floats) -> Ints:
    """Ranks leads by what a call is worth.

    Args:
        worth: (n,) expected value or probability in the order of `lead_id`; NaN for a lead without rank.

    Returns:
        (n,) 1 for the lead to call first, ties by `lead_id`; 0 for a lead that is not ranked.

    >>> rank_leads(np.array([0.5, np.nan, 0.9, 0.5])).tolist()
    [2, 0, 1, 3]
    """
    ranked = np.flatnonzero(~np.isnan(worth))
    order = ranked[np.argsort(-worth[ranked], kind="stable")]
    ranks = np.zeros(len(worth), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks
