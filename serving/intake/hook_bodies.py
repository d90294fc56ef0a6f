"""Keeps the bodies of web hooks as they came, each once, and erases what they hold of a lead."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

import sqlalchemy as sa

from features.history.text_rule import TextRule, category_text
from features.sources.service_tables import LEADS
from features.times import format_time
from serving.bodies.score_bodies import MOST_NAME
from serving.database.engine import insert_into
from serving.database.schema import HOOK_BODIES, HOOK_BODY_LEADS, QUARANTINE
from serving.database.statements import insert_rows
from serving.database.writer import Receipt
from serving.intake.items import canonical, fingerprint

# `early`: of a lead that is not stored yet; mapped again as soon as it is.
HookStatus = Literal["waiting", "mapped", "early", "quarantined"]
ITEM: Final = "hooks"
_UNMAPPED: Final = ("waiting", "early", "quarantined")
_OWN: Final = HOOK_BODIES.c
_PLAIN: Final = TextRule(2)
_IDS_AT_ONCE: Final = 500
_BETWEEN_WORDS: Final = re.compile(r"[&=?]|\r?\n")


@dataclass(frozen=True, slots=True)
class HookBody:
    """A body as it came.

    Attributes:
        key: hash of what a repetition has in common with it.
        crm: which of the CRMs sent it.
        query: parameters of the address.
        content_type: as it was sent.
        body: its bytes.
        received_at: microseconds UTC.
    """

    key: bytes
    crm: str
    query: str
    content_type: str
    body: bytes
    received_at: int = 0


def keep_body(connection: sa.Connection, receipt: Receipt, *, body: HookBody) -> bool:
    """Stores a body unless the same came before; tells whether it is new."""
    row = {
        **{name: getattr(body, name) for name in ("key", "crm", "query", "content_type", "body")},
        "received_at": receipt.at,
        "status": "waiting",
        "reason": "",
    }
    adding = insert_into(connection.dialect.name, HOOK_BODIES).on_conflict_do_nothing()
    # The drivers do not agree on the number of rows of an insert; the key says whether there is one.
    return connection.execute(adding.returning(_OWN.key), row).first() is not None


def read_bodies(
    connection: sa.Connection, *statuses: HookStatus, limit: int, crm: str | None = None
) -> list[HookBody]:
    """Reads the oldest bodies of some statuses."""
    found = sa.select(HOOK_BODIES).where(_OWN.status.in_(statuses))
    found = found.order_by(_OWN.received_at, _OWN.key).limit(limit)
    found = found if crm is None else found.where(_OWN.crm == crm)
    return [
        HookBody(bytes(row.key), row.crm, row.query, row.content_type, bytes(row.body), row.received_at)
        for row in connection.execute(found)
    ]


def status_of(connection: sa.Connection, key: bytes) -> str | None:
    """Reads what became of a body; None where it is gone."""
    return connection.scalar(sa.select(_OWN.status).where(_OWN.key == key))


def finish_body(
    connection: sa.Connection, body: HookBody, *, status: HookStatus, reason: str, lead_ids: Collection[str]
) -> None:
    """Notes what became of a body, and its leads; the quarantine lists what was not mapped."""
    connection.execute(
        sa.update(HOOK_BODIES).where(_OWN.key == body.key).values(status=status, reason=reason)
    )
    known = set(
        connection.scalars(sa.select(HOOK_BODY_LEADS.c.lead_id).where(HOOK_BODY_LEADS.c.key == body.key))
    )
    # A longer text is the id of no lead.
    named = {lead_id for lead_id in lead_ids if len(lead_id) <= MOST_NAME}
    rows = [{"key": body.key, "lead_id": lead_id} for lead_id in sorted(named - known)]
    insert_rows(connection, HOOK_BODY_LEADS, rows)
    _leave_quarantine(connection, [body.key])
    if status != "mapped":
        # The body stays in its own table, from which it is erased.
        row = {
            "key": fingerprint(ITEM, body.key.hex()),
            "source": body.crm,
            "lead_id": min(named, default=""),
            "item": ITEM,
            "reason": reason,
            "body": canonical({"sent": {"hook_body": body.key.hex()}}),
            "received_at": body.received_at,
        }
        connection.execute(sa.insert(QUARANTINE), row)


def wake_early(connection: sa.Connection, lead_ids: Sequence[str]) -> None:
    """Lets the bodies wait again that came before their leads, some of which are stored now."""
    for start in range(0, len(lead_ids), _IDS_AT_ONCE):
        part = lead_ids[start : start + _IDS_AT_ONCE]
        keys = sa.select(HOOK_BODY_LEADS.c.key).where(HOOK_BODY_LEADS.c.lead_id.in_(part))
        early = sa.update(HOOK_BODIES).where(_OWN.status == "early", _OWN.key.in_(keys))
        connection.execute(early.values(status="waiting"))


def wake_all_early(connection: sa.Connection) -> None:
    """Likewise for all leads, by whichever way they were stored."""
    named = HOOK_BODY_LEADS.c
    keys = sa.select(named.key).where(named.lead_id.in_(sa.select(LEADS.c.lead_id)))
    early = sa.update(HOOK_BODIES).where(_OWN.status == "early", _OWN.key.in_(keys))
    connection.execute(early.values(status="waiting"))


def count_bodies(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Counts the bodies of each CRM by what became of them."""
    counts: dict[str, dict[str, int]] = {}
    found = sa.select(_OWN.crm, _OWN.status, sa.func.count()).group_by(_OWN.crm, _OWN.status)
    for crm, status, count in connection.execute(found.order_by(_OWN.crm, _OWN.status)):
        counts.setdefault(crm, {})[status] = count
    return counts


def list_unmapped(connection: sa.Connection, *, limit: int) -> list[dict[str, Any]]:
    """Lists the newest bodies that could not be mapped, and why."""
    found = sa.select(_OWN.key, _OWN.crm, _OWN.received_at, _OWN.reason)
    found = found.where(_OWN.status.in_(("early", "quarantined")))
    found = found.order_by(_OWN.received_at.desc(), _OWN.key).limit(limit)
    return [
        {"key": bytes(key).hex(), "crm": crm, "received_at": format_time(at), "reason": reason}
        for key, crm, at, reason in connection.execute(found)
    ]


def erase_from_bodies(connection: sa.Connection, lead_ids: Sequence[str]) -> int:
    """Takes leads out of all bodies that name them; returns the number of bodies.

    Of a list the records that name none of them stay; any other body goes as a whole.
    """
    keys = sa.select(HOOK_BODY_LEADS.c.key).where(HOOK_BODY_LEADS.c.lead_id.in_(lead_ids))
    noted = {bytes(key) for key in connection.scalars(keys)}
    found = sa.select(_OWN.key, _OWN.body, _OWN.query)
    found = found.where(_OWN.status.in_(_UNMAPPED) | _OWN.key.in_(noted))
    count = 0
    for key, body, query in connection.execute(found).all():
        if not {*lead_ids}.isdisjoint(_words(query)):
            left = None
        else:
            left = _without(bytes(body), {*lead_ids}, is_noted=bytes(key) in noted)
        if left is None:
            drop_bodies(connection, [bytes(key)])
        elif left != bytes(body):
            connection.execute(sa.update(HOOK_BODIES).where(_OWN.key == key).values(body=left))
        count += left != bytes(body)
    return count


def drop_bodies(connection: sa.Connection, keys: Sequence[bytes]) -> None:
    """Deletes bodies with all that is noted of them."""
    connection.execute(sa.delete(HOOK_BODIES).where(_OWN.key.in_(keys)))
    connection.execute(sa.delete(HOOK_BODY_LEADS).where(HOOK_BODY_LEADS.c.key.in_(keys)))
    _leave_quarantine(connection, keys)


def ids_in_bodies(connection: sa.Connection) -> set[str]:
    """Lists what may be the id of a lead in the bodies: those noted, and all texts of the unmapped ones."""
    ids = set(connection.scalars(sa.select(HOOK_BODY_LEADS.c.lead_id).distinct()))
    unmapped = sa.select(_OWN.body, _OWN.query).where(_OWN.status.in_(_UNMAPPED))
    for body, query in connection.execute(unmapped):
        ids.update(_texts_in(_document(bytes(body))), _words(query))
    return ids


def _leave_quarantine(connection: sa.Connection, keys: Iterable[bytes]) -> None:
    own = [fingerprint(ITEM, key.hex()) for key in keys]
    connection.execute(sa.delete(QUARANTINE).where(QUARANTINE.c.key.in_(own)))


def _without(body: bytes, ids: set[str], *, is_noted: bool) -> bytes | None:
    """Gives what is left of a body without the records that name some ids; None where nothing is."""
    document = _document(body)
    if isinstance(document, list):
        left = [record for record in document if ids.isdisjoint(_texts_in(record))]
        if len(left) == len(document) and not is_noted:
            return body
        return _written(left) if left and len(left) < len(document) else None
    return None if is_noted or not ids.isdisjoint(_texts_in(document)) else body


def _written(records: list[Any]) -> bytes | None:
    """Writes records as JSON; None where they are nested too deeply for that."""
    try:
        return json.dumps(records).encode()
    except RecursionError:
        return None


def _document(body: bytes) -> Any:
    """Reads a body as JSON; of any other one, such as a form, the words stand in a list of their own."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"words": _words(body.decode("utf-8", "replace"))}


def _words(text: str) -> list[str]:
    """Takes a form, or the query of an address, apart into its words, as they stand and decoded."""
    words = [*filter(None, _BETWEEN_WORDS.split(text))]
    decoded = [unquote_plus(word) for word in words]
    return [*words, *decoded, *(inner for word in decoded for inner in _words_of_json(word))]


def _words_of_json(word: str) -> Iterator[str]:
    """Texts of JSON in a field of a form."""
    if word.startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            yield from _texts_in(json.loads(word))


def _texts_in(document: Any) -> Iterator[str]:
    """All texts and numbers of a document, however deeply it is nested."""
    parts = [document]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, list):
            parts += part
        elif part is not None:
            yield category_text(part, _PLAIN) or ""
