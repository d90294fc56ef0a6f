"""Adds a newer export to a history: what differs became known when it was exported.

The tables of the export are in the schema `main` of the session, those of the history in the schema `old`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from features.imports.assembly.assembled_rows import move_behind_dated_outcomes
from features.imports.assembly.assembly import Assembly
from features.imports.assembly.merged_tables import OLD, MergedTables
from features.imports.errors import ImportSourceError
from features.imports.format.map_format import ImportMap
from features.imports.reading.source_files import find_files
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import put_table, run
from features.tables.schema import REQUIRED
from features.times import format_time


def check_newer(settings: HistorySettings, exported_at: int) -> int:
    """Finds when the history was exported.

    Raises:
        ImportSourceError: it is not said, or not earlier than this export.
    """
    if settings.exported_at is None:
        raise ImportSourceError(
            "The history does not say when it was exported",
            "Add --append only to what an import has written.",
        )
    if settings.exported_at >= exported_at:
        raise ImportSourceError(
            f"The history was exported at {format_time(settings.exported_at)}, not before this export of "
            f"{format_time(exported_at)}",
            "Give the time of this export with --exported-at.",
        )
    return settings.exported_at


def append_export(
    assembly: Assembly,
    taken: Mapping[str, Sequence[TakenBlock]],
    import_map: ImportMap,
    history: Path,
    *,
    rule: TextRule,
    before: int,
    exported_at: int,
    spill: Path,
) -> dict[str, int]:
    """Merges the tables of an export into those of a history; the session then holds the merged ones.

    Attributes that differ become changes known at `exported_at`. Rows that are new are added; one that
    happened before the last export, and does not say when it became known, is known at `exported_at`. What is
    gone stays, and is counted. Leads that asked to be forgotten are removed from all tables.

    Args:
        assembly: tables of the export; those of the result afterwards.
        taken: its blocks.
        import_map: its map.
        history: folder of the history.
        rule: how cells are read.
        before: when the history was exported, microseconds UTC.
        exported_at: microseconds UTC.
        spill: folder for rows on their way.

    Returns:
        How many of what changed, in words.
    """
    connection = assembly.connection
    run(connection, f"CREATE SCHEMA {OLD}")
    for name, table in find_files(history, list(REQUIRED), {}, rule, spill=spill).items():
        put_table(connection, name, table.rows(), schema=OLD)
    merge = MergedTables(assembly, rule, before, exported_at)
    counts = {"leads forgotten": merge.erase()}
    counts |= merge.leads_gone(taken["leads"])
    counts["values of attributes changed"] = merge.attribute_changes(import_map)
    counts["leads added"] = merge.leads()
    counts["interactions added"] = merge.rows("interactions", ("source", "interaction_id"))
    counts["outcomes added"] = merge.rows("outcomes", ("source", "outcome_id"))
    counts["aliases added"] = merge.rows("lead_aliases", ())
    move_behind_dated_outcomes(assembly)
    merge.unite_changes()
    return {told: count for told, count in counts.items() if count}


def merged_settings(old: HistorySettings, new: HistorySettings) -> HistorySettings:
    """Gives the settings of the merged history: what the newer export says, else what was said before."""
    missing = tuple(dict.fromkeys((*old.text_rule.missing, *new.text_rule.missing)))
    return replace(
        old,
        text_rule=TextRule(new.text_rule.number, missing),
        exported_at=new.exported_at,
        attributes={**old.attributes, **new.attributes},
    )
