"""Changes of attributes, and the values that leads had at their creation."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from features.imports.assembly.assembly import (
    Assembly,
    create_table,
    delete_rows,
    drop_strangers,
    has_column,
)
from features.imports.format.map_format import ImportMap
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import literal, quoted, run


def assemble_changes(assembly: Assembly, blocks: Sequence[TakenBlock], import_map: ImportMap) -> None:
    """Makes the changes, and gives the leads the values that they had at their creation."""
    if not blocks:
        return
    run_ = assembly.connection
    changing = [name for name, each in import_map.attributes().items() if each.known == "changes"]
    create_table(assembly, "attribute_changes", blocks, extra=("old",))
    listed = ", ".join(map(literal, changing)) or "NULL"
    count = delete_rows(assembly, "attribute_changes", f"(attribute IN ({listed})) IS NOT TRUE")
    assembly.counts["attribute_changes"]["no_meaning"] += count
    drop_strangers(assembly, "attribute_changes")
    has_old = has_column(assembly, "attribute_changes", "old")
    for name in (name for name in changing if name in assembly.tables["leads"]):
        ((count,),) = run(run_, f"SELECT count(*) FROM attribute_changes WHERE attribute = {literal(name)}")
        if not count or not has_old:
            # Today's value says nothing about that at creation.
            run(run_, f"UPDATE leads SET {quoted(name)} = NULL")
        if not count:
            assembly.untracked.append(name)
        elif has_old:
            _set_from_first_old(run_, name)
        else:
            _set_from_changes_until_creation(run_, name)


def _set_from_first_old(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives leads with changes the value before the first one; that of all others is today's."""
    run(
        connection,
        f"UPDATE leads SET {quoted(name)} = first.old FROM (SELECT lead_id, "
        "arg_min({'text': old}, {'at': available_at, 'row': rowid}).text AS old "
        f"FROM attribute_changes WHERE attribute = {literal(name)} GROUP BY lead_id) AS first "
        "WHERE first.lead_id = leads.lead_id",
    )


def _set_from_changes_until_creation(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives leads the last value of a log without old ones that was known at creation."""
    until = (
        f"FROM attribute_changes JOIN leads USING (lead_id) WHERE attribute = {literal(name)} "
        "AND available_at <= created_at"
    )
    run(
        connection,
        "CREATE OR REPLACE TABLE at_creation AS SELECT lead_id, list(attribute_changes.rowid) AS rows, "
        "arg_max({'text': value}, {'at': available_at, 'row': attribute_changes.rowid}).text AS value "
        f"{until} GROUP BY lead_id",
    )
    run(
        connection,
        f"UPDATE leads SET {quoted(name)} = at_creation.value FROM at_creation "
        "WHERE at_creation.lead_id = leads.lead_id",
    )
    run(connection, "DELETE FROM attribute_changes WHERE rowid IN (SELECT unnest(rows) FROM at_creation)")
