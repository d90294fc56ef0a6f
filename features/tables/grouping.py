"""Groups interactions by lead and by account, each group ordered by when its rows became known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.history.known import known_of_account
from features.history.lead_history import Categories, Interactions, Ints
from features.tables.interaction_rows import InteractionRows
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows, starts_of_groups


def group_by_lead(rows: InteractionRows, leads: Leads) -> Interactions:
    """Groups interactions by lead."""
    return _group(rows, rows.lead, rows.available_at, len(leads.ids))


def group_by_account(rows: InteractionRows, leads: Leads) -> Interactions | None:
    """Groups interactions by account, known from `known_of_account` on; None where there are no accounts."""
    if leads.account is None:
        return None
    account = leads.account.codes[rows.lead]
    has_account = account >= 0
    rows = rows.keep(has_account)
    available_at = known_of_account(rows.available_at, leads.created_at[rows.lead])
    return _group(rows, account[has_account], available_at, len(leads.account.values))


def _group(
    rows: InteractionRows, group: npt.NDArray[np.integer], available_at: Ints, groups_count: int
) -> Interactions:
    order = order_rows(group, available_at, rows.ties())
    return Interactions(
        starts=starts_of_groups(group, groups_count),
        occurred_at=rows.occurred_at[order],
        available_at=available_at[order],
        kind=Categories(rows.kind.codes[order], rows.kind.values),
        direction=rows.direction[order],
        channel=Categories(rows.channel.codes[order], rows.channel.values),
        campaign=Categories(rows.campaign.codes[order], rows.campaign.values),
        value=rows.value[order],
    )
