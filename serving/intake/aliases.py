"""Stores which ids are aliases of leads: each alias once, the first link counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from features.history.text_rule import TEXT_RULE
from features.sources.service_tables import LEAD_ALIASES
from serving.bodies.intake_items import read_alias
from serving.clock import AHEAD_US
from serving.database.writer import Receipt
from serving.errors import MISSING_TEXT, Fault
from serving.intake.erasures import erased_leads
from serving.intake.items import ERASED_LEAD, KNOWN_AHEAD, Verdict
from serving.intake.linked_ids import drop_joined, read_linked

_NO_ID: Final = Fault("/alias_id", "missing_text", MISSING_TEXT)
_OF_ITSELF: Final = Fault("/alias_id", "own_alias", "An id is no alias of itself.")
_CIRCLE: Final = Fault("/lead_id", "alias_circle", "The lead is an alias of this alias already.")
_OTHER_LEAD: Final = Fault(
    "/alias_id", "alias_taken", "It was linked to another lead before; the first link counts."
)


def add_aliases(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    items: Sequence[object],
    backfill: bool = False,
) -> list[Verdict]:
    """Stores aliases; each is known from its receipt on.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        items: as they were sent.
        backfill: whether one that has an `available_at` is known from it on instead.

    Returns:
        A verdict per item, in their order.
    """
    verdicts = []
    for item in items:
        read = read_alias(item)
        if isinstance(read, list):
            verdicts.append(Verdict("refused", faults=tuple(read)))
            continue
        known_at = read.get("available_at") if backfill else None
        if known_at is not None and known_at > receipt.at + AHEAD_US:
            verdicts.append(Verdict("refused", faults=(KNOWN_AHEAD,)))
            continue
        ids = {name: read[name] for name in ("alias_id", "lead_id")}
        verdicts.append(link_alias(connection, receipt, salt=salt, **ids, available_at=known_at))
    return verdicts


def link_alias(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    alias_id: str,
    lead_id: str,
    available_at: int | None = None,
) -> Verdict:
    """Links an alias to a lead; a lead that ends by it leaves the list.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        alias_id: the alias.
        lead_id: the lead, or an alias in turn; neither needs to be stored yet.
        available_at: since when it is known, microseconds UTC; None: since the receipt.
    """
    if not TEXT_RULE.spellings.isdisjoint((alias_id, lead_id)):
        return Verdict("refused", faults=(_NO_ID,))
    if alias_id == lead_id:
        return Verdict("refused", faults=(_OF_ITSELF,))
    if erased_leads(connection, salt, [alias_id, lead_id]):
        return Verdict("refused", faults=(ERASED_LEAD,))
    linked = read_linked(connection, [alias_id, lead_id])
    if linked is not None and (target := linked.target_of.get(alias_id)) is not None:
        if target == lead_id:
            return Verdict("duplicate", lead_id=linked.lead_of(alias_id))
        return Verdict("refused", faults=(_OTHER_LEAD,))
    if linked is not None and lead_id in linked.row_of and linked.last_of(lead_id) == alias_id:
        return Verdict("refused", faults=(_CIRCLE,))
    available_at = receipt.at if available_at is None else available_at
    row = {"alias_id": alias_id, "lead_id": lead_id, "available_at": available_at}
    connection.execute(sa.insert(LEAD_ALIASES), row | {"sequence": receipt.sequence})
    drop_joined(connection, alias_id)
    return Verdict("stored", lead_id=_lead_of(connection, alias_id))


def _lead_of(connection: sa.Connection, id_: str) -> str | None:
    linked = read_linked(connection, [id_])
    return None if linked is None else linked.lead_of(id_)
