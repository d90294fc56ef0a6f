"""Pieces of a draft in TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from features.imports.guessing.found_leads import named_column, times_of_closing
from features.imports.guessing.known_names import are_states, letters, rank_of
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile

_BARE: Final = re.compile("[A-Za-z0-9_-]+")
# Parts of names of columns that say where a lead came from.
_ORIGINS: Final = (
    *("source", "origin", "origem", "fonte", "quelle", "herkunft", "provenance", "origen", "medium"),
)


def tells_ends(table: TableProfile) -> bool:
    """Tells whether a table says how leads end: as interactions its rows would tell a model the answer."""
    if times_of_closing(table) or any(are_states(column.values) for column in table.columns):
        return True
    return named_column(table, "amount") is not None and any(map(may_close, table.columns))


def lead_lines(link: Link) -> Iterator[str]:
    """Writes the lines that lead to the id of the lead."""
    if link.via is None:
        yield f"lead_id = {text_value(link.lead.name)}"
    else:
        same = f"{text_value(link.other)} = {text_value(link.own)}"
        yield f'join = [{{table = {text_value(link.via)}, on = {{{same}}}, kind = "inner"}}]'
        yield f"lead_id = {{column = {text_value(link.lead.name)}, table = {text_value(link.via)}}}"


def says_origin(column: ColumnProfile) -> bool:
    """Tells whether the name of a column says where a lead came from."""
    own = letters(column.name)
    named = rank_of("source", column.name) is not None or rank_of("campaign", column.name) is not None
    return named or any(word in own for word in _ORIGINS)


def is_state(column: ColumnProfile) -> bool:
    """Tells whether a column says how a lead stands, by its name or by its values."""
    return rank_of("status", column.name) is not None or are_states(column.values)


def may_close(column: ColumnProfile) -> bool:
    """Tells whether a state may be one that closes a lead."""
    return is_state(column) and (len(column.values) > 1 or are_states(column.values))


def time_value(column: ColumnProfile) -> str:
    """Writes where a time is, with its likeliest format."""
    formats = column.formats[0]
    if not formats:
        return text_value(column.name)
    return f"{{column = {text_value(column.name)}, format = {text_value(formats[0])}}}"


def key_text(name: str) -> str:
    """Writes a key as TOML: bare where that is allowed."""
    return name if _BARE.fullmatch(name) else text_value(name)


def text_value(text: str) -> str:
    """Writes a text as TOML: its basic strings are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
