"""Columns of the tables of a block, and the cells of its values, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Final

import duckdb

from features.history.text_rule import TextRule
from features.imports.errors import ImportValueError
from features.imports.format.map_blocks import Block
from features.imports.format.map_values import Value
from features.imports.rows.expressions import check_expression
from features.imports.session import literal, quoted
from features.tables.near_names import nearest_names

# Longest list of columns in a message.
_LONGEST_LIST: Final = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """What all blocks of an import share.

    Attributes:
        connection: session with the tables of the source.
        columns: types of the columns of each table of the source.
        rule: how cells are read.
        zone: zone of times that carry none.
        present: names of all columns of each table, also of those that no map names.
    """

    connection: duckdb.DuckDBPyConnection
    columns: Mapping[str, Mapping[str, str]]
    rule: TextRule
    zone: str | None
    present: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def column_of_tables(scope: Scope, block: Block, column: str, *, name: str, key: str) -> str:
    """Finds a column of the tables of a block, written as `column` of `from` or `table.column`."""
    names = {block.from_: block.from_, **{join.name: join.table for join in block.join}}
    table, dot, rest = column.partition(".")
    if dot and table in names:
        return f"{quoted(table)}.{column_of(scope, names[table], rest, name=name, key=key)}"
    return f"{quoted(block.from_)}.{column_of(scope, block.from_, column, name=name, key=key)}"


def cell_of(scope: Scope, block: Block, value: Value, *, name: str, key: str) -> str | None:
    """Writes the cell of a value as it is at the source; None where its column is absent and optional."""
    if value.expression is not None:
        return expression_of(scope, value.expression, name=name, key=key)
    if value.column is None:
        constant = value.constant
        return literal(constant) if isinstance(constant, str) else str(constant)
    elements = {unnest.as_ for unnest in block.unnest}
    if value.table is None and value.column in elements:
        cell, kind = f"{quoted(value.column)}.{quoted(value.column)}", "JSON"
        return _inner(cell, kind, value) if value.steps else cell
    names = {block.from_: block.from_, **{join.name: join.table for join in block.join}}
    own = value.table or block.from_
    columns = scope.columns[names[own]]
    if value.optional and _found(value.column, columns) is None:
        return None
    column = column_of(scope, names[own], value.column, name=name, key=key)
    cell = f"{quoted(own)}.{column}"
    kind = columns[_found(value.column, columns) or ""]
    return _inner(cell, kind, value) if value.steps else cell


def _inner(cell: str, kind: str, value: Value) -> str:
    """Leads into the JSON or struct of a cell; the result is a text."""
    path = "$" + "".join(f"[{s}]" if isinstance(s, int) else f'."{s}"' for s in value.steps)
    if kind in ("VARCHAR", "JSON"):
        cell = f"CASE WHEN json_valid({cell}) THEN {cell} END"
    else:
        cell = f"to_json({cell})"
    return f"json_extract_string({cell}, {literal(path)})"


def expression_of(scope: Scope, text: str, *, name: str, key: str) -> str:
    """Writes an expression of a map, once it is known to be scalar."""
    check_expression(scope.connection, text, block=name, key=key)
    return f"({text}\n)"


def column_of(scope: Scope, table: str, column: str, *, name: str, key: str) -> str:
    """Writes a column of a table, or says which it may be that was meant."""
    columns = scope.columns[table]
    found = _found(column, columns)
    if found is None:
        present = scope.present.get(table) or tuple(columns)
        near = nearest_names([column], present).get(column)
        hint = f"did you mean {near}" if near else f"it has {shorten(', '.join(present), _LONGEST_LIST)}"
        raise ImportValueError(name, key, f"{table} has no column {column}; {hint}")
    return quoted(found)


def _found(column: str, columns: Mapping[str, str]) -> str | None:
    """Finds a column, where capitals and spaces around it do not count unless there are several."""
    if column in columns:
        return column
    alike = [name for name in columns if name.strip().lower() == column.strip().lower()]
    return alike[0] if len(alike) == 1 else None
