"""The format of a map of hooks: which records of a CRM's bodies give which rows, and by which fields.

It is the format of an import's map without SQL: the same tables, keys and values, over one record at a time.
docs/crm/hooks.md explains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator

from features.history.lead_history import AttributeType
from features.history.settings import Known, Use
from features.imports.format.map_blocks import check_attribute_names, check_outcomes
from features.imports.format.values import MapPart, PlainValue, known_zone

CRMS: Final = ("odoo", "pipedrive", "espocrm", "zoho", "hubspot")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict | str) else value


class Cell(PlainValue):
    """Where a cell comes from.

    Attributes:
        optional: of a time: whether it may be absent or empty; the receipt of the hook then counts. Of a
            condition: whether it holds where the field is absent.
    """

    optional: bool = False


class HookAttribute(PlainValue):
    """An attribute of leads; whatever comes by a hook is known from its receipt on.

    Attributes:
        known: as in a map for an import, where it matters.
        use: `ignore` leaves the attribute out; what is only shown is a setting of the server.
        type: type of its values; that of the JSON unless given.
    """

    known: Known | None = None
    use: Use | None = None
    type: AttributeType | None = None


class HookBlock(MapPart):
    """Records of some types that become rows of one table.

    Attributes:
        from_: type of the records, or several.
        where: truths that have to hold, all of them; other records are no rows of this block.
        deleted: whether the record was deleted; it is then no row.
    """

    from_: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(alias="from", min_length=1)]
    where: Annotated[tuple[Cell, ...], BeforeValidator(_as_list)] = ()
    deleted: Cell | None = None


class HookLeads(HookBlock):
    """Leads, created or changed.

    Attributes:
        lead_id: their id.
        created_at: when they were created; a record without it changes a lead that is stored.
        changed_at: when the CRM wrote the record: what is stored and newer stays. The receipt unless given.
        account_id: the company that several belong to.
        erased: whether a person asked to be forgotten: the lead is erased.
        attributes: by the name that they have in the history; one that a record lacks stays unchanged.
    """

    lead_id: Cell
    created_at: Cell | None = None
    changed_at: Cell | None = None
    account_id: Cell | None = None
    erased: Cell | None = None
    attributes: Mapping[str, HookAttribute] = {}

    _are_no_columns = field_validator("attributes")(check_attribute_names)


class HookInteractions(HookBlock):
    """Interactions; one that lies more than an hour ahead is a plan, `<kind>_planned`, of its receipt.

    Attributes:
        occurred_at: when; the receipt unless given.
        source: the name of the CRM unless given.
        interaction_id: the record in its body unless given.
    """

    lead_id: Cell
    kind: Cell
    occurred_at: Cell | None = None
    source: Cell | None = None
    interaction_id: Cell | None = None
    direction: Cell | None = None
    channel: Cell | None = None
    value: Cell | None = None
    campaign: Cell | None = None
    is_automated: Cell | None = None


class HookOutcomes(HookBlock):
    """Outcomes; a record whose text `outcome` does not list is none.

    Attributes:
        outcome: `values` of it give `converted`, `lost`, `reopened`, or `open` for what is no outcome.
        occurred_at: when; the receipt unless given. A closing status without its time is refused.
        source: the name of the CRM unless given.
        outcome_id: outcome and time unless given, so that another amount corrects it.
    """

    lead_id: Cell
    outcome: Cell
    occurred_at: Cell | None = None
    source: Cell | None = None
    outcome_id: Cell | None = None
    amount: Cell | None = None

    _are_outcomes = field_validator("outcome")(check_outcomes)


class HookChanges(HookBlock):
    """Changes of single attributes of leads that are stored.

    Attributes:
        attribute: its name in the history; a text that `values` does not list is no row.
        value: the value from then on; null empties it.
        available_at: when the CRM wrote it: what is stored and newer stays.
        types: types of values, by attribute.
    """

    lead_id: Cell
    attribute: Cell
    value: Cell
    available_at: Cell | None = None
    types: Mapping[str, AttributeType] = {}


class HookAliases(HookBlock):
    """Other ids of leads: duplicates that were merged."""

    alias_id: Cell
    lead_id: Cell


class HookMap(MapPart):
    """A whole map.

    Attributes:
        description: what it reads, in a sentence.
        crm: whose bodies.
        type: names the type of a record, which `from` of the blocks refers to; of several the first there.
        records: way to the list of records in the body; the body itself unless given.
        ignored: types of records that are none of our business.
        zone: of times that carry none and whose value names no zone.
        missing: further spellings of a missing cell, such as `false`.
        leads: any number of blocks, as of the others.
    """

    description: str = ""
    crm: Literal["odoo", "pipedrive", "espocrm", "zoho", "hubspot"]
    type: Annotated[tuple[Cell, ...], BeforeValidator(_as_list), Field(min_length=1)]
    records: str | None = None
    ignored: tuple[str, ...] = ()
    zone: str | None = None
    missing: tuple[str, ...] = ()
    leads: Annotated[tuple[HookLeads, ...], BeforeValidator(_as_list)] = ()
    attribute_changes: Annotated[tuple[HookChanges, ...], BeforeValidator(_as_list)] = ()
    interactions: Annotated[tuple[HookInteractions, ...], BeforeValidator(_as_list)] = ()
    outcomes: Annotated[tuple[HookOutcomes, ...], BeforeValidator(_as_list)] = ()
    lead_aliases: Annotated[tuple[HookAliases, ...], BeforeValidator(_as_list)] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else known_zone(zone)

    def blocks(self, type_: str) -> Iterator[tuple[str, HookBlock]]:
        """Gives the blocks that read records of a type, each with its name for people."""
        for table in ("leads", "attribute_changes", "interactions", "outcomes", "lead_aliases"):
            blocks: tuple[HookBlock, ...] = getattr(self, table)
            for number, block in enumerate(blocks, 1):
                if type_ in block.from_:
                    yield table if len(blocks) == 1 else f"{table} {number}", block
