"""The same lead under several ids: leads with equal attributes and equal interactions."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import numpy as np

from features.findings.problems import Findings
from features.history.lead_history import Bools, Ints, LeadHistory
from features.times import US_PER_DAY

# Instants that more leads share belong to a mailing or an event: they do not identify a lead.
_LEADS_OF_AN_INSTANT: Final = 10
# Minimum number of instants that twins share: two people of one meeting are not twins.
_INSTANTS: Final = 2
# Minimum share of leads: fewer twins do no harm to a model.
_SHARE: Final = 0.01
_HASH_BYTES: Final = 16


def check_twins(history: LeadHistory, findings: Findings) -> None:
    """Reports leads whose attributes and interactions all equal those of another lead.

    Leads without interactions, or with only dates and mailings, are not compared.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    candidates = _candidates(history)
    if len(candidates) < _SHARE * history.leads_count:
        return
    content = _contents(history, candidates)
    seen: dict[bytes, int] = {}
    is_twin = [seen.setdefault(own, lead) != lead for own, lead in zip(content, candidates, strict=True)]
    twins = candidates[np.array(is_twin, np.bool_)]
    if len(twins) and len(twins) >= _SHARE * history.leads_count:
        ids = history.lead_ids.take(twins).to_pylist()
        findings.add("D041", table="leads", column="lead_id", count=len(twins), ids=ids)


def _candidates(history: LeadHistory) -> Ints:
    """Finds the leads that share at least two instants with a few others."""
    interactions = history.interactions
    lead = np.repeat(np.arange(history.leads_count, dtype=np.int64), np.diff(interactions.starts))
    has_time = interactions.occurred_at % US_PER_DAY != 0
    instant, lead = interactions.occurred_at[has_time], lead[has_time]
    order = np.lexsort((lead, instant))
    instant, lead = instant[order], lead[order]
    is_new = _differs(instant) | _differs(lead)
    instant, lead = instant[is_new], lead[is_new]
    number = np.cumsum(_differs(instant)) - 1
    leads_of = np.bincount(number)[number] if len(number) else number
    shared = lead[(leads_of > 1) & (leads_of <= _LEADS_OF_AN_INSTANT)]
    return np.flatnonzero(np.bincount(shared, minlength=history.leads_count) >= _INSTANTS).astype(np.int64)


def _contents(history: LeadHistory, leads: Ints) -> list[bytes]:
    """Hashes the attributes and interactions of each lead, without ids and creation; copies no column."""
    values = [attribute.values for attribute in history.attributes.values()]
    interactions = history.interactions
    columns = (
        interactions.occurred_at,
        interactions.kind.codes,
        interactions.direction,
        interactions.channel.codes,
        interactions.campaign.codes,
        interactions.value,
    )
    contents = []
    for lead in leads.tolist():
        rows = slice(interactions.starts[lead], interactions.starts[lead + 1])
        content = blake2b(np.array([column[lead] for column in values]).tobytes(), digest_size=_HASH_BYTES)
        for column in columns:
            content.update(column[rows].tobytes())
        contents.append(content.digest())
    return contents


def _differs(column: Ints) -> Bools:
    """Tells whether each row differs from the row before it."""
    return np.concatenate((np.ones(min(len(column), 1), np.bool_), column[1:] != column[:-1]))
