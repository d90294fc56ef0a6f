"""What shares a fate: the number that an interval draws as a whole."""

from __future__ import annotations

import numpy as np

from features.history.groups import joined_labels
from features.history.known import survivor_known
from features.history.lead_history import Ints, LeadHistory
from features.times import NEVER_US


def clusters_of(history: LeadHistory) -> Ints:
    """Numbers the account of each lead; a lead without an account has a number of its own after them.

    Leads that are linked have one number, and so have their accounts. Examples of one cluster share their
    fate, so intervals are drawn over clusters.

    Returns:
        (leads,) numbers.
    """
    account = history.account.astype(np.int64)
    leads = np.arange(len(account))
    own = np.where(account >= 0, account, account.max(initial=-1) + 1 + leads)
    if history.links is not None:
        own = joined_labels(own, own, own[survivor_known(history, leads, NEVER_US)])
    return own
