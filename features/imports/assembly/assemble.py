"""Makes the tables of a history of the rows of all blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from features.imports.assembly.assembled_changes import assemble_changes
from features.imports.assembly.assembled_leads import assemble_aliases, assemble_leads
from features.imports.assembly.assembled_rows import (
    assemble_interactions,
    assemble_outcomes,
    move_behind_dated_outcomes,
    read_numbers,
)
from features.imports.assembly.assembly import Assembly
from features.imports.format.map_format import ImportMap
from features.imports.rows.taken_rows import TakenBlock


def assemble(
    connection: duckdb.DuckDBPyConnection,
    taken: Mapping[str, Sequence[TakenBlock]],
    import_map: ImportMap,
    *,
    exported_at: int,
) -> Assembly:
    """Makes the tables of a history.

    Args:
        connection: the session.
        taken: the blocks, by table of the history.
        import_map: the map.
        exported_at: microseconds UTC.
    """
    assembly = Assembly(connection)
    assemble_leads(assembly, taken["leads"])
    assemble_aliases(assembly, taken.get("lead_aliases", ()))
    assemble_outcomes(assembly, taken.get("outcomes", ()))
    assemble_changes(assembly, taken.get("attribute_changes", ()), import_map)
    assemble_interactions(assembly, taken.get("interactions", ()), exported_at=exported_at)
    move_behind_dated_outcomes(assembly)
    read_numbers(assembly)
    return assembly
