"""Writes one block of a map as SQL: its cells as they are, then as columns of the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from features.imports.errors import ImportValueError
from features.imports.format.map_blocks import Block, Interactions
from features.imports.format.map_values import Attribute
from features.imports.rows.block_columns import Scope, cell_of, expression_of
from features.imports.rows.block_tables import PLACE, THERE, rows_of
from features.imports.rows.cells import TimeStages, is_number, looked_up, text_of, time_stages, truth_of
from features.imports.session import columns_of, quoted, run

# Column with the reason why a row is left out.
REASON = quoted("!reason")
# Keys whose cells are times and truths; all others are texts, but for attributes and numbers.
TIMES = ("created_at", "occurred_at", "available_at")
_TRUTHS = ("deleted", "erased", "is_automated")
# Types that an attribute keeps beside numbers and times; all others, such as bytes and spans, are texts.
_KEPT = ("VARCHAR", "BOOLEAN", "DATE")


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
        cell = cell_of(scope, block, value, name=name, key=key)
        if cell is None:
            absent.append(key)
        else:
            cells[key] = cell
    if block.where is not None:
        cells["where"] = expression_of(scope, block.where, name=name, key="where")
    rows = rows_of(scope, block, name)
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
        columns.append(f"{quoted(block.from_)}.{PLACE} > 1 AS {quoted('!older')}")
    lonely = [
        f"{quoted(join.name)}.{quoted(f'{THERE} {join.name}')} IS NULL"
        for join in block.join
        if join.kind == "inner"
    ]
    if lonely:
        columns.append(f"({' OR '.join(lonely)}) AS {quoted('!lonely')}")
    if block.unnest:
        empty = " OR ".join(f"{quoted(each.as_)}.{quoted(each.as_)} IS NULL" for each in block.unnest)
        columns.append(f"({empty}) AS {quoted('!empty')}")
    return f"SELECT {', '.join(columns)} FROM {raw.rows}"
