"""Accounts that are none: a word like unknown, or the domain of a mail provider, shared by many leads."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import LeadHistory

# Fewer leads may be one large company.
LEADS_OF_A_COMPANY: Final = 200
# So many are implausible in a history of any size, else the share as well.
_LEADS_OF_NONE: Final = 1_000
_SHARE: Final = 0.01


def check_accounts(history: LeadHistory, findings: Findings) -> None:
    """Reports the accounts with implausibly many leads, each by some of its leads.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    has_account = history.account >= 0
    counts = np.bincount(history.account[has_account], minlength=1)
    is_large = counts >= np.clip(_SHARE * history.leads_count, LEADS_OF_A_COMPANY, _LEADS_OF_NONE)
    for account in np.flatnonzero(is_large).tolist():
        leads = np.flatnonzero(history.account == account)
        ids = history.lead_ids.take(pa.array(leads)).to_pylist()
        share = percent(len(leads) / history.leads_count)
        findings.add("D085", table="leads", column="account_id", count=len(leads), ids=ids, share=share)
