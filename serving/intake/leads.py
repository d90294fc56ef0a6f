"""Writes leads, their attributes and their accounts, and erases leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from features.history.text_rule import TEXT_RULE
from features.sources.service_tables import INTERACTIONS, LEADS
from serving.bodies.intake_items import LeadChanges, has_control_characters
from serving.clock import AHEAD_US
from serving.database.schema import ACCOUNT_CHANGES, ALERT_FEED, ERASED, OF_A_LEAD
from serving.database.score_tables import AUDIT
from serving.database.writer import Receipt
from serving.errors import (
    CONTROL_TEXT,
    MISSING_TEXT,
    Fault,
    InvalidBodyError,
    LeadErasedError,
    LeadUnknownError,
)
from serving.intake.creations import correct_creation
from serving.intake.erasures import erased_leads, is_erased
from serving.intake.hook_bodies import erase_from_bodies
from serving.intake.ingest import insert_new
from serving.intake.items import erased_hash, hash_of_score
from serving.intake.lead_rows import (
    LeadRow,
    find_lead,
    insert_lead,
    merge_values,
    move_lead,
    newer_values,
    record_account,
    write_time,
)
from serving.intake.linked_ids import drop_joined, lead_to_write, read_linked, shown_creation
from serving.intake.stored_answers import erase_answers

# One interaction is not to score more leads again than this: an account of more is hardly one company.
MOST_OTHERS: Final = 1_000
_ACCOUNT: Final = "account_id"
_CREATED: Final = "created_at"
_NO_LEAD: Final = Fault("/lead_id", "missing_text", MISSING_TEXT)
_CONTROL: Final = Fault("/lead_id", "control_character", CONTROL_TEXT)
_AHEAD: Final = Fault("/created_at", "not_ahead", "It lies more than 5 minutes after it was received.")


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure removed.

    Attributes:
        lead_id: the lead; that of an alias is its survivor.
        counts: removed rows by table.
    """

    lead_id: str

    counts: Mapping[str, int]


def put_lead(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    lead_id: str,
    body: LeadChanges,
    occurred_at: int | None = None,
    must_exist: bool = False,
) -> list[str]:
    """Creates a lead, or merges new attributes into it; see `merge_lead`.

    Returns:
        Names of the attributes that changed, sorted; `created_at` among them, if it was corrected.
    """
    merged = merge_lead(
        connection,
        receipt,
        salt=salt,
        lead_id=lead_id,
        body=body,
        occurred_at=occurred_at,
        must_exist=must_exist,
    )
    return merged.changed


@dataclass(frozen=True, slots=True)
class MergedLead:
    """What merging a lead changed.

    Attributes:
        is_new: whether it was not stored before.
        has_moved: whether it belongs to another account now.
        changed: names of the attributes that changed, sorted; `created_at` among them, if it was corrected.
    """

    is_new: bool
    has_moved: bool
    changed: list[str]


def merge_lead(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    lead_id: str,
    body: LeadChanges,
    occurred_at: int | None = None,
    backfill: bool = False,
    must_exist: bool = False,
) -> MergedLead:
    """Creates a lead, or merges new attributes into it; the same again changes no value, but is newer.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction; changed attributes are known from it on.
        salt: of the hashes of erased ids.
        lead_id: the lead, or an alias of it: `created_at` is then not that of the lead, and does not count.
        body: checked; without `created_at` it changes only a lead that is stored.
        occurred_at: when the source wrote account and attributes, microseconds UTC: those for which a newer
            value is stored keep it. None: they hold from their receipt on, and replace every value.
        backfill: whether the attributes of a lead that is not stored are known from its creation on.
        must_exist: whether only a lead that is stored is changed.

    Raises:
        LeadErasedError: the lead was erased.
        LeadUnknownError: it is not stored, and should be, or the body does not say when it was created.
        InvalidBodyError: its `created_at` lies in the future, or the id spells a missing one or has control
            characters.
    """
    if erased_leads(connection, salt, [lead_id]):
        raise LeadErasedError
    if faults := list(_faults(lead_id, body, receipt)):
        raise InvalidBodyError(faults)
    sent_id, lead_id = lead_id, lead_to_write(connection, lead_id)
    found = find_lead(connection, lead_id)
    if found is None and (must_exist or body.created_at is None):
        raise LeadUnknownError
    account_id = body.account_id
    newer = set() if occurred_at is None else newer_values(connection, lead_id, occurred_at)
    names_account = _ACCOUNT in body.model_fields_set - newer
    has_moved = found is not None and names_account and account_id != found.account_id
    is_corrected = False
    if found is None and body.created_at is not None:
        insert_lead(connection, receipt, lead_id, LeadRow(body.created_at, account_id))
        # Aliases that waited for it have no rows of their own any more.
        drop_joined(connection, lead_id)
    elif found is not None and sent_id == lead_id:
        is_corrected = _correct_creation(connection, receipt, lead_id, found.created_at, body.created_at)
    if has_moved:
        move_lead(connection, receipt, lead_id, account_id)
    if names_account:
        said_at = receipt.at if occurred_at is None else occurred_at
        write_time(connection, lead_id, _ACCOUNT, occurred_at=said_at)
    sent = {name: value for name, value in body.attributes.items() if name not in newer}
    known = _receipt_of_new(receipt, body) if backfill and found is None else receipt
    names = merge_values(connection, known, lead_id, sent, occurred_at=occurred_at)
    return MergedLead(found is None, has_moved, sorted([*names, *[_CREATED] * is_corrected]))


def _receipt_of_new(receipt: Receipt, body: LeadChanges) -> Receipt:
    """Dates the attributes of a new lead of the past back to its creation."""
    return receipt if body.created_at is None else receipt._replace(at=body.created_at)


def _correct_creation(
    connection: sa.Connection, receipt: Receipt, lead_id: str, stored: int, sent: int | None
) -> bool:
    """Corrects the creation of a lead where another one is sent; tells whether it was.

    The earliest of it and its aliases is what the lead shows, and no correction.
    """
    if sent is None or sent == stored or sent == shown_creation(connection, lead_id, stored):
        return False
    correct_creation(connection, receipt, lead_id=lead_id, stored=stored, sent=sent)
    return True


def _faults(lead_id: str, body: LeadChanges, receipt: Receipt) -> Iterator[Fault]:
    """Finds what no lead may have."""
    if lead_id in TEXT_RULE.spellings:
        yield _NO_LEAD
    if has_control_characters(lead_id):
        yield _CONTROL
    if body.created_at is not None and body.created_at > receipt.at + AHEAD_US:
        yield _AHEAD


def erase_lead(connection: sa.Connection, receipt: Receipt, *, salt: bytes, lead_id: str) -> Erasure:
    """Removes all rows of a lead and its aliases; salted hashes of ids, interactions and scores remain.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes.
        lead_id: the lead or an alias of it.

    Raises:
        LeadErasedError: it was erased before, and nothing of it came since.
        LeadUnknownError: the store never held such a lead.
    """
    linked = read_linked(connection, [lead_id])
    ids = (lead_id,) if linked is None else linked.ids
    hashes = {hashed for id_ in ids for hashed in _hashes_of(connection, id_, salt)}
    for id_ in ids:
        touch_account(connection, receipt, id_)
    bodies = erase_from_bodies(connection, ids)
    counts = {
        table.name: sum(
            connection.execute(sa.delete(table).where(table.c.lead_id == id_)).rowcount for id_ in ids
        )
        for table in OF_A_LEAD
    }
    if not bodies and not any(counts.values()):
        is_gone = is_erased(connection, erased_hash(salt, "lead", lead_id))
        raise LeadErasedError if is_gone else LeadUnknownError
    erase_answers(connection, ids)
    # Counted up, so that nobody writes the place that was read before.
    back = sa.update(ALERT_FEED).where(ALERT_FEED.c.lead_id.in_(ids))
    connection.execute(back.values(lead_id="", steps=ALERT_FEED.c.steps + 1))
    rows = [{"hash": hashed, "erased_at": receipt.at} for hashed in hashes]
    connection.execute(insert_new(connection, ERASED), rows)
    survivor = lead_id if linked is None else linked.lead_of(lead_id) or lead_id
    return Erasure(survivor, counts)


def _hashes_of(connection: sa.Connection, lead_id: str, salt: bytes) -> set[bytes]:
    stored = INTERACTIONS.c
    ids = sa.select(stored.source, stored.interaction_id).where(stored.lead_id == lead_id)
    scores = sa.select(AUDIT.c.score_id).where(AUDIT.c.lead_id == lead_id)
    return {
        erased_hash(salt, "lead", lead_id),
        *(erased_hash(salt, source, id_) for source, id_ in connection.execute(ids)),
        *(hash_of_score(salt, score_id) for score_id in connection.scalars(scores)),
    }


def touch_account(connection: sa.Connection, receipt: Receipt, lead_id: str) -> None:
    """Records the account of all others of a lead's account again: their scores change when the lead goes."""
    account = sa.select(LEADS.c.account_id).where(LEADS.c.lead_id == lead_id).scalar_subquery()
    others = sa.select(LEADS.c.lead_id, LEADS.c.account_id).where(
        LEADS.c.account_id == account, LEADS.c.lead_id != lead_id
    )
    for other, account_id in connection.execute(others).all():
        record_account(connection, receipt, lead_id=other, account_id=account_id)


def account_of_lead_at(lead_id: sa.BindParameter[str], sequence: sa.BindParameter[int]) -> sa.Select[str]:
    """Selects the account that a lead belonged to after a transaction."""
    changes = ACCOUNT_CHANGES.c
    earlier = sa.select(changes.account_id).where(changes.lead_id == lead_id, changes.sequence <= sequence)
    return earlier.order_by(changes.sequence.desc()).limit(1)


def leads_of_account_at(account_id: sa.BindParameter[str], sequence: sa.BindParameter[int]) -> sa.Select[str]:
    """Selects the leads that belonged to an account after a transaction."""
    then, later = ACCOUNT_CHANGES.c, ACCOUNT_CHANGES.alias("later").c
    is_replaced = sa.exists().where(
        later.lead_id == then.lead_id, later.sequence > then.sequence, later.sequence <= sequence
    )
    return sa.select(then.lead_id).where(
        then.account_id == account_id, then.sequence <= sequence, ~is_replaced
    )


def with_their_accounts(connection: sa.Connection, lead_ids: Sequence[str]) -> list[str]:
    """Finds the stored ones of some leads, and the leads of all accounts that these belong or belonged to.

    The others of an account with more than `MOST_OTHERS` leads are left out: they are scored again in their
    turn, as time passes.
    """
    themselves = sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(lead_ids))
    accounts = sa.select(ACCOUNT_CHANGES.c.account_id).where(ACCOUNT_CHANGES.c.lead_id.in_(lead_ids))
    small = (
        sa.select(LEADS.c.account_id)
        .where(LEADS.c.account_id.in_(accounts))
        .group_by(LEADS.c.account_id)
        .having(sa.func.count() <= MOST_OTHERS)
    )
    others = sa.select(LEADS.c.lead_id).where(LEADS.c.account_id.in_(small))
    return sorted({*connection.scalars(themselves), *connection.scalars(others)})
