"""Groups interactions by lead and by account, each group in the order in which it became known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Categories, Interactions, Ints
from features.tables.interaction_rows import InteractionRows
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows, starts_of_groups


def group_by_lead(happenings: InteractionRows, leads: Leads) -> Interactions:
    """Groups interactions by lead."""
    return _group(happenings, happenings.lead, happenings.available_at, len(leads.ids))


def group_by_account(happenings: InteractionRows, leads: Leads) -> Interactions | None:
    """Groups interactions by account; None where there are no accounts.

    That a lead belongs to an account is known when the lead is created: until then what it did is not known
    of the account, however early it became known of the lead.
    """
    if leads.account is None:
        return None
    account = leads.account.codes[happenings.lead]
    has_account = account >= 0
    theirs = happenings.keep(has_account)
    known = np.maximum(theirs.available_at, leads.created_at[theirs.lead])
    return _group(theirs, account[has_account], known, len(leads.account.values))


def _group(
    happenings: InteractionRows, group: npt.NDArray[np.integer], known: Ints, groups_count: int
) -> Interactions:
    order = order_rows(group, known, happenings.ties())
    return Interactions(
        starts=starts_of_groups(group, groups_count),
        occurred_at=happenings.occurred_at[order],
        available_at=known[order],
        kind=Categories(happenings.kind.codes[order], happenings.kind.values),
        direction=happenings.direction[order],
        channel=Categories(happenings.channel.codes[order], happenings.channel.values),
        campaign=Categories(happenings.campaign.codes[order], happenings.campaign.values),
        value=happenings.value[order],
    )
