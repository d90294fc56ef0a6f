"""Reads the messages of Segment: track, page and screen are interactions, identify is a lead.

Source: Segment Spec, https://segment.com/docs/connections/spec/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from features.sources.service_tables import LEADS
from features.times import format_time
from serving.bodies.intake_bodies import MOST_ITEMS, AttributeName, ItemId, LeadBody
from serving.bodies.score_bodies import Instant, Sent, check_body, faults_of
from serving.database.schema import IDENTIFY_MESSAGES, QUARANTINE
from serving.database.writer import Receipt
from serving.errors import MOST_FAULTS, Fault, InvalidBodyError, LeadErasedError, pointer
from serving.intake.ingest import OTHER_CONTENT, add_interactions, insert_new, quarantine_row
from serving.intake.items import ERASED_LEAD, Item, ItemStatus, Verdict, canonical, fingerprint
from serving.intake.leads import newer_attributes, put_lead

SOURCE: Final = "segment"
_KINDS: Final = {"page": "page_view", "screen": "screen_view"}
_NOT_A_WORD: Final = re.compile(r"\W+")
_NO_ID: Final = Fault(
    "/userId", "missing", "A message names a lead in userId or anonymousId, up to 500 characters."
)
_ID_LENGTH: Final = 500
_LEFT_OUT: Final = "Traits that can be no attribute are left out; see errors."
_ATTRIBUTE: Final = TypeAdapter(dict[AttributeName, Sent])
_INSTANT: Final = TypeAdapter[int](Instant)
_MESSAGE_ID: Final = TypeAdapter(ItemId)


class SegmentBatch(BaseModel):
    """Up to 1,000 messages, as Segment's libraries send them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    batch: Annotated[list[Any], Field(max_length=MOST_ITEMS)]


def is_segment(document: object) -> bool:
    """Whether a body has the shape of Segment and not that of `InteractionsBody`."""
    return (
        isinstance(document, dict)
        and "interactions" not in document
        and bool({"type", "batch"} & {*document})
    )


def read_messages(document: object) -> list[Any]:
    """Reads the messages of a body of Segment, each of which is checked later.

    Raises:
        InvalidBodyError: a batch that is no list, or too long.
    """
    if not isinstance(document, dict) or "batch" not in document:
        return [document]
    try:
        return SegmentBatch.model_validate(document).batch
    except ValidationError as error:
        raise InvalidBodyError(faults_of(error)) from None


def add_messages(
    connection: sa.Connection, receipt: Receipt, *, salt: bytes, messages: Sequence[object]
) -> list[Verdict]:
    """Stores messages, each once.

    An identify message that changes nothing is a duplicate. Of each attribute the newest message counts,
    whatever the order in which they arrive; what was sent to PUT counts from its receipt on. Traits that can
    be no attribute are left out, and the verdict names them.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        messages: as they were sent.

    Returns:
        A verdict per message, in their order.
    """
    items = [interaction_of(message) for message in messages if not _identifies(message)]
    verdicts = iter(add_interactions(connection, receipt, salt=salt, source=SOURCE, items=items))
    return [
        _identify(connection, receipt, salt, message) if _identifies(message) else next(verdicts)
        for message in messages
    ]


def interaction_of(message: object) -> object:
    """Turns a message into an `IntakeInteraction`, unchecked.

    >>> sent = {"type": "track", "event": "Demo Requested", "messageId": "7", "userId": "a"}
    >>> interaction_of(sent)["kind"]
    'demo_requested'
    """
    if not isinstance(message, dict):
        return message
    campaign = _part(_part(message, "context"), "campaign").get("name")
    properties = {name: cell for name, cell in _part(message, "properties").items() if cell is not None}
    value = properties.get("value", properties.get("revenue"))
    columns = {
        "interaction_id": message.get("messageId"),
        "lead_id": _lead_of(message),
        "kind": _KINDS.get(str(message.get("type"))) or _kind(message.get("event")),
        "occurred_at": message.get("timestamp", message.get("originalTimestamp")),
        "value": value if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
        "campaign": campaign if isinstance(campaign, str) and len(campaign) <= _ID_LENGTH else None,
        "properties": properties or None,
    }
    return {name: cell for name, cell in columns.items() if cell is not None}


def _identifies(message: object) -> bool:
    return isinstance(message, dict) and message.get("type") == "identify"


def _identify(connection: sa.Connection, receipt: Receipt, salt: bytes, message: Any) -> Verdict:
    lead_id = _lead_of(message)
    if not isinstance(lead_id, str) or not 0 < len(lead_id) <= _ID_LENGTH:
        return Verdict("refused", faults=(_NO_ID,))
    traits = _flat(_part(message, "traits"))
    sent_created_at = [
        traits.pop((name,)) for name in ("createdAt", "created_at") if traits.get((name,)) is not None
    ]
    attributes, left_out = _attributes(traits)
    found = connection.scalar(sa.select(LEADS.c.created_at).where(LEADS.c.lead_id == lead_id))
    timestamp = message.get("timestamp", message.get("originalTimestamp"))
    created_at = format_time(found) if found is not None else next(iter(sent_created_at), timestamp)
    try:
        occurred_at = receipt.at if timestamp is None else min(_read_timestamp(timestamp), receipt.at)
        body = check_body(LeadBody, {"created_at": created_at, "attributes": attributes})
        if known := _came_before(connection, receipt, lead_id, message):
            return known
        newer = newer_attributes(connection, lead_id, occurred_at) & body.attributes.keys()
        changed = put_lead(
            connection, receipt, salt=salt, lead_id=lead_id, body=body, occurred_at=occurred_at
        )
    except InvalidBodyError as error:
        return Verdict("refused", faults=error.faults)
    except LeadErasedError:
        return Verdict("refused", faults=(ERASED_LEAD,))
    _remember(connection, lead_id, message)
    reasons = [_LEFT_OUT] * bool(left_out) + [f"Newer values stay: {', '.join(sorted(newer))}."] * bool(newer)
    status: ItemStatus = "stored" if changed or found is None else "duplicate"
    return Verdict(status, " ".join(reasons), tuple(left_out))


def _read_timestamp(timestamp: object) -> int:
    try:
        return _INSTANT.validate_python(timestamp)
    except ValidationError as error:
        faults = [replace(fault, path="/timestamp") for fault in faults_of(error)]
        raise InvalidBodyError(faults) from None


def _attributes(traits: Mapping[tuple[str, ...], Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Picks the traits that can be attributes; says by path why the others cannot."""
    attributes: dict[str, Any] = {}
    left_out: list[Fault] = []
    for steps, trait in traits.items():
        own = {".".join(steps): trait}
        try:
            _ATTRIBUTE.validate_python(own)
        except ValidationError as error:
            left_out += [replace(fault, path=pointer(["traits", *steps])) for fault in faults_of(error)]
        else:
            attributes |= own
    return attributes, left_out[:MOST_FAULTS]


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
    row = {"lead_id": lead_id, "available_at": receipt.at}
    quarantined = quarantine_row("identify", SOURCE, Item((SOURCE, id_), content, row), message)
    connection.execute(insert_new(connection, QUARANTINE), [quarantined])
    return Verdict("quarantined", OTHER_CONTENT)


def _remember(connection: sa.Connection, lead_id: str, message: Mapping[str, Any]) -> None:
    if (id_ := message.get("messageId")) is not None:
        row = {"message_id": id_, "lead_id": lead_id, "content": _content(lead_id, message)}
        connection.execute(sa.insert(IDENTIFY_MESSAGES), row)


def _content(lead_id: str, message: Mapping[str, Any]) -> bytes:
    """Hashes what a message says of a lead; the times of its delivery change when it comes again."""
    return fingerprint(canonical({"lead_id": lead_id, "traits": message.get("traits")}))


def _lead_of(message: Mapping[str, Any]) -> Any:
    return message.get("userId") or message.get("anonymousId")


def _part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = message.get(name)
    return part if isinstance(part, dict) else {}


def _kind(event: object) -> object:
    return _NOT_A_WORD.sub("_", event.strip().lower()).strip("_") if isinstance(event, str) else event


def _flat(traits: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Flattens objects among traits by one level, by the steps to each: `address.city`."""
    flat: dict[tuple[str, ...], Any] = {}
    for name, trait in traits.items():
        if isinstance(trait, dict):
            flat.update({(name, inner): cell for inner, cell in trait.items()})
        else:
            flat[name,] = trait
    return flat
