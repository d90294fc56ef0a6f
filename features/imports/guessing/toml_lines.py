"""Pieces of a draft in TOML: where a cell, a time, the id of a lead and the rows of a block are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from features.imports.guessing.links import Link
from features.imports.guessing.nested_cells import element_name, sql_field
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.session import quoted

_BARE: Final = re.compile("[A-Za-z0-9_-]+")


def block_lines(table: TableProfile, link: Link, join: str = "") -> Iterator[str]:
    """Writes from where the rows of a block are, and which lead each is of; the last line is the lead's id.

    Args:
        table: of the rows.
        link: how they name their leads.
        join: a further table, as TOML.
    """
    yield f"from = {text_value(table.base)}"
    if table.parent is not None:
        column = text_value(table.list_column)
        yield f"unnest = [{{column = {column}, as = {text_value(element_name(table.list_column))}}}]"
    joins = [join] if join else []
    if link.via is not None:
        same = f"{text_value(link.other)} = {text_value(link.own)}"
        joins.insert(0, f'{{table = {text_value(link.via)}, on = {{{same}}}, kind = "inner"}}')
    if joins:
        yield f"join = [{', '.join(joins)}]"
    yield f"lead_id = {lead_value(link, table.base)}"


def lead_value(link: Link, table: str) -> str:
    """Writes where the id of the lead of a row is; one made of an address hides it."""
    if link.is_address:
        own = _cell(link.lead, link.via or table)
        return f"{{expression = {text_value(f'md5(lower(trim({own})))')}}}"
    if link.visitor is not None and link.lead.filled_share < 1.0:
        known, visitor = (_cell(each, table) for each in (link.lead, link.visitor))
        return f"{{expression = {text_value(f'coalesce({known}, {visitor})')}}}"
    return value_of(link.lead, **({} if link.via is None else {"table": text_value(link.via)}))


def value_of(column: ColumnProfile, **keys: str) -> str:
    """Writes where a cell is, with further keys, whose values are TOML.

    A column that needs no more is a text alone.
    """
    place = {"column": text_value(column.name if column.place is None else column.place.column)}
    if column.place is not None:
        place["path"] = text_value(column.place.path)
    all_keys = place | keys
    if len(all_keys) == 1:
        return place["column"]
    return f"{{{', '.join(f'{key} = {value}' for key, value in all_keys.items())}}}"


def time_value(column: ColumnProfile, table: TableProfile) -> str:
    """Writes where a time is, with its likeliest format; a date with the time of day of the column for it."""
    clock = next((each for each in table.columns if each.clock and table.is_own(each)), None)
    formats = column.formats[0]
    if column.is_date and clock is not None and table.is_own(column) and table.parent is None:
        day = formats[0] if formats and "%" in formats[0] else "%Y-%m-%d"
        whole = f"concat_ws(' ', {sql_of(column, table)}, {sql_of(clock, table)})"
        patterns = f"[{text_value(f'{day} {clock.clock}')}, {text_value(day)}]"
        return f"{{expression = {text_value(whole)}, format = {patterns}}}"
    return value_of(column, **({"format": text_value(formats[0])} if formats else {}))


def first_time_value(columns: list[ColumnProfile], table: TableProfile) -> str:
    """Writes a time that is in one of several columns of one format: that of the first which is filled."""
    formats = columns[0].formats[0]
    cells = ", ".join(sql_of(each, table) for each in columns)
    told = f", format = {text_value(formats[0])}" if formats else ""
    return f"{{expression = {text_value(f'coalesce({cells})')}{told}}}"


def sql_of(column: ColumnProfile, table: TableProfile) -> str:
    """Writes a cell for an expression of a map."""
    return _cell(column, table.name)


def _cell(column: ColumnProfile, table: str) -> str:
    return f"{quoted(table)}.{quoted(column.name)}" if column.place is None else sql_field(column.place)


def filled(column: ColumnProfile, table: TableProfile) -> str:
    """Writes for an expression that a cell is filled, whatever its type."""
    return f"coalesce(CAST({sql_of(column, table)} AS VARCHAR), '') <> ''"


def key_text(name: str) -> str:
    """Writes a key as TOML: bare where that is allowed."""
    return name if _BARE.fullmatch(name) else text_value(name)


def text_value(text: str) -> str:
    """Writes a text as TOML: its basic strings are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
