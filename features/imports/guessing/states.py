"""Which columns and tables say how leads stand, and how they ended."""

from __future__ import annotations

from typing import Final

from features.imports.guessing.found_leads import named_column, times_of_closing
from features.imports.guessing.known_names import are_states, letters, may_be_sale, rank_of
from features.imports.guessing.profiles import ColumnProfile, TableProfile

# Parts of names of columns that say where a lead came from.
_ORIGINS: Final = (
    *(
        "source",
        "origin",
        "origem",
        "fonte",
        "quelle",
        "herkunft",
        "provenance",
        "origen",
        "medium",
        "channel",
        "kanal",
    ),
)


def tells_ends(table: TableProfile) -> bool:
    """Tells whether a table says how leads end: as interactions its rows would tell a model the answer."""
    if times_of_closing(table) or any(are_states(column.values) for column in table.columns):
        return True
    if may_be_sale(table.name):
        return True
    return named_column(table, "amount") is not None and any(map(may_close, table.columns))


def says_origin(column: ColumnProfile) -> bool:
    """Tells whether the name of a column says where a lead came from."""
    own = letters(column.own_name)
    named = rank_of("source", column.own_name) is not None or rank_of("campaign", column.own_name) is not None
    return named or any(word in own for word in _ORIGINS)


def is_state(column: ColumnProfile) -> bool:
    """Tells whether a column says how a lead stands, by its name or by its values."""
    return rank_of("status", column.own_name) is not None or are_states(column.values)


def may_close(column: ColumnProfile) -> bool:
    """Tells whether a state may be one that closes a lead."""
    return is_state(column) and (len(column.values) > 1 or are_states(column.values))
