"""The tables of a block as SQL: the newest of rows that are alike, joins, and lists as rows."""

from __future__ import annotations

from typing import Final

from features.imports.format.map_blocks import Block
from features.imports.format.map_values import Join
from features.imports.rows.block_columns import Scope, cell_of, column_of, column_of_tables, expression_of
from features.imports.rows.row_orders import ordered_rows
from features.imports.session import SOURCE, columns_of, quoted

# Columns beside those of the source: the place among rows that are alike, and whether a join found one.
PLACE: Final = quoted("!place")
THERE: Final = "!there"


def rows_of(scope: Scope, block: Block, name: str) -> str:
    """Writes the tables of a block: joined, and its lists unnested."""
    rows = _first_table(scope, block, name)
    for join in block.join:
        rows += f" LEFT JOIN {_joined(scope, block, join, name)}"
    for unnest in block.unnest:
        cell = cell_of(scope, block, unnest, name=name, key="unnest")
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
    by = ", ".join(
        column_of(scope, block.from_, column, name=name, key="latest") for column in block.latest.by
    )
    rows, order = ordered_rows(scope, block, block.from_, block.latest, name=name, key="latest")
    place = f"row_number() OVER (PARTITION BY {by} ORDER BY {order})"
    return f"(SELECT *, {place} AS {PLACE} FROM {rows}) AS {quoted(block.from_)}"


def _joined(scope: Scope, block: Block, join: Join, name: str) -> str:
    key = f"join {join.name}"
    rows, one, condition = f"{SOURCE}.{quoted(join.table)}", "", ""
    if isinstance(join.on, str):
        condition = expression_of(scope, join.on, name=name, key=key)
    else:
        own = [column_of(scope, join.table, column, name=name, key=key) for column in join.on]
        others = [column_of_tables(scope, block, column, name=name, key=key) for column in join.on.values()]
        condition = " AND ".join(
            f"CAST({quoted(join.name)}.{mine} AS VARCHAR) = CAST({other} AS VARCHAR)"
            for mine, other in zip(own, others, strict=True)
        )
        if join.first_by or join.last_by:
            rows, order = ordered_rows(scope, block, join.name, join, name=name, key=key)
            one = f" QUALIFY row_number() OVER (PARTITION BY {', '.join(own)} ORDER BY {order}) = 1"
    there = quoted(f"{THERE} {join.name}")
    table = f"(SELECT *, true AS {there} FROM {rows}{one})"
    return f"{table} AS {quoted(join.name)} ON {condition}"
