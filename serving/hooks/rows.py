"""Maps records into what the routes of the intake take: leads, interactions, outcomes, aliases."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from features.history.text_rule import MISSING, TextRule
from features.imports.format.map_blocks import OPEN
from features.imports.format.values import PlainValue
from features.imports.reading.plain_cells import (
    ABSENT,
    FALSE,
    TRUE,
    CellTimeError,
    plain_cell,
    plain_number,
    plain_text,
    plain_time,
    plain_truth,
)
from features.imports.rows.reasons import REASONS
from features.times import format_time
from serving.clock import AHEAD_US
from serving.hooks.map_format import (
    Cell,
    HookAliases,
    HookBlock,
    HookChanges,
    HookInteractions,
    HookLeads,
    HookMap,
    HookOutcomes,
)
from serving.hooks.records import Record

_LONGEST_TYPE: Final = 60
_TEXTS: Final = ("direction", "channel", "campaign")


@dataclass(slots=True)
class MappedRows:
    """The rows of one body.

    Attributes:
        leads: each with the moment at which the CRM wrote it, microseconds UTC.
        interactions: by their source.
        outcomes: by their source.
        aliases: ids, and the leads that they are linked to.
        erased: leads of people who asked to be forgotten.
        faults: why records, or parts of them, could not be mapped.
    """

    leads: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    interactions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    aliases: list[dict[str, Any]] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def lead_ids(self) -> set[str]:
        """Ids of the leads that the rows are about."""
        items = [item for item, _ in self.leads]
        for rows in (*self.interactions.values(), *self.outcomes.values(), self.aliases):
            items += rows
        return {item[name] for item in items for name in ("lead_id", "alias_id") if name in item}


class _FaultError(Exception):
    """A record that is no row, although it should be one."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


def map_records(hook_map: HookMap, records: list[Record], *, body_id: str, received_at: int) -> MappedRows:
    """Maps all records of a body.

    Args:
        hook_map: of the CRM.
        records: of the body.
        body_id: names the body, for rows without an id of their own.
        received_at: receipt of the body, microseconds UTC.
    """
    rows = MappedRows()
    rule = TextRule(2, (*MISSING, *hook_map.missing))
    for number, record in enumerate(records):
        types = (plain_text(value, plain_cell(value, record), rule) for value in hook_map.type)
        type_ = next(filter(None, types), "")
        if type_ in hook_map.ignored:
            continue
        blocks = [*hook_map.blocks(type_)]
        if not blocks:
            told = f"of the type {type_[:_LONGEST_TYPE]}" if type_ else "without a type"
            rows.faults.append(f"No block of the map reads records {told}.")
        for place, (name, block) in enumerate(blocks):
            reading = _Reading(hook_map, rule, record, received_at, f"{body_id}#{number}.{place}")
            try:
                reading.add(rows, block)
            except _FaultError as fault:
                rows.faults.append(f"{name}: {fault}.")
    return rows


@dataclass(frozen=True, slots=True)
class _Reading:
    """One record, read by one block."""

    hook_map: HookMap
    rule: TextRule
    record: Record
    received_at: int
    own_id: str

    def add(self, rows: MappedRows, block: HookBlock) -> None:
        """Adds the row that the record is, if it is one.

        Raises:
            _FaultError: it should be one, and is not.
        """
        is_deleted = block.deleted is not None and self._truth(block.deleted)
        if is_deleted or not all(self._holds(condition) for condition in block.where):
            return
        if isinstance(block, HookLeads):
            self._add_lead(rows, block)
        elif isinstance(block, HookChanges):
            self._add_change(rows, block)
        elif isinstance(block, HookInteractions):
            self._add_interaction(rows, block)
        elif isinstance(block, HookOutcomes):
            self._add_outcome(rows, block)
        elif isinstance(block, HookAliases):
            alias_id, lead_id = self._id(block.alias_id), self._id(block.lead_id)
            if alias_id != lead_id:
                rows.aliases.append({"alias_id": alias_id, "lead_id": lead_id})

    def _add_lead(self, rows: MappedRows, block: HookLeads) -> None:
        lead_id = self._id(block.lead_id)
        if block.erased is not None and self._truth(block.erased):
            rows.erased.append(lead_id)
            return
        item: dict[str, Any] = {"lead_id": lead_id}
        created_at = None if block.created_at is None else self._time(block.created_at)
        if created_at is not None:
            item["created_at"] = format_time(created_at)
        if block.account_id is not None and (cell := self._cell(block.account_id)) is not ABSENT:
            item["account_id"] = plain_text(block.account_id, cell, self.rule)
        item["attributes"] = {
            name: self._typed(attribute, cell, attribute.type, name)
            for name, attribute in block.attributes.items()
            if attribute.use != "ignore" and (cell := self._cell(attribute)) is not ABSENT
        }
        changed_at = None if block.changed_at is None else self._time(block.changed_at)
        rows.leads.append((item, changed_at or self.received_at))

    def _add_change(self, rows: MappedRows, block: HookChanges) -> None:
        name = self._text(block.attribute)
        if name is None:
            return
        value = self._typed(block.value, self._cell(block.value), block.types.get(name), name)
        changed_at = None if block.available_at is None else self._time(block.available_at)
        item = {"lead_id": self._id(block.lead_id), "attributes": {name: value}}
        rows.leads.append((item, changed_at or self.received_at))

    def _add_interaction(self, rows: MappedRows, block: HookInteractions) -> None:
        lead_id, kind = self._id(block.lead_id), self._text(block.kind)
        if kind is None:
            raise _FaultError(REASONS["no_kind"].sentence)
        occurred_at = self._moment(block.occurred_at, missing="without_time")
        own = None if block.interaction_id is None else self._text(block.interaction_id)
        interaction_id = own or self.own_id
        if occurred_at > self.received_at + AHEAD_US:
            kind, occurred_at = f"{kind}_planned", self.received_at
            interaction_id = f"{interaction_id}:planned"
        item: dict[str, Any] = {
            "interaction_id": interaction_id,
            "lead_id": lead_id,
            "kind": kind,
            "occurred_at": format_time(occurred_at),
        }
        texts = ((name, getattr(block, name)) for name in _TEXTS)
        item |= {name: self._text(value) for name, value in texts if value is not None}
        if block.value is not None:
            item["value"] = self._number(block.value, "value")
        if block.is_automated is not None and self._truth(block.is_automated):
            item["is_automated"] = True
        rows.interactions.setdefault(self._source(block.source), []).append(item)

    def _add_outcome(self, rows: MappedRows, block: HookOutcomes) -> None:
        outcome = self._text(block.outcome)
        if outcome is None or outcome == OPEN:
            return
        missing = "without_time" if outcome == "reopened" else "closed_without_time"
        at = format_time(self._moment(block.occurred_at, missing=missing))
        own = None if block.outcome_id is None else self._text(block.outcome_id)
        item: dict[str, Any] = {
            "lead_id": self._id(block.lead_id),
            "outcome": outcome,
            "occurred_at": at,
            "outcome_id": own or f"{outcome} {at}",
        }
        if block.amount is not None and outcome == "converted":
            item["amount"] = self._number(block.amount, "amount")
        rows.outcomes.setdefault(self._source(block.source), []).append(item)

    def _cell(self, value: PlainValue) -> Any:
        return plain_cell(value, self.record)

    def _text(self, value: PlainValue) -> str | None:
        return plain_text(value, self._cell(value), self.rule)

    def _holds(self, condition: Cell) -> bool:
        return self._truth(condition) or (condition.optional and self._cell(condition) is ABSENT)

    def _truth(self, value: PlainValue) -> bool:
        # That false is written for an empty cell does not make it empty here.
        return plain_truth(value, self._cell(value), TextRule(2))

    def _id(self, value: PlainValue) -> str:
        text = self._text(value)
        if text is None:
            raise _FaultError(REASONS["no_id"].sentence)
        return text

    def _source(self, value: Cell | None) -> str:
        return (None if value is None else self._text(value)) or self.hook_map.crm

    def _time(self, value: Cell) -> int | None:
        try:
            return plain_time(value, self._cell(value), self.rule, zone=self.hook_map.zone)
        except CellTimeError as error:
            raise _FaultError(REASONS[error.code].sentence) from None

    def _moment(self, value: Cell | None, *, missing: str) -> int:
        found = None if value is None else self._time(value)
        if found is None and value is not None and not value.optional:
            raise _FaultError(REASONS[missing].sentence)
        return self.received_at if found is None else found

    def _number(self, value: PlainValue, name: str, cell: Any = ABSENT) -> float | None:
        cell = self._cell(value) if cell is ABSENT else cell
        try:
            return plain_number(value, cell, self.rule)
        except ValueError:
            raise _FaultError(f"{name} is no number") from None

    def _typed(self, value: PlainValue, cell: Any, type_: str | None, name: str) -> Any:
        """Gives the value of an attribute as JSON that the intake takes."""
        if type_ == "number":
            return None if cell is ABSENT else self._number(value, name, cell)
        if type_ == "boolean":
            text = plain_text(value, cell, TextRule(2, MISSING))
            if text is not None and text.lower() not in (*TRUE, *FALSE):
                raise _FaultError(f"{name} is neither true nor false")
            return None if text is None else text.lower() in TRUE
        text = plain_text(value, cell, self.rule)
        is_kept = type_ is None and value.values is None and isinstance(cell, bool | int | float)
        if is_kept and not math.isfinite(cell):
            raise _FaultError(f"{name} is no number")
        return cell if is_kept and text is not None else text
