"""Reads the messages of Segment: track, page and screen are interactions, identify and group are a lead.

An alias message, and an identify message with both ids, link the anonymous id to the lead.

Source: Segment Spec, https://segment.com/docs/connections/spec/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from features.history.text_rule import TEXT_RULE, category_text
from features.times import format_time
from serving.bodies.intake_bodies import MOST_ITEMS, AttributeName, ItemId, LeadBody
from serving.bodies.score_bodies import Instant, Sent, check_body, faults_of
from serving.database.schema import IDENTIFY_MESSAGES, QUARANTINE
from serving.database.writer import Receipt
from serving.errors import MOST_FAULTS, Fault, InvalidBodyError, LeadErasedError, pointer
from serving.intake.aliases import link_alias
from serving.intake.client_clocks import clock_shift
from serving.intake.ingest import OTHER_CONTENT, add_interactions, insert_new, quarantine_row
from serving.intake.items import ERASED_LEAD, Item, Verdict, canonical, fingerprint
from serving.intake.lead_rows import find_lead, newer_values
from serving.intake.leads import put_lead
from serving.intake.linked_ids import lead_to_write

SOURCE: Final = "segment"
_KINDS: Final = {"page": "page_view", "screen": "screen_view"}
_NOT_A_WORD: Final = re.compile(r"\W+")
_NO_ID: Final = Fault(
    "/userId", "missing", "A message names a lead in userId or anonymousId, up to 500 characters."
)
_NO_GROUP: Final = Fault("/groupId", "missing", "A group message names an account in groupId.")
_NO_PREVIOUS: Final = Fault("/previousId", "missing", "An alias message names the other id in previousId.")
_NO_OBJECT: Final = Fault("", "dict_type", "The body is an object.")
_ID_LENGTH: Final = 500
_OF_A_LEAD: Final = ("identify", "group", "alias")
# The traits of a group become attributes under this name: `account.industry`.
_ACCOUNT: Final = "account"
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
    return _batch(document)


def read_call(document: object, *, type_: str | None) -> list[Any]:
    """Reads the messages of a call of a tracking library; what a batch says once, it says of all of them.

    Args:
        document: the body.
        type_: of the one message that the body is; None for a batch.

    Raises:
        InvalidBodyError: a body that is no object, or a batch that is no list, or too long.
    """
    if not isinstance(document, dict):
        raise InvalidBodyError([_NO_OBJECT])
    if type_ is not None:
        return [{**document, "type": type_}]
    common = {name: document[name] for name in ("sentAt", "context") if name in document}
    return [
        {**common, **message, "context": {**_part(common, "context"), **_part(message, "context")}}
        if isinstance(message, dict)
        else message
        for message in _batch(document)
    ]


def add_messages(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    messages: Sequence[object],
    corrects_clocks: bool = False,
) -> list[Verdict]:
    """Stores messages, each once.

    An identify or group message that changes nothing is a duplicate. Of each attribute the newest message
    counts, whatever the order in which they arrive; what was sent to PUT counts from its receipt on. Traits
    that can be no attribute are left out, and the verdict names them. The account, too, is that of the
    newest group message.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        messages: as they were sent.
        corrects_clocks: whether the clock of the sender is corrected by `sentAt`.

    Returns:
        A verdict per message, in their order.
    """
    shifts = [clock_shift(message, receipt.at) if corrects_clocks else 0 for message in messages]
    timed = list(zip(messages, shifts, strict=True))
    added = add_interactions(
        connection,
        receipt,
        salt=salt,
        source=SOURCE,
        items=[interaction_of(message) for message in messages if not _is_of_a_lead(message)],
        shifts_us=[shift for message, shift in timed if not _is_of_a_lead(message)],
    )
    verdicts = iter(added)
    return [
        _put(connection, receipt, salt, message, shift) if _is_of_a_lead(message) else next(verdicts)
        for message, shift in timed
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


def _batch(document: Mapping[str, Any]) -> list[Any]:
    try:
        return SegmentBatch.model_validate(document).batch
    except ValidationError as error:
        raise InvalidBodyError(faults_of(error)) from None


def _is_of_a_lead(message: object) -> bool:
    return isinstance(message, dict) and message.get("type") in _OF_A_LEAD


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a message says of a lead.

    Attributes:
        attributes: by name.
        left_out: why other traits can be no attributes.
        created_at: of the lead, as it was sent; None where it was not.
        account: its `account_id`, by a group message.
    """

    attributes: dict[str, Any]
    left_out: list[Fault]
    created_at: Any = None
    account: dict[str, str] = field(default_factory=dict)


def _put(connection: sa.Connection, receipt: Receipt, salt: bytes, message: Any, shift_us: int) -> Verdict:
    """Stores what an identify or group message says of a lead, and which other id it has."""
    sent_id = _lead_of(message)
    if not _is_id(sent_id):
        return Verdict("refused", faults=(_NO_ID,))
    if message["type"] == "alias":
        return _alias(connection, receipt, salt, message.get("previousId"), sent_id)
    lead_id = lead_to_write(connection, sent_id)
    found = find_lead(connection, lead_id)
    timestamp = message.get("timestamp", message.get("originalTimestamp"))
    try:
        said = _read_statement(message)
        moment = None if timestamp is None else _read_timestamp(timestamp) + shift_us
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
    _remember(connection, sent_id, message)
    if message["type"] == "identify" and _is_id(other := message.get("anonymousId")) and other != sent_id:
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
    if not isinstance(previous_id, str) or not _is_id(previous_id):
        return Verdict("refused", faults=(_NO_PREVIOUS,))
    return link_alias(connection, receipt, salt=salt, alias_id=previous_id, lead_id=lead_id)


def _is_id(id_: object) -> bool:
    return isinstance(id_, str) and 0 < len(id_) <= _ID_LENGTH


def _read_statement(message: Mapping[str, Any]) -> _Statement:
    """Reads what a message says of a lead.

    Raises:
        InvalidBodyError: a group message names no account.
    """
    # Libraries of RudderStack send the traits of a lead in the context.
    sent = message.get("traits") or _part(message, "context").get("traits")
    traits = _flat(sent if isinstance(sent, dict) else {})
    created = [traits.pop((name,)) for name in ("createdAt", "created_at") if traits.get((name,)) is not None]
    if message["type"] == "identify":
        return _Statement(*_attributes(traits), created_at=next(iter(created), None))
    # These are traits of the group, and so is the time of its creation.
    account_id = message.get("groupId")
    if isinstance(account_id, (int, float)) and not isinstance(account_id, bool):
        account_id = category_text(account_id, TEXT_RULE)
    if not isinstance(account_id, str) or not 0 < len(account_id) <= _ID_LENGTH:
        raise InvalidBodyError([_NO_GROUP])
    return _Statement(*_attributes(traits, _ACCOUNT), account={"account_id": account_id})


def _read_timestamp(timestamp: object) -> int:
    try:
        return _INSTANT.validate_python(timestamp)
    except ValidationError as error:
        faults = [replace(fault, path="/timestamp") for fault in faults_of(error)]
        raise InvalidBodyError(faults) from None


def _attributes(traits: Mapping[tuple[str, ...], Any], *prefix: str) -> tuple[dict[str, Any], list[Fault]]:
    """Picks the traits that can be attributes; says by path why the others cannot."""
    attributes: dict[str, Any] = {}
    left_out: list[Fault] = []
    for steps, trait in traits.items():
        own = {".".join([*prefix, *steps]): trait}
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
    item = Item((SOURCE, id_), content, {"lead_id": lead_id})
    quarantined = quarantine_row("identify", SOURCE, item, message, received_at=receipt.at)
    connection.execute(insert_new(connection, QUARANTINE), [quarantined])
    return Verdict("quarantined", OTHER_CONTENT)


def _remember(connection: sa.Connection, lead_id: str, message: Mapping[str, Any]) -> None:
    if (id_ := message.get("messageId")) is not None:
        row = {"message_id": id_, "lead_id": lead_id, "content": _content(lead_id, message)}
        connection.execute(sa.insert(IDENTIFY_MESSAGES), row)


def _content(lead_id: str, message: Mapping[str, Any]) -> bytes:
    """Hashes what a message says of a lead; the times of its delivery change when it comes again."""
    said = {"lead_id": lead_id, "traits": message.get("traits")}
    return fingerprint(canonical(said | {name: message[name] for name in ("groupId",) if name in message}))


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
