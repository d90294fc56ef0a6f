"""Runs an import: source and map in, history out."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from features.history.settings import AttributeSettings, HistorySettings
from features.history.text_rule import MISSING, TEXT_RULE, TextRule
from features.imports.append import append_export, check_newer, merged_settings
from features.imports.assembly import Assembly, assemble
from features.imports.blocks import Scope, open_block
from features.imports.errors import ImportSourceError
from features.imports.import_report import BlockReport, ImportReport
from features.imports.map_files import read_map
from features.imports.map_format import TABLES, Block, ImportMap, TableFile
from features.imports.notes import notes_of
from features.imports.reading.source_files import absent, find_files, present_names
from features.imports.reading.source_table import SourceTable
from features.imports.reasons import REASONS
from features.imports.session import SOURCE, add_columns, columns_of, open_session, put_table, quoted, run
from features.imports.taken_rows import TakenBlock, take_block
from features.imports.targets import check_target
from features.imports.values import known_zone
from features.imports.written_tables import type_leads, write_tables
from features.output.targets import published
from features.progress import Progress, silent
from features.sources.history_settings import read_settings, write_settings
from features.sources.open_source import display_name
from features.times import to_us

_READING: Final = "reading the source"
_MAKING: Final = "making the tables"


def import_history(
    source: str | Path,
    out: Path,
    *,
    map_name: str,
    now: int,
    exported_at: int | None = None,
    zone: str | None = None,
    append: bool = False,
    replace: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Makes a history of files or of a database, as a map says.

    Args:
        source: a folder, a file, or a database URL.
        out: the folder of the history; written as a whole or not at all.
        map_name: path of a map, or name of a shipped one.
        now: microseconds UTC.
        exported_at: when the source was exported, microseconds UTC; None: as the map says, else `now`.
        zone: zone of times that carry none, where no value of the map names one; None: as the map says.
        append: whether the export is added to the history that is there, if one is.
        replace: whether a history that is there is replaced.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        MapError: the map cannot be used.
        ImportSourceError: the source cannot be read as the map says.
        ImportValueError: a value of the map does not fit the source.
        TargetError: the folder is a part of the source, or cannot be written.
    """
    import_map = _in_zone(read_map(map_name), zone)
    is_there = check_target(out, source, append=append, replace=replace)
    rule = TextRule(TEXT_RULE.number, tuple(dict.fromkeys((*MISSING, *import_map.missing))))
    if exported_at is None:
        exported_at = now if import_map.exported_at is None else to_us(import_map.exported_at)
    settings = _settings(import_map, rule, exported_at)
    old = read_settings(out) if append and is_there else None
    before = None if old is None else check_newer(old, exported_at)
    with published(out) as work:
        folder = work / "whole"
        folder.mkdir()
        spill = Path(tempfile.mkdtemp(dir=work))
        with open_session(spill) as connection, _tables_of(source, import_map, rule) as tables:
            absent_tables = _check_tables(import_map, tables, source)
            scope = _read_source(connection, import_map, tables, rule, progress)
            taken = _take(scope, import_map, exported_at=exported_at, progress=progress)
            _raise_without_rows(taken["leads"])
            assembly = assemble(connection, taken, import_map, exported_at=exported_at)
            progress(_MAKING, 0.7)
            types = {
                name: each.type for name, each in import_map.attributes().items() if each.type is not None
            }
            type_leads(connection, types, rule)
            changes: dict[str, int] = {}
            if old is not None and before is not None:
                changes = append_export(
                    assembly, taken, import_map, out, rule=rule, before=before, exported_at=exported_at
                )
                settings = merged_settings(old, settings)
            write_tables(connection, assembly.tables, folder)
            report = _report(
                assembly,
                taken,
                import_map,
                source=display_name(source),
                out=out,
                map_name=map_name,
                exported_at=exported_at,
                absent_tables=absent_tables,
                changes=changes,
            )
        write_settings(folder, settings)
        progress(_MAKING, 1.0)
    return report


def _in_zone(import_map: ImportMap, zone: str | None) -> ImportMap:
    """Gives a map the zone of the export.

    Raises:
        ImportSourceError: there is no such zone.
    """
    if zone is None:
        return import_map
    try:
        return import_map.model_copy(update={"zone": known_zone(zone)})
    except ValueError:
        raise ImportSourceError(f"{zone} is no zone", "Write a name such as UTC or Europe/Lisbon.") from None


@contextmanager
def _tables_of(
    source: str | Path, import_map: ImportMap, rule: TextRule
) -> Iterator[Mapping[str, SourceTable]]:
    """Finds the tables that the map uses, which can be read until the context ends."""
    wanted = _wanted(import_map)
    if isinstance(source, str) and "://" in source:
        from features.imports.reading.database_tables import open_tables

        with open_tables(source, wanted, import_map, rule) as found:
            yield found
        return
    yield find_files(Path(source), wanted, import_map.tables, rule)


def _check_tables(
    import_map: ImportMap, tables: Mapping[str, SourceTable], source: str | Path
) -> tuple[str, ...]:
    """Finds the optional tables that are not there.

    Raises:
        ImportSourceError: a table is not there that is not optional.
    """
    lacking: dict[str, None] = {}
    for _, _, block in import_map.blocks():
        for name in block.tables:
            if name not in tables and not (block.optional or _may_lack(import_map, name)):
                is_database = isinstance(source, str) and "://" in source
                present = [] if is_database else present_names(Path(source))
                raise absent(name, present, display_name(source))
            if name not in tables:
                lacking[name] = None
    return tuple(lacking)


def _read_source(
    connection: duckdb.DuckDBPyConnection,
    import_map: ImportMap,
    tables: Mapping[str, SourceTable],
    rule: TextRule,
    progress: Progress,
) -> Scope:
    """Copies the columns of the source that the map may name into the session."""
    written = import_map.model_dump_json(by_alias=True).lower()
    present: list[str] = []
    for number, (name, table) in enumerate(tables.items()):
        progress(_READING, number / len(tables))
        put_table(connection, name, table.rows(), used=lambda column: column.lower() in written)
    for name in _wanted(import_map):
        if name in tables or _may_lack(import_map, name):
            add_columns(connection, name, import_map.tables.get(name, TableFile()).optional_columns)
            present.append(name)
    progress(_READING, 1.0)
    columns = {name: columns_of(connection, f"SELECT * FROM {SOURCE}.{quoted(name)}") for name in present}
    return Scope(connection, columns, rule, import_map.zone)


def _wanted(import_map: ImportMap) -> list[str]:
    return list(dict.fromkeys(name for _, _, block in import_map.blocks() for name in block.tables))


def _may_lack(import_map: ImportMap, table: str) -> bool:
    return table in import_map.tables and import_map.tables[table].optional


def _take(
    scope: Scope,
    import_map: ImportMap,
    *,
    exported_at: int,
    progress: Progress,
) -> dict[str, list[TakenBlock]]:
    """Reads the rows of every block whose tables are there."""
    there = [
        (table, name, block)
        for table, name, block in import_map.blocks()
        if all(each in scope.columns for each in block.tables)
    ]
    _raise_without_leads(there)
    opened = [(table, open_block(scope, block, name)) for table, name, block in there]
    taken: dict[str, list[TakenBlock]] = {}
    for number, (table, raw) in enumerate(opened):
        progress(_MAKING, 0.6 * number / len(opened))
        block = take_block(scope, raw, table=f"block {number}", exported_at=exported_at)
        taken.setdefault(table, []).append(block)
    return taken


def _raise_without_leads(blocks: Sequence[tuple[str, str, Block]]) -> None:
    if not any(table == "leads" for table, _, _ in blocks):
        raise ImportSourceError("The source has no table of leads", "Export it, too.")


def _raise_without_rows(blocks: Sequence[TakenBlock]) -> None:
    """Refuses a source of which no lead can be taken, and says why.

    Raises:
        ImportSourceError: there is no lead.
    """
    rows_count = sum(block.rows_count for block in blocks)
    counts = sum((Counter(block.counts) for block in blocks), Counter[str]())
    if rows_count > counts.total():
        return
    name = ", ".join(dict.fromkeys(block.raw.block.from_ for block in blocks))
    if not rows_count:
        raise ImportSourceError(f"{name} has no rows, so there are no leads", "Export it anew.")
    reasons = ", ".join(f"{REASONS[each].sentence} ({count:,} rows)" for each, count in counts.most_common())
    raise ImportSourceError(f"No lead could be taken from {name}: {reasons}", "Mend the map or the export.")


def _report(
    assembly: Assembly,
    taken: Mapping[str, Sequence[TakenBlock]],
    import_map: ImportMap,
    *,
    source: str,
    out: Path,
    map_name: str,
    exported_at: int,
    absent_tables: tuple[str, ...],
    changes: Mapping[str, int],
) -> ImportReport:
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


def _settings(import_map: ImportMap, rule: TextRule, exported_at: int) -> HistorySettings:
    """What the history says of itself: all of its times carry a zone."""
    attributes = {
        name: AttributeSettings(known=each.known, use=each.use)
        for name, each in import_map.attributes().items()
    }
    return HistorySettings(rule, exported_at=exported_at, attributes=attributes)
