"""Reads the messages of Segment: track, page and screen are interactions, identify is a lead.

Source: Segment Spec, https://segment.com/docs/connections/spec/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.sources.service_tables import LEADS
from features.times import format_time
from serving.bodies.intake_bodies import MOST_ITEMS, LeadBody
from serving.bodies.score_bodies import check_body, faults_of
from serving.database.writer import Receipt
from serving.errors import Fault, InvalidBodyError, LeadErasedError
from serving.intake.ingest import add_interactions
from serving.intake.items import ERASED_LEAD, Verdict
from serving.intake.leads import put_lead

SOURCE: Final = "segment"
_KINDS: Final = {"page": "page_view", "screen": "screen_view"}
_NOT_A_WORD: Final = re.compile(r"\W+")
_NO_ID: Final = Fault(
    "/userId", "missing", "A message names a lead in userId or anonymousId, up to 500 characters."
)
_ID_LENGTH: Final = 500


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
    """Stores messages; an identify message that changes nothing is a duplicate.

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
    sent_created_at = traits.pop("createdAt", traits.pop("created_at", None))
    found = connection.scalar(sa.select(LEADS.c.created_at).where(LEADS.c.lead_id == lead_id))
    created_at = format_time(found) if found is not None else sent_created_at or message.get("timestamp")
    try:
        body = check_body(LeadBody, {"created_at": created_at, "attributes": traits})
        changed = put_lead(connection, receipt, salt=salt, lead_id=lead_id, body=body)
    except InvalidBodyError as error:
        return Verdict("refused", faults=error.faults)
    except LeadErasedError:
        return Verdict("refused", faults=(ERASED_LEAD,))
    return Verdict("stored" if changed or found is None else "duplicate")


def _lead_of(message: Mapping[str, Any]) -> Any:
    return message.get("userId") or message.get("anonymousId")


def _part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = message.get(name)
    return part if isinstance(part, dict) else {}


def _kind(event: object) -> object:
    return _NOT_A_WORD.sub("_", event.strip().lower()).strip("_") if isinstance(event, str) else event


def _flat(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Flattens objects among traits by one level: `address.city`."""
    flat: dict[str, Any] = {}
    for name, trait in traits.items():
        if isinstance(trait, dict):
            flat.update({f"{name}.{inner}": cell for inner, cell in trait.items()})
        else:
            flat[name] = trait
    return flat
