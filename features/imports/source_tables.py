"""Finds the tables of a source that a map uses, and copies them into the session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from features.history.text_rule import TextRule
from features.imports.errors import ImportSourceError
from features.imports.format.map_format import ImportMap, TableFile
from features.imports.reading.source_files import find_files, present_names
from features.imports.reading.source_table import FoundTables
from features.imports.rows.block_columns import Scope
from features.imports.session import SOURCE, add_columns, columns_of, put_table, quoted
from features.progress import Progress
from features.sources.open_source import display_name
from features.tables.near_names import nearest_names

READING: Final = "reading the source"


def is_database(source: str | Path) -> bool:
    """Tells whether a source is the URL of a database."""
    return isinstance(source, str) and "://" in source


@contextmanager
def found_tables(
    source: str | Path, import_map: ImportMap, rule: TextRule, *, spill: Path
) -> Iterator[FoundTables]:
    """Finds the tables that a map uses, which can be read until the context ends.

    Args:
        source: a folder, a file, or a database URL.
        import_map: the map.
        rule: how cells are read.
        spill: folder for rows on their way.

    Raises:
        ImportSourceError: the source cannot be opened.
    """
    wanted = _wanted(import_map)
    if is_database(source):
        from features.imports.reading.database_tables import open_tables

        with open_tables(str(source), wanted, import_map, rule, spill=spill, used=_used(import_map)) as found:
            yield found
        return
    tables = find_files(Path(source), wanted, import_map.tables, rule, spill=spill)
    yield FoundTables(tables, tuple(present_names(Path(source))))


def check_tables(import_map: ImportMap, found: FoundTables, source: str | Path) -> tuple[str, ...]:
    """Finds the optional tables that are not there.

    Raises:
        ImportSourceError: a table is not there that is not optional.
    """
    lacking: dict[str, None] = {}
    for _, _, block in import_map.blocks():
        for name in block.tables:
            if name not in found.tables and not (block.optional or _may_lack(import_map, name)):
                place = import_map.tables.get(name, TableFile())
                own = place.table or place.sheet or place.file or name
                raise _absent(own, found.present, display_name(source))
            if name not in found.tables:
                lacking[name] = None
    return tuple(lacking)


def _absent(name: str, present: tuple[str, ...], place: str) -> ImportSourceError:
    near = nearest_names([name], present, are_synonyms_known=False).get(name)
    hint = f"Did you mean {near}?" if near else f"It has {', '.join(present) or 'no tables'}."
    return ImportSourceError(f"{place} has no table {name}", hint)


def read_source(
    connection: duckdb.DuckDBPyConnection,
    import_map: ImportMap,
    found: FoundTables,
    rule: TextRule,
    progress: Progress,
) -> tuple[Scope, Mapping[str, tuple[str, ...]]]:
    """Copies the columns of the source that the map may name into the session.

    Returns:
        What all blocks share, and the columns that are there more than once and not read, by file.

    Raises:
        ImportSourceError: a table cannot be read.
    """
    present: list[str] = []
    repeated: dict[str, tuple[str, ...]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for number, (name, table) in enumerate(found.tables.items()):
        progress(READING, number / len(found.tables))
        rows = table.rows(_used(import_map))
        put_table(connection, name, rows, missing=sorted(rule.spellings - {""}))
        names[name] = rows.names
        if rows.repeated:
            repeated[table.place] = rows.repeated
    for name in _wanted(import_map):
        if name in found.tables or _may_lack(import_map, name):
            add_columns(connection, name, import_map.tables.get(name, TableFile()).optional_columns)
            present.append(name)
    progress(READING, 1.0)
    columns = {name: columns_of(connection, f"SELECT * FROM {SOURCE}.{quoted(name)}") for name in present}
    return Scope(connection, columns, rule, import_map.zone, names), repeated


def _used(import_map: ImportMap) -> Callable[[str], bool]:
    """Gives what tells whether a column may be named in a map."""
    # All columns of a file without a header are named where it is.
    blocks = import_map.model_dump(mode="json", by_alias=True, exclude={"tables"})
    spared = [place.optional_columns for place in import_map.tables.values()]
    written = json.dumps([blocks, spared], ensure_ascii=False).lower()
    return lambda column: json.dumps(column.strip().lower(), ensure_ascii=False)[1:-1] in written


def _wanted(import_map: ImportMap) -> list[str]:
    return list(dict.fromkeys(name for _, _, block in import_map.blocks() for name in block.tables))


def _may_lack(import_map: ImportMap, table: str) -> bool:
    return table in import_map.tables and import_map.tables[table].optional
