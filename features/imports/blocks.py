"""Writes one block of a map as SQL: its cells as they are, then as columns of the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import shorten

import duckdb

from features.history.text_rule import TextRule
from features.imports.cells import TimeStages, is_number, looked_up, text_of, time_stages, truth_of
from features.imports.errors import ImportValueError
from features.imports.expressions import check_expression
from features.imports.map_format import Attribute, Block, Interactions, Join, Value
from features.imports.session import SOURCE, columns_of, literal, quoted, run
from features.tables.near_names import nearest_names

# Columns of a block beside those of the history.
REASON = quoted("!reason")
_PLACE = quoted("!place")
_THERE = "!there"
# Longest list of columns in a message.
_LONGEST_LIST = 500
# Keys whose cells are times and truths; all others are texts, but for attributes and numbers.
TIMES = ("created_at", "occurred_at", "available_at")
_TRUTHS = ("deleted", "erased", "is_automated")
# Types that an attribute keeps beside numbers and times; all others, such as bytes and spans, are texts.
_KEPT = ("VARCHAR", "BOOLEAN", "DATE")


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


@dataclass(frozen=True, slots=True)
class RawBlock:
    """The cells of a block as they are at the source.

    Attributes:
        name: name of the block for people.
        block: the block.
        cells: SQL of each cell, by key.
        rows: SQL after FROM.
        kinds: types of the cells.
        absent: keys of optional columns that the source lacks.
    """

    name: str
    block: Block
    cells: Mapping[str, str]
    rows: str
    kinds: Mapping[str, str]
    absent: tuple[str, ...]

    def has(self, key: str) -> bool:
        """Tells whether the block gives a value for a key."""
        return key in self.cells


def open_block(scope: Scope, block: Block, name: str) -> RawBlock:
    """Finds every cell of a block, and its type; nothing is run.

    Raises:
        ImportValueError: a column that is not there, or an expression that is not scalar or does not bind.
    """
    cells: dict[str, str] = {}
    absent: list[str] = []
    for key, value in block.values():
        cell = _cell(scope, block, value, name=name, key=key)
        if cell is None:
            absent.append(key)
        else:
            cells[key] = cell
    if block.where is not None:
        cells["where"] = _expression(scope, block.where, name=name, key="where")
    rows = _rows(scope, block, name)
    kinds = _kinds(scope, cells, rows, name)
    condition = kinds.get("where", "BOOLEAN")
    if condition != "BOOLEAN" and not is_number(condition):
        fault = f"it is {condition}, neither true nor false; compare it with something"
        raise ImportValueError(name, "where", fault)
    return RawBlock(name, block, cells, rows, kinds, tuple(absent))


def _kinds(scope: Scope, cells: Mapping[str, str], rows: str, name: str) -> Mapping[str, str]:
    listed = ", ".join(f"{cell} AS {raw_name(key)}" for key, cell in cells.items())
    try:
        kinds = columns_of(scope.connection, f"SELECT {listed} FROM {rows}")
        return dict(zip(cells, kinds.values(), strict=True))
    except duckdb.Error:
        pass
    for key, cell in cells.items():
        try:
            columns_of(scope.connection, f"SELECT {cell} FROM {rows}")
        except duckdb.Error as error:
            raise ImportValueError(name, key, _first_line(error)) from None
    raise ImportValueError(name, "from", "its tables do not fit together")


def _first_line(error: duckdb.Error) -> str:
    """Gives what DuckDB says about an expression, before it has seen a row."""
    return str(error).partition("\n")[0].partition("Error: ")[2].rstrip(".!") or type(error).__name__


def raise_fault_of_row(scope: Scope, raw: RawBlock, error: duckdb.Error) -> None:
    """Finds the value that failed on a row; the message of DuckDB may hold a cell, and is not shown.

    Raises:
        ImportValueError: always.
    """
    kind = str(error).partition(":")[0].lower()
    for key, cell in raw.cells.items():
        try:
            run(scope.connection, f"SELECT count({cell}) FROM {raw.rows}")
        except duckdb.Error:
            fault = f"it fails on a row ({kind}); use TRY_CAST, or CASE for the rows that it is for"
            raise ImportValueError(raw.name, key, fault) from None
    raise ImportValueError(raw.name, "from", f"a row fails ({kind})") from None


def _rows(scope: Scope, block: Block, name: str) -> str:
    """Writes the tables of a block: joined, and its lists unnested."""
    rows = _first_table(scope, block, name)
    for join in block.join:
        rows += f" LEFT JOIN {_joined(scope, block, join, name)}"
    for unnest in block.unnest:
        cell = _cell(scope, block, unnest, name=name, key="unnest")
        kind = columns_of(scope.connection, f"SELECT {cell} AS list FROM {rows}")["list"]
        is_list = kind.endswith("]")
        items = cell if is_list else f"CAST(CASE WHEN json_valid({cell}) THEN {cell} END AS JSON[])"
        column = quoted(unnest.as_)
        rows += f" LEFT JOIN LATERAL (SELECT unnest({items}) AS {column}) AS {column} ON true"
    return rows


def _first_table(scope: Scope, block: Block, name: str) -> str:
    table = f"{SOURCE}.{quoted(block.from_)}"
    if block.latest is None:
        return f"{table} AS {quoted(block.from_)}"
    by = ", ".join(_column(scope, block.from_, column, name=name, key="latest") for column in block.latest.by)
    column, way = block.latest.order
    order = f"{_column(scope, block.from_, column, name=name, key='latest')} {way} NULLS LAST"
    place = f"row_number() OVER (PARTITION BY {by} ORDER BY {order})"
    return f"(SELECT *, {place} AS {_PLACE} FROM {table}) AS {quoted(block.from_)}"


def _joined(scope: Scope, block: Block, join: Join, name: str) -> str:
    key = f"join {join.name}"
    one, condition = "", ""
    if isinstance(join.on, str):
        condition = _expression(scope, join.on, name=name, key=key)
    else:
        own = [_column(scope, join.table, column, name=name, key=key) for column in join.on]
        others = [_of_tables(scope, block, column, name=name, key=key) for column in join.on.values()]
        condition = " AND ".join(
            f"CAST({quoted(join.name)}.{mine} AS VARCHAR) = CAST({other} AS VARCHAR)"
            for mine, other in zip(own, others, strict=True)
        )
        if order := join.first_by or join.last_by:
            by = _column(scope, join.table, order, name=name, key=key)
            way = "DESC" if join.last_by else "ASC"
            one = (
                f" QUALIFY row_number() OVER (PARTITION BY {', '.join(own)} ORDER BY {by} {way} NULLS LAST)"
                " = 1"
            )
    there = quoted(f"{_THERE} {join.name}")
    table = f"(SELECT *, true AS {there} FROM {SOURCE}.{quoted(join.table)}{one})"
    return f"{table} AS {quoted(join.name)} ON {condition}"


def _of_tables(scope: Scope, block: Block, column: str, *, name: str, key: str) -> str:
    """Finds a column of the tables of a block, written as `column` of `from` or `table.column`."""
    names = {block.from_: block.from_, **{join.name: join.table for join in block.join}}
    table, dot, rest = column.partition(".")
    if dot and table in names:
        return f"{quoted(table)}.{_column(scope, names[table], rest, name=name, key=key)}"
    return f"{quoted(block.from_)}.{_column(scope, block.from_, column, name=name, key=key)}"


def _cell(scope: Scope, block: Block, value: Value, *, name: str, key: str) -> str | None:
    """Writes the cell of a value as it is at the source; None where its column is absent and optional."""
    if value.expression is not None:
        return _expression(scope, value.expression, name=name, key=key)
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
    column = _column(scope, names[own], value.column, name=name, key=key)
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


def _expression(scope: Scope, text: str, *, name: str, key: str) -> str:
    check_expression(scope.connection, text, block=name, key=key)
    return f"({text}\n)"


def _column(scope: Scope, table: str, column: str, *, name: str, key: str) -> str:
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


def read_cell(scope: Scope, raw: RawBlock, key: str) -> str:
    """Writes a cell that is no time as the type of its key: a text, a truth, or as it is."""
    value = dict(raw.block.values())[key]
    cell, kind = raw_name(key), raw.kinds[key]
    if key in _TRUTHS:
        return truth_of(cell, kind, scope.rule)
    if value.values is not None:
        return looked_up(text_of(cell, kind, scope.rule), value.values, value.default)
    is_attribute = isinstance(value, Attribute) and value.type != "category" and value.known != "changes"
    is_kept = is_number(kind) or kind in _KEPT or kind.startswith("TIMESTAMP")
    if is_attribute and is_kept and not kind.endswith("]"):
        return cell
    if is_attribute and kind == "JSON":
        return f"({cell} ->> '$')"
    may_be_number = key == "amount" or (key == "value" and isinstance(raw.block, Interactions))
    if may_be_number and is_number(kind):
        return cell
    return text_of(cell, kind, scope.rule)


def read_time(scope: Scope, raw: RawBlock, key: str) -> TimeStages:
    """Writes the steps by which a cell becomes an instant."""
    value = dict(raw.block.values())[key]
    return time_stages(key, raw.kinds[key], scope.rule, formats=value.format, zone=value.zone or scope.zone)


def left_out(raw: RawBlock) -> Iterator[tuple[str, str]]:
    """Gives the conditions, with their reasons, for which rows of any block are left out."""
    if raw.block.latest is not None:
        yield f"{quoted('!older')}", "older"
    inner = [join.name for join in raw.block.join if join.kind == "inner"]
    if inner:
        yield quoted("!lonely"), "no_partner"
    if raw.block.unnest:
        yield quoted("!empty"), "no_element"
    if raw.has("where"):
        yield f"NOT coalesce({raw_name('where')}, false)", "where"


def raw_name(key: str) -> str:
    """Names the cell of a key as it is at the source.

    DuckDB gives a column the capitals of its origin where its alias differs by them only.
    """
    return quoted(f"= {key}")


def raw_query(raw: RawBlock) -> str:
    """Writes the query of the cells as they are."""
    columns = [f"{cell} AS {raw_name(key)}" for key, cell in raw.cells.items()]
    block = raw.block
    if block.latest is not None:
        columns.append(f"{quoted(block.from_)}.{_PLACE} > 1 AS {quoted('!older')}")
    lonely = [
        f"{quoted(join.name)}.{quoted(f'{_THERE} {join.name}')} IS NULL"
        for join in block.join
        if join.kind == "inner"
    ]
    if lonely:
        columns.append(f"({' OR '.join(lonely)}) AS {quoted('!lonely')}")
    if block.unnest:
        empty = " OR ".join(f"{quoted(each.as_)}.{quoted(each.as_)} IS NULL" for each in block.unnest)
        columns.append(f"({empty}) AS {quoted('!empty')}")
    return f"SELECT {', '.join(columns)} FROM {raw.rows}"
