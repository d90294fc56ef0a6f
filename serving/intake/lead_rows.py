"""Reads and writes the rows of a lead: itself, its account, the values of its attributes and their times.

A body of a thousand leads holds the one writer, so every statement is compiled once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from features.history.lead_history import AttributeType
from features.history.text_rule import TEXT_RULE, category_text
from features.sources.service_tables import ATTRIBUTE_CHANGES, LEADS
from serving.bodies.score_bodies import AttributeValue
from serving.database.schema import ACCOUNT_CHANGES, ATTRIBUTE_TIMES
from serving.database.statements import CompiledStatement, insert_rows, upsert_rows
from serving.database.writer import Receipt

_OWN: Final[sa.BindParameter[str]] = sa.bindparam("own_id")
_FOUND: Final = CompiledStatement(sa.select(LEADS.c.created_at, LEADS.c.account_id).filter_by(lead_id=_OWN))
_CHANGES: Final = CompiledStatement(
    sa.select(*(ATTRIBUTE_CHANGES.c[name] for name in ("attribute", "type", "value", "available_at")))
    .filter_by(lead_id=_OWN)
    .order_by(ATTRIBUTE_CHANGES.c.available_at)
)
_TIMES: Final = CompiledStatement(
    sa.select(*(ATTRIBUTE_TIMES.c[name] for name in ("attribute", "occurred_at", "known_at"))).filter_by(
        lead_id=_OWN
    )
)
_MOVE: Final = CompiledStatement(
    sa.update(LEADS).filter_by(lead_id=_OWN).values(account_id=sa.bindparam("account"))
)


class LeadRow(NamedTuple):
    """A stored lead: its creation in microseconds UTC, and its account."""

    created_at: int
    account_id: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """A stored value of an attribute; None where it is missing."""

    type: AttributeType | None
    text: str | None


def find_lead(connection: sa.Connection, lead_id: str) -> LeadRow | None:
    """Reads a lead; None where it is not stored."""
    rows = _FOUND.rows(connection, {"own_id": lead_id})
    return LeadRow._make(rows[0]) if rows else None


def insert_lead(connection: sa.Connection, receipt: Receipt, lead_id: str, lead: LeadRow) -> None:
    """Stores a new lead with its account."""
    insert_rows(connection, LEADS, [{"lead_id": lead_id, **lead._asdict()}])
    record_account(connection, receipt, lead_id=lead_id, account_id=lead.account_id)


def move_lead(connection: sa.Connection, receipt: Receipt, lead_id: str, account_id: str | None) -> None:
    """Moves a lead to another account."""
    _MOVE.run(connection, {"own_id": lead_id, "account": account_id})
    record_account(connection, receipt, lead_id=lead_id, account_id=account_id)


def record_account(
    connection: sa.Connection, receipt: Receipt, *, lead_id: str, account_id: str | None
) -> None:
    """Records the account of a lead from this transaction on; the last call in a transaction counts."""
    upsert_rows(
        connection, ACCOUNT_CHANGES, [(lead_id, receipt.sequence, account_id)], unless_older="sequence"
    )


def last_changes(connection: sa.Connection, lead_id: str) -> dict[str, tuple[Value, int]]:
    """Reads the last value of each attribute, and when it became known, microseconds UTC."""
    rows = _CHANGES.rows(connection, {"own_id": lead_id})
    return {name: (Value(type_, text), known) for name, type_, text, known in rows}


def newer_values(connection: sa.Connection, lead_id: str, occurred_at: int) -> set[str]:
    """Finds the attributes of a lead, and `account_id`, whose stored value is newer than a moment.

    A value is as old as the newest message that named it; one that came otherwise, as its last receipt.
    """
    times = _TIMES.rows(connection, {"own_id": lead_id})
    of_messages = {name: (at, known_at) for name, at, known_at in times}
    last = {name: known for name, (_, known) in last_changes(connection, lead_id).items()}
    newer = set()
    for name in last.keys() | of_messages.keys():
        at, known_at = of_messages.get(name, (0, -1))
        moment = last[name] if last.get(name, -1) > known_at else at
        if moment > occurred_at:
            newer.add(name)
    return newer


def write_time(connection: sa.Connection, lead_id: str, name: str, *, occurred_at: int) -> None:
    """Notes when a source said what is no attribute of a lead, such as its account."""
    _write_times(connection, [(lead_id, name, occurred_at, 0)])


def merge_values(
    connection: sa.Connection,
    receipt: Receipt,
    lead_id: str,
    sent: Mapping[str, AttributeValue],
    *,
    occurred_at: int | None,
) -> list[str]:
    """Stores the values of attributes that differ from the last ones.

    Args:
        connection: in a transaction that writes.
        receipt: changed values are known from it on.
        lead_id: the lead.
        sent: values by attribute.
        occurred_at: when the source wrote them, microseconds UTC; None: when they were received.

    Returns:
        Names of the attributes that changed, sorted.
    """
    if not sent:
        return []
    last = last_changes(connection, lead_id)
    said_at = receipt.at if occurred_at is None else occurred_at
    changes: list[dict[str, Any]] = []
    times: list[tuple[str, str, int, int]] = []
    for name, value in sorted(sent.items()):
        before, known = last.get(name, (_NO_VALUE, 0))
        now = _value(value)
        if now != before:
            # Never at the same moment as the change before: which one is the last would be undefined.
            row = {"lead_id": lead_id, "attribute": name, "type": now.type, "value": now.text}
            known = max(receipt.at, known + 1)
            changes.append({**row, "available_at": known, "sequence": receipt.sequence})
        # A change is as old as its receipt; what says the same again is newer than the change.
        if now == before or occurred_at is not None:
            times.append((lead_id, name, said_at, known))
    insert_rows(connection, ATTRIBUTE_CHANGES, changes)
    _write_times(connection, times)
    return [change["attribute"] for change in changes]


def _write_times(connection: sa.Connection, rows: Sequence[tuple[str, str, int, int]]) -> None:
    upsert_rows(connection, ATTRIBUTE_TIMES, rows, unless_older=None)


_NO_VALUE: Final = Value(None, None)


def _value(value: AttributeValue) -> Value:
    if value is None or value == "":
        return _NO_VALUE
    if isinstance(value, str):
        return Value("category", value)
    return Value("boolean" if isinstance(value, bool) else "number", category_text(value, TEXT_RULE))
