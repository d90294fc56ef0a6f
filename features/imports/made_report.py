"""Counts what an import has made, for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from features.imports.assembly.assembly import Assembly
from features.imports.format.map_format import TABLES, ImportMap
from features.imports.import_report import BlockReport, ImportReport
from features.imports.notes import notes_of
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import run


def make_report(
    assembly: Assembly,
    taken: Mapping[str, Sequence[TakenBlock]],
    import_map: ImportMap,
    *,
    source: str,
    out: Path,
    map_name: str,
    exported_at: int,
    absent_tables: tuple[str, ...],
    repeated: Mapping[str, tuple[str, ...]],
    changes: Mapping[str, int],
) -> ImportReport:
    """Counts what an import has made.

    Args:
        assembly: tables of the history.
        taken: blocks of the map, by table of the history.
        import_map: the map.
        source: the source, without a password.
        out: the folder of the history.
        map_name: the map.
        exported_at: microseconds UTC.
        absent_tables: optional tables that the source lacks.
        repeated: columns that are there more than once and not read, by file.
        changes: what an appended export changed, by what.
    """
    connection = assembly.connection
    tables: dict[str, int] = {
        table: _count(connection, table) for table in TABLES if table in assembly.tables
    }
    kinds = _counts(connection, "interactions", "kind")
    outcomes = _counts(connection, "outcomes", "outcome") if "outcomes" in tables else {}
    first, last = _range(connection, assembly.tables)
    blocks = [
        BlockReport(
            name=block.raw.name,
            source=block.raw.block.from_,
            rows_count=block.rows_count,
            taken_count=block.rows_count - sum(block.counts.values()),
            counts=block.counts,
            meaningless=block.meaningless,
            absent=block.raw.absent,
            where=block.raw.block.where or "",
        )
        for table in TABLES
        for block in taken.get(table, ())
    ]
    return ImportReport(
        source=source,
        out=out,
        map_name=map_name,
        exported_at=exported_at,
        blocks=tuple(blocks),
        tables=tables,
        left_out={
            table: {reason: count for reason, count in counts.items() if count}
            for table, counts in assembly.counts.items()
        },
        kinds=kinds,
        outcomes=outcomes,
        first_at=first,
        last_at=last,
        notes=notes_of(tables, outcomes, import_map, assembly.untracked),
        absent_tables=absent_tables,
        repeated=repeated,
        changes=changes,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    ((count,),) = run(connection, f"SELECT count(*) FROM {table}")
    return int(count)


def _counts(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> dict[str, int]:
    rows = run(
        connection, f"SELECT {column}, count(*) AS n FROM {table} GROUP BY 1 ORDER BY n DESC, {column}"
    )
    return {text: int(count) for text, count in rows}


def _range(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[str]]
) -> tuple[int | None, int | None]:
    """Finds the first creation of a lead, and the last moment of any row."""
    ((first, last),) = run(
        connection, "SELECT epoch_us(min(created_at)), epoch_us(max(created_at)) FROM leads"
    )
    for table in ("interactions", "outcomes"):
        if table in tables:
            ((other,),) = run(connection, f"SELECT epoch_us(max(occurred_at)) FROM {table}")
            last = max((each for each in (last, other) if each is not None), default=None)
    return first, last
