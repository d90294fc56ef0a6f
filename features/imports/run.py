"""Runs an import: source and map in, history out."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from features.history.settings import AttributeSettings, HistorySettings
from features.history.text_rule import MISSING, TEXT_RULE, TextRule
from features.imports.assembly.append import append_export, check_newer, merged_settings
from features.imports.assembly.assemble import assemble
from features.imports.assembly.written_tables import type_leads, write_tables
from features.imports.errors import ImportSourceError
from features.imports.format.map_blocks import Block
from features.imports.format.map_files import read_map
from features.imports.format.map_format import ImportMap
from features.imports.format.values import known_zone
from features.imports.import_report import ImportReport
from features.imports.made_report import make_report
from features.imports.rows.block_columns import Scope
from features.imports.rows.blocks import open_block
from features.imports.rows.reasons import REASONS
from features.imports.rows.taken_rows import TakenBlock, take_block
from features.imports.session import SOURCE, drop_table, open_session
from features.imports.source_tables import check_tables, found_tables, read_source
from features.imports.targets import check_target
from features.output.targets import published
from features.progress import Progress, silent
from features.sources.history_settings import read_settings, write_settings
from features.sources.open_source import display_name
from features.times import to_us

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
        with (
            open_session(spill) as connection,
            found_tables(source, import_map, rule, spill=spill) as found,
        ):
            absent_tables = check_tables(import_map, found, source)
            scope, repeated = read_source(connection, import_map, found, rule, progress)
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
                    assembly,
                    taken,
                    import_map,
                    out,
                    rule=rule,
                    before=before,
                    exported_at=exported_at,
                    spill=spill,
                )
                settings = merged_settings(old, settings)
            write_tables(connection, assembly.tables, folder)
            report = make_report(
                assembly,
                taken,
                import_map,
                source=display_name(source),
                out=out,
                map_name=map_name,
                exported_at=exported_at,
                absent_tables=absent_tables,
                repeated=repeated,
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
        left = {name for _, later in opened[number + 1 :] for name in later.block.tables}
        for name in {*raw.block.tables} - left:
            drop_table(scope.connection, name, schema=SOURCE)
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


def _settings(import_map: ImportMap, rule: TextRule, exported_at: int) -> HistorySettings:
    """What the history says of itself: all of its times carry a zone."""
    attributes = {
        name: AttributeSettings(known=each.known, use=each.use)
        for name, each in import_map.attributes().items()
    }
    return HistorySettings(rule, exported_at=exported_at, attributes=attributes)
