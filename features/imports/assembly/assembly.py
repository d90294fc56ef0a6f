"""The tables of a history in a session, and how the rows of blocks come into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from features.imports.format.map_blocks import Outcomes
from features.imports.rows.blocks import REASON
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import drop_table, literal, quoted, run

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "interactions": (
        *("lead_id", "kind", "occurred_at", "available_at", "source", "interaction_id", "direction"),
        *("channel", "value", "campaign", "is_automated"),
    ),
    "outcomes": ("lead_id", "outcome", "occurred_at", "available_at", "source", "outcome_id", "amount"),
    "attribute_changes": ("lead_id", "attribute", "value", "available_at"),
    "lead_aliases": ("alias_id", "lead_id", "available_at"),
}


@dataclass(slots=True)
class Assembly:
    """The tables of a history in a session.

    Attributes:
        connection: the session; `leads` and the other tables are in its schema `main`.
        tables: names of the tables that there are, with their columns.
        counts: rows left out of the rows that the blocks gave, by table and reason.
        untracked: attributes with changes of which the log has none.
    """

    connection: duckdb.DuckDBPyConnection
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    untracked: list[str] = field(default_factory=list)


def create_table(
    assembly: Assembly, table: str, blocks: Sequence[TakenBlock], extra: tuple[str, ...] = ()
) -> None:
    """Makes a table of the rows of its blocks that are taken."""
    wanted = (*_COLUMNS[table], *extra)
    rows = union_of((block, _columns(block, table, wanted)) for block in blocks)
    run(assembly.connection, f"CREATE TABLE {table} AS {rows}")
    for block in blocks:
        drop_table(assembly.connection, block.table)
    names = columns_in(assembly.connection, table)
    assembly.tables[table] = tuple(name for name in _COLUMNS[table] if name in names)
    assembly.counts[table] = Counter()


def _columns(block: TakenBlock, table: str, wanted: Sequence[str]) -> dict[str, str]:
    columns = {name: quoted(name) for name in wanted if block.raw.has(name)}
    if "occurred_at" in columns:
        columns["occurred_at day"] = quoted("occurred_at day")
    if "reopens" in wanted and isinstance(block.raw.block, Outcomes):
        columns["reopens"] = f"[{', '.join(map(literal, block.raw.block.reopens))}]"
    has_id = block.raw.has("interaction_id") or block.raw.has("outcome_id")
    if table in ("interactions", "outcomes") and has_id and "source" not in columns:
        columns["source"] = literal(block.raw.block.from_)
    return columns


def union_of(blocks: Iterator[tuple[TakenBlock, Mapping[str, str]]]) -> str:
    """Writes the rows of blocks that are taken, columns by their names."""
    return " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(f'{cell} AS {quoted(name)}' for name, cell in columns.items())} "
        f"FROM {quoted(block.table)} WHERE {REASON} IS NULL"
        for block, columns in blocks
    )


def drop_strangers(assembly: Assembly, table: str) -> None:
    """Leaves out the rows of leads that were erased, or that are none."""
    erased = delete_rows(assembly, table, "lead_id IN (SELECT lead_id FROM erased)")
    unknown = delete_rows(assembly, table, "lead_id NOT IN (SELECT id FROM known)")
    assembly.counts[table] += Counter({"erased": erased, "no_lead": unknown})


def delete_rows(assembly: Assembly, table: str, condition: str) -> int:
    """Deletes rows, and tells how many."""
    ((count,),) = run(assembly.connection, f"SELECT count(*) FROM {table} WHERE {condition}")
    if count:
        run(assembly.connection, f"DELETE FROM {table} WHERE {condition}")
    return int(count)


def has_column(assembly: Assembly, table: str, column: str) -> bool:
    """Tells whether a table has a column."""
    return column in columns_in(assembly.connection, table)


def columns_in(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Lists the columns of a table."""
    return [name for (name, *_) in run(connection, f"DESCRIBE {table}")]
