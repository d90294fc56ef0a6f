"""Reads the messages of Segment: what is an interaction, and what is said of a lead.

Source: Segment Spec, https://segment.com/docs/connections/spec/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from features.history.text_rule import TEXT_RULE, category_text
from serving.bodies.intake_bodies import MOST_ITEMS
from serving.bodies.intake_items import AttributeName
from serving.bodies.json_faults import FaultyItem, refuse_faulty, rest_of, sent_ids
from serving.bodies.score_bodies import Instant, Sent, faults_of
from serving.errors import MOST_FAULTS, Fault, InvalidBodyError, pointer

_KINDS: Final = {"page": "page_view", "screen": "screen_view"}
_NOT_A_WORD: Final = re.compile(r"\W+")
_NO_GROUP: Final = Fault("/groupId", "missing", "A group message names an account in groupId.")
_NO_OBJECT: Final = Fault("", "dict_type", "The body is an object.")
_ID_LENGTH: Final = 500
# The traits of a group become attributes under this name: `account.industry`.
_ACCOUNT: Final = "account"
_CREATED: Final = ("createdAt", "created_at")
_TRAITS: Final = (("traits",), ("context", "traits"))
# What a message is, whom it is about and when it happened: at fault, they refuse it.
_NEEDED: Final = frozenset(
    {
        *("batch", "type", "event", "messageId", "userId", "anonymousId", "groupId", "previousId"),
        *("timestamp", "originalTimestamp", "receivedAt", "sentAt"),
    }
)
_ATTRIBUTE: Final = TypeAdapter(dict[AttributeName, Sent])
_INSTANT: Final = TypeAdapter[int](Instant)


@dataclass(frozen=True, slots=True)
class Statement:
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


class SegmentBatch(BaseModel):
    """Up to 1,000 messages, as Segment's libraries send them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    batch: Annotated[list[Any], Field(max_length=MOST_ITEMS)]


def is_segment(document: object) -> bool:
    """Whether a body has the shape of Segment and not that of `InteractionsBody`."""
    sent = rest_of(document)
    return isinstance(sent, dict) and "interactions" not in sent and bool({"type", "batch"} & {*sent})


def read_messages(document: object) -> list[Any]:
    """Reads the messages of a body of Segment, each of which is checked later.

    Raises:
        InvalidBodyError: a batch that is no list, or too long.
        NotJsonError: it has no single meaning where it says what its messages are.
    """
    return _batch(document) if "batch" in rest_of(document) else [document]


def read_call(document: object, *, type_: str | None) -> list[Any]:
    """Reads the messages of a call of a tracking library; what a batch says once, it says of all of them.

    Args:
        document: the body.
        type_: of the one message that the body is; None for a batch.

    Raises:
        InvalidBodyError: a body that is no object, or a batch that is no list, or too long.
        NotJsonError: a batch has no single meaning where it says what its messages are.
    """
    sent = rest_of(document)
    if not isinstance(sent, dict):
        raise InvalidBodyError([_NO_OBJECT])
    if type_ is None:
        return _batch(document, ("sentAt", "context"))
    call = {**sent, "type": type_}
    return [replace(document, rest=call) if isinstance(document, FaultyItem) else call]


def readable(message: object) -> tuple[object, tuple[Fault, ...]]:
    """Takes out of a message what has no single meaning; one that needs it stays a `FaultyItem`.

    Returns:
        The message, and the faults of what was taken out.
    """
    if not isinstance(message, FaultyItem) or any(map(_is_needed, message.steps)):
        return message, ()
    return message.rest, message.faults[:MOST_FAULTS]


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
        "lead_id": lead_of(message),
        "kind": _KINDS.get(str(message.get("type"))) or _kind(message.get("event")),
        "occurred_at": moment_of(message),
        "value": value if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
        "campaign": campaign if isinstance(campaign, str) and len(campaign) <= _ID_LENGTH else None,
        "properties": properties or None,
    }
    return {name: cell for name, cell in columns.items() if cell is not None}


def _is_needed(steps: Sequence[object]) -> bool:
    return not steps or steps[0] in _NEEDED or (steps[-1] in _CREATED and tuple(steps[:-1]) in _TRAITS)


def _batch(document: object, names: Sequence[str] = ()) -> list[Any]:
    """Reads the messages of a batch, each with what the batch says of all of them under some names."""
    if isinstance(document, FaultyItem) and any(map(_is_needed, document.steps)):
        refuse_faulty(document)
    sent = rest_of(document)
    try:
        messages = SegmentBatch.model_validate(sent).batch
    except ValidationError as error:
        raise InvalidBodyError(faults_of(error)) from None
    common = {name: sent[name] for name in names if name in sent}
    batch = document if isinstance(document, FaultyItem) else None
    return [_with_common(message, common, batch) for message in messages]


def _with_common(message: object, common: Mapping[str, Any], batch: FaultyItem | None) -> object:
    """Adds to a message what its batch says of all, and what is at fault there."""
    own = rest_of(message)
    if not isinstance(own, dict):
        return message
    context = {**_part(common, "context"), **_part(own, "context")}
    joined = {**common, **own, **({"context": context} if context else {})}
    faulty = [part for part in (message, batch) if isinstance(part, FaultyItem)]
    if not faulty:
        return joined
    faults = tuple(fault for part in faulty for fault in part.faults)
    steps = tuple(places for part in faulty for places in part.steps)
    return FaultyItem(faults, steps, joined, sent_ids(message))


def is_id(id_: object) -> bool:
    """Whether a message may name a lead so."""
    return isinstance(id_, str) and 0 < len(id_) <= _ID_LENGTH


def lead_of(message: Mapping[str, Any]) -> Any:
    """Gives the id of the lead that a message is about, as it was sent."""
    return message.get("userId") or message.get("anonymousId")


def moment_of(message: Mapping[str, Any]) -> Any:
    """Gives the time of a message, as it was sent; a null is none."""
    timestamp = message.get("timestamp")
    return message.get("originalTimestamp") if timestamp is None else timestamp


def read_statement(message: Mapping[str, Any]) -> Statement:
    """Reads what a message says of a lead.

    Raises:
        InvalidBodyError: a group message names no account.
    """
    # Libraries of RudderStack send the traits of a lead in the context.
    sent = message.get("traits") or _part(message, "context").get("traits")
    traits = _flat(sent if isinstance(sent, dict) else {})
    created = [traits.pop((name,)) for name in _CREATED if traits.get((name,)) is not None]
    if message["type"] == "identify":
        return Statement(*_attributes(traits), created_at=next(iter(created), None))
    # These are traits of the group, and so is the time of its creation.
    account_id = message.get("groupId")
    if isinstance(account_id, (int, float)) and not isinstance(account_id, bool):
        account_id = category_text(account_id, TEXT_RULE)
    if not isinstance(account_id, str) or not 0 < len(account_id) <= _ID_LENGTH:
        raise InvalidBodyError([_NO_GROUP])
    return Statement(*_attributes(traits, _ACCOUNT), account={"account_id": account_id})


def read_timestamp(timestamp: object) -> int:
    """Reads the moment of a message, microseconds UTC.

    Raises:
        InvalidBodyError: it is none.
    """
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
