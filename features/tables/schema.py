"""The columns of the tables of a history, as they are handed in."""

from __future__ import annotations

from collections.abc import Mapping
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
