"""The columns of the tables of a history, as they are handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# Columns by table: those that must be there, and those that are used if they are. `leads` uses every column.
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "leads": ("lead_id", "created_at"),
        "interactions": ("lead_id", "kind", "occurred_at"),
        "outcomes": ("lead_id", "outcome", "occurred_at"),
        "attribute_changes": ("lead_id", "attribute", "value", "available_at"),
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
        ),
        "outcomes": ("available_at", "amount"),
        "attribute_changes": (),
    }
)


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """What a column holds.

    Attributes:
        holds: type of its values, in words.
        meaning: what they say, and what counts where the column or a cell is empty.
    """

    holds: str
    meaning: str


_TIME: Final = "time with a zone"
_LEAD: Final = ColumnDoc("text", "Your id of the lead, as in `leads`.")

TABLE_DOCS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "leads": "One row a lead. Every column that is not named here is an attribute: number, boolean or "
        "category.",
        "interactions": "One row for each thing that happened between a lead and you, in either direction.",
        "outcomes": "One row for each lead of which it is known what came of it. Open leads have no row.",
        "attribute_changes": "One row for each change of an attribute. With this table, the columns of "
        "`leads` are the values at creation; without it they count as known from creation on.",
    }
)
COLUMN_DOCS: Final[Mapping[str, Mapping[str, ColumnDoc]]] = MappingProxyType(
    {
        "leads": {
            "lead_id": ColumnDoc("text", "Your id of the lead, once in this table."),
            "created_at": ColumnDoc(
                _TIME, "When the lead came to be. Before it the lead is not scored, and nothing of it known."
            ),
            "account_id": ColumnDoc(
                "text", "The company that several leads belong to; empty: the lead stands alone."
            ),
        },
        "interactions": {
            "lead_id": _LEAD,
            "kind": ColumnDoc(
                "text",
                "What sort of interaction. Any word will do; those of [the vocabulary](measures.md#kinds) "
                "also decide stage and direction.",
            ),
            "occurred_at": ColumnDoc(_TIME, "When it happened."),
            "source": ColumnDoc("text", "The system it comes from."),
            "interaction_id": ColumnDoc(
                "text",
                "Its id at the source: the same source and id twice count once. Rows without an id are never "
                "merged.",
            ),
            "available_at": ColumnDoc(
                _TIME, "When your systems knew of it; empty: when it happened. Never before `occurred_at`."
            ),
            "direction": ColumnDoc(
                "`inbound` or `outbound`", "They came, or you went; empty: as is usual for the kind."
            ),
            "channel": ColumnDoc("text", "By which way: web, phone, e-mail."),
            "value": ColumnDoc("number", "A number that came with it, such as seconds or euros."),
            "campaign": ColumnDoc("text", "The campaign it belongs to."),
        },
        "outcomes": {
            "lead_id": _LEAD,
            "outcome": ColumnDoc(
                "`converted` or `lost`", "What came of the lead. The first known one counts."
            ),
            "occurred_at": ColumnDoc(_TIME, "When it came to that."),
            "available_at": ColumnDoc(
                _TIME,
                "When your systems knew; empty: when it happened. Where outcomes are reported late, this "
                "column keeps young leads from counting as lost.",
            ),
            "amount": ColumnDoc("number", "What the conversion brings; makes `expected_value`."),
        },
        "attribute_changes": {
            "lead_id": _LEAD,
            "attribute": ColumnDoc("text", "Name of a column of `leads`."),
            "value": ColumnDoc(
                "as the attribute, or text", "The value from then on; empty: no longer known."
            ),
            "available_at": ColumnDoc(_TIME, "When your systems knew."),
        },
    }
)
