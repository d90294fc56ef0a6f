"""Groups interactions by lead and by account, each group ordered by when its rows became known.

Rows that a machine made are left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.findings.problems import IDS_SHOWN, Findings
from features.history.known import known_of_account
from features.history.lead_history import Categories, Interactions, Ints
from features.history.machine_made import WHYS, Marks, find_machine_made, without_machine_made
from features.tables.interaction_rows import InteractionRows
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows, starts_of_groups


def group_by_lead(rows: InteractionRows, leads: Leads, *, rules: int, findings: Findings) -> Interactions:
    """Groups interactions by lead, and reports those that are left out as machine-made.

    Args:
        rows: of the leads.
        leads: the leads.
        rules: number of the rules for machine-made rows.
        findings: collects what is left out.
    """
    grouped, found = _group(rows, rows.lead, rows.available_at, len(leads.ids), rules)
    if found is not None:
        _report(grouped, found, leads, findings)
    return without_machine_made(grouped, found)


def group_by_account(rows: InteractionRows, leads: Leads, *, rules: int) -> Interactions | None:
    """Groups interactions by account, known from `known_of_account` on; None where there are no accounts."""
    if leads.account is None:
        return None
    account = leads.account.codes[rows.lead]
    has_account = account >= 0
    rows = rows.keep(has_account)
    available_at = known_of_account(rows.available_at, leads.created_at[rows.lead])
    count = len(leads.account.values)
    return without_machine_made(*_group(rows, account[has_account], available_at, count, rules))


def _group(
    rows: InteractionRows, group: npt.NDArray[np.integer], available_at: Ints, groups_count: int, rules: int
) -> tuple[Interactions, Marks | None]:
    """Groups all rows, and finds those that a machine made."""
    order = order_rows(group, available_at, rows.ties())
    grouped = Interactions(
        starts=starts_of_groups(group, groups_count),
        occurred_at=rows.occurred_at[order],
        available_at=available_at[order],
        kind=Categories(rows.kind.codes[order], rows.kind.values),
        direction=rows.direction[order],
        channel=Categories(rows.channel.codes[order], rows.channel.values),
        campaign=Categories(rows.campaign.codes[order], rows.campaign.values),
        value=rows.value[order],
    )
    automated = None if rows.automated is None else rows.automated[order]
    return grouped, find_machine_made(grouped, automated, rules)


def _report(rows: Interactions, found: Marks, leads: Leads, findings: Findings) -> None:
    for why, text in WHYS.items():
        own = np.flatnonzero(found == why)
        if len(own):
            groups = np.unique(np.searchsorted(rows.starts, own, side="right") - 1)
            ids = leads.ids.take(groups[:IDS_SHOWN]).to_pylist()
            findings.add("D088", table="interactions", column="", count=len(own), ids=ids, why=text)
