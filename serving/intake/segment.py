"""Stores the messages of Segment: track, page and screen are interactions, identify and group are a lead.

An alias message, and an identify message with both ids, link the anonymous id to the lead.

Source: Segment Spec, https://segment.com/docs/connections/spec/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from features.times import format_time
from serving.bodies.intake_items import ItemId, LeadBody
from serving.bodies.score_bodies import check_body, faults_of
from serving.database.schema import IDENTIFY_MESSAGES, QUARANTINE
from serving.database.writer import Receipt
from serving.errors import MOST_FAULTS, Fault, InvalidBodyError, LeadErasedError
from serving.intake.aliases import link_alias
from serving.intake.client_clocks import timed_message
from serving.intake.ingest import OTHER_CONTENT, add_interactions, insert_new, quarantine_row
from serving.intake.items import ERASED_LEAD, Item, Verdict, canonical, fingerprint
from serving.intake.lead_rows import find_lead, newer_values
from serving.intake.leads import put_lead
from serving.intake.linked_ids import lead_to_write
from serving.intake.segment_messages import (
    interaction_of,
    is_id,
    lead_of,
    moment_of,
    read_statement,
    read_timestamp,
    readable,
)

SOURCE: Final = "segment"
_NO_ID: Final = Fault(
    "/userId", "missing", "A message names a lead in userId or anonymousId, up to 500 characters."
)
_NO_PREVIOUS: Final = Fault("/previousId", "missing", "An alias message names the other id in previousId.")
_OF_A_LEAD: Final = ("identify", "group", "alias")
_LEFT_OUT: Final = "Traits that can be no attribute are left out; see errors."
_NO_MEANING: Final = "What has no single meaning is left out; see errors."
_MESSAGE_ID: Final = TypeAdapter(ItemId)


def add_messages(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    items: Sequence[object],
    corrects_clocks: bool = False,
) -> list[Verdict]:
    """Stores messages, each once.

    An identify or group message that changes nothing is a duplicate. Of each attribute the newest message
    counts, whatever the order in which they arrive; what was sent to PUT counts from its receipt on. Traits
    that can be no attribute are left out, and so is what has no single meaning where the message does not
    need it; the verdict names them. The account, too, is that of the newest group message.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        items: messages, as they were sent.
        corrects_clocks: whether the clock of the sender is corrected by `sentAt`, and a message without a
            time happened when it was received.

    Returns:
        A verdict per message, in their order.
    """
    read = [readable(item) for item in items]
    messages = [message for message, _ in read]
    timed = [timed_message(each, receipt.at) if corrects_clocks else (each, 0) for each in messages]
    added = add_interactions(
        connection,
        receipt,
        salt=salt,
        source=SOURCE,
        items=[interaction_of(message) for message, _ in timed if not _is_of_a_lead(message)],
        shifts_us=[shift for message, shift in timed if not _is_of_a_lead(message)],
    )
    verdicts = iter(added)
    given = (
        _put(connection, receipt, salt, message, shift) if _is_of_a_lead(message) else next(verdicts)
        for message, shift in timed
    )
    return [_with_left_out(verdict, left_out) for verdict, (_, left_out) in zip(given, read, strict=True)]


def _with_left_out(verdict: Verdict, left_out: tuple[Fault, ...]) -> Verdict:
    """Adds to a verdict what was taken out of its message before."""
    if not left_out:
        return verdict
    reason = verdict.reason if verdict.status == "refused" else f"{verdict.reason} {_NO_MEANING}".strip()
    return replace(verdict, reason=reason, faults=(*verdict.faults, *left_out)[:MOST_FAULTS])


def _is_of_a_lead(message: object) -> bool:
    return isinstance(message, dict) and message.get("type") in _OF_A_LEAD


def _put(connection: sa.Connection, receipt: Receipt, salt: bytes, message: Any, shift_us: int) -> Verdict:
    """Stores what an identify or group message says of a lead, and which other id it has."""
    sent_id = lead_of(message)
    if not is_id(sent_id):
        return Verdict("refused", faults=(_NO_ID,))
    if message["type"] == "alias":
        return _alias(connection, receipt, salt, message.get("previousId"), sent_id)
    lead_id = lead_to_write(connection, sent_id)
    found = find_lead(connection, lead_id)
    timestamp = moment_of(message)
    try:
        said = read_statement(message)
        moment = None if timestamp is None else read_timestamp(timestamp) + shift_us
        created = moment if found is None else found.created_at
        if found is not None or said.created_at is None:
            said = replace(said, created_at=None if created is None else format_time(created))
        body = check_body(
            LeadBody, {"created_at": said.created_at, "attributes": said.attributes, **said.account}
        )
        if known := _came_before(connection, receipt, sent_id, message):
            return known
        occurred_at = receipt.at if moment is None else min(moment, receipt.at)
        newer = newer_values(connection, lead_id, occurred_at) & {*body.attributes, *said.account}
        changed = put_lead(
            connection, receipt, salt=salt, lead_id=lead_id, body=body, occurred_at=occurred_at
        )
    except InvalidBodyError as error:
        return Verdict("refused", faults=error.faults)
    except LeadErasedError:
        return Verdict("refused", faults=(ERASED_LEAD,))
    _remember(connection, receipt, sent_id, message)
    if message["type"] == "identify" and is_id(other := message.get("anonymousId")) and other != sent_id:
        # One who is another lead already stays it: people share devices.
        link_alias(connection, receipt, salt=salt, alias_id=other, lead_id=sent_id)
    has_account = "account_id" in newer or said.account.get("account_id") in (
        None,
        found and found.account_id,
    )
    is_same = found is not None and not changed and has_account
    reasons = [_LEFT_OUT] * bool(said.left_out)
    reasons += [f"Newer values stay: {', '.join(sorted(newer))}."] * bool(newer)
    survivor = None if lead_id == sent_id else lead_id
    return Verdict("duplicate" if is_same else "stored", " ".join(reasons), tuple(said.left_out), survivor)


def _alias(
    connection: sa.Connection, receipt: Receipt, salt: bytes, previous_id: object, lead_id: str
) -> Verdict:
    if not isinstance(previous_id, str) or not is_id(previous_id):
        return Verdict("refused", faults=(_NO_PREVIOUS,))
    return link_alias(connection, receipt, salt=salt, alias_id=previous_id, lead_id=lead_id)


def _came_before(
    connection: sa.Connection, receipt: Receipt, lead_id: str, message: Mapping[str, Any]
) -> Verdict | None:
    """Judges a message by its id: the same again is a duplicate, another content is quarantined.

    Raises:
        InvalidBodyError: the id is none.
    """
    id_ = message.get("messageId")
    if id_ is None:
        return None
    try:
        _MESSAGE_ID.validate_python(id_)
    except ValidationError as error:
        raise InvalidBodyError([replace(fault, path="/messageId") for fault in faults_of(error)]) from None
    stored = IDENTIFY_MESSAGES.c
    known = connection.scalar(sa.select(stored.content).where(stored.message_id == id_))
    content = _content(lead_id, message)
    if known is None:
        return None
    if bytes(known) == content:
        return Verdict("duplicate")
    item = Item((SOURCE, id_), content, {"lead_id": lead_id})
    quarantined = quarantine_row("identify", SOURCE, item, message, received_at=receipt.at)
    connection.execute(insert_new(connection, QUARANTINE), [quarantined])
    return Verdict("quarantined", OTHER_CONTENT)


def _remember(connection: sa.Connection, receipt: Receipt, lead_id: str, message: Mapping[str, Any]) -> None:
    if (id_ := message.get("messageId")) is not None:
        content = _content(lead_id, message)
        row = {"message_id": id_, "lead_id": lead_id, "content": content, "received_at": receipt.at}
        connection.execute(sa.insert(IDENTIFY_MESSAGES), row)


def _content(lead_id: str, message: Mapping[str, Any]) -> bytes:
    """Hashes what a message says of a lead; the times of its delivery change when it comes again."""
    said = {"lead_id": lead_id, "traits": message.get("traits")}
    return fingerprint(canonical(said | {name: message[name] for name in ("groupId",) if name in message}))
