"""The tables of a history and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# Tables without which there is no history.
NEEDED: Final = ("leads", "interactions")
# Columns by table: those that must exist, and those that are used if they exist. `leads` uses every column.
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "leads": ("lead_id", "created_at"),
        "interactions": ("lead_id", "kind", "occurred_at"),
        "outcomes": ("lead_id", "outcome", "occurred_at"),
        "attribute_changes": ("lead_id", "attribute", "value", "available_at"),
        "lead_aliases": ("alias_id", "lead_id", "available_at"),
    }
)
OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "leads": ("account_id",),
        "interactions": (
            "source",
            "interaction_id",
            "available_at",
            "direction",
            "channel",
            "value",
            "campaign",
            "is_automated",
        ),
        "outcomes": ("source", "outcome_id", "available_at", "amount"),
        "attribute_changes": (),
        "lead_aliases": (),
    }
)
# Those that hold numbers and times.
NUMBER_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {"interactions": ("value",), "outcomes": ("amount",)}
TIME_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("created_at",),
    "interactions": ("occurred_at", "available_at"),
    "outcomes": ("occurred_at", "available_at"),
    "attribute_changes": ("available_at",),
    "lead_aliases": ("available_at",),
}


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """Documentation of a column.

    Attributes:
        holds: type of its values, in words.
        meaning: meaning of its values, and what counts where the column or a cell is empty.
    """

    holds: str
    meaning: str


_TIME: Final = "time with a zone"
_LEAD: Final = ColumnDoc("text", "Your id of the lead, as in `leads`.")

TABLE_DOCS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "leads": "One row per lead. Every column that is not named here is an attribute: number, boolean or "
        "category.",
        "interactions": "One row per interaction between a lead and you, in either direction.",
        "outcomes": "One row per outcome of a lead. Leads that were never closed have no row.",
        "attribute_changes": "One row per change of an attribute. With this table, the columns of "
        "`leads` are the values at creation; without it, they count as known from creation on.",
        "lead_aliases": "One row per id that turned out to be a lead under another id: an anonymous visitor "
        "who became known, a duplicate that was merged, a lead that became a contact. The rows under the "
        "alias belong to the lead and are known from the link on, never before. An alias that is itself in "
        "`leads` has its own row until the link and none afterwards.",
    }
)
COLUMN_DOCS: Final[Mapping[str, Mapping[str, ColumnDoc]]] = MappingProxyType(
    {
        "leads": {
            "lead_id": ColumnDoc("text", "Your id of the lead, once in this table."),
            "created_at": ColumnDoc(
                _TIME, "When the lead was created. Before it the lead is not scored, and nothing of it known."
            ),
            "account_id": ColumnDoc(
                "text", "The company that several leads belong to; empty: the lead stands alone."
            ),
        },
        "interactions": {
            "lead_id": _LEAD,
            "kind": ColumnDoc(
                "text",
                "Kind of interaction. Any text is allowed; those of [the vocabulary](measures.md#kinds) "
                "also set stage and direction.",
            ),
            "occurred_at": ColumnDoc(_TIME, "When the interaction happened."),
            "source": ColumnDoc("text", "The system that recorded it."),
            "interaction_id": ColumnDoc(
                "text",
                "Its id at the source: rows with the same source and id count once. Rows without an id are "
                "never merged.",
            ),
            "available_at": ColumnDoc(
                _TIME,
                "When your systems knew of it; empty: `occurred_at`. Never before `occurred_at`.",
            ),
            "direction": ColumnDoc(
                "`inbound` or `outbound`",
                "The lead contacted you, or you contacted the lead; empty: the usual direction of the kind.",
            ),
            "channel": ColumnDoc("text", "The channel: web, phone, e-mail."),
            "value": ColumnDoc("number", "A number attached to it, such as seconds or euros."),
            "campaign": ColumnDoc("text", "The campaign it belongs to."),
            "is_automated": ColumnDoc(
                "`true` or `false`",
                "A machine made it, such as a scanner of links; empty: its times tell, by the rules for "
                "[machine-made interactions](explanation.md#machine-made-interactions). Features leave out "
                "what a machine made.",
            ),
        },
        "outcomes": {
            "lead_id": _LEAD,
            "outcome": ColumnDoc(
                "`converted`, `lost` or `reopened`",
                "The outcome of the lead. At any moment the last one known then holds: a converted or lost "
                "lead is closed until a correction or `reopened` opens it again.",
            ),
            "occurred_at": ColumnDoc(
                _TIME,
                "When the lead converted, was lost or reopened. Before the creation of the lead: counts from "
                "the creation on.",
            ),
            "source": ColumnDoc("text", "The system that recorded it."),
            "outcome_id": ColumnDoc(
                "text",
                "Its id at the source. A row with the source and id of an earlier one and a later "
                "`available_at` corrects it: from then on the earlier one never happened. Rows without an id "
                "are never corrected.",
            ),
            "available_at": ColumnDoc(
                _TIME,
                "When your systems knew of it; empty: `occurred_at`. Where outcomes are reported late, this "
                "column keeps young leads from counting as lost.",
            ),
            "amount": ColumnDoc("number", "Amount of the conversion; `expected_value` is computed from it."),
        },
        "attribute_changes": {
            "lead_id": _LEAD,
            "attribute": ColumnDoc("text", "Name of a column of `leads`."),
            "value": ColumnDoc(
                "as the attribute, or text", "The value from then on; empty: no longer known."
            ),
            "available_at": ColumnDoc(_TIME, "When your systems knew of the value."),
        },
        "lead_aliases": {
            "alias_id": ColumnDoc(
                "text",
                "The other id. It may be in `leads`, or only in the rows of other tables. The earliest link "
                "of an alias counts.",
            ),
            "lead_id": ColumnDoc(
                "text",
                "The id of the lead that it is. It may be an alias in turn: chains are followed. Cycles are "
                "refused.",
            ),
            "available_at": ColumnDoc(_TIME, "When your systems knew that both are one."),
        },
    }
)
