"""Which shipped map reads files of the names and columns that a source has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache

from features.imports.format.map_blocks import Block, Leads
from features.imports.format.map_files import read_map, shipped_names
from features.imports.format.map_format import ImportMap
from features.imports.format.map_values import Value
from features.imports.guessing.profiles import TableProfile
from features.imports.reading.source_table import SourceTable


def find_shipped(tables: Mapping[str, SourceTable], profiles: Mapping[str, TableProfile]) -> str | None:
    """Finds the shipped map of which a source has every needed table and column, and the most tables.

    Args:
        tables: tables of the source, by name.
        profiles: what their columns are, by name.
    """
    counts = {name: _tables_count(own, tables, profiles) for name, own in _shipped().items()}
    best = max(counts, key=lambda name: (counts[name], -len(name)))
    return best if counts[best] else None


def shipped_columns(count: int) -> tuple[str, ...]:
    """Gives the names that a shipped map has for so many columns of a file without a header; else none."""
    places = (place for own in _shipped().values() for place in own.tables.values())
    return next((place.columns for place in places if len(place.columns) == count > 0), ())


@cache
def _shipped() -> Mapping[str, ImportMap]:
    """Reads the shipped maps, which takes longer than a draft of a small source."""
    return {name: read_map(name) for name in shipped_names()}


def _tables_count(
    import_map: ImportMap, tables: Mapping[str, SourceTable], profiles: Mapping[str, TableProfile]
) -> int:
    """Counts the tables of a map that are there; 0 where a needed table or column is not."""
    found: set[str] = set()
    for _, _, block in import_map.blocks():
        for table in block.tables:
            own = _found(import_map, table, tables)
            if own is None:
                if block.optional or (table in import_map.tables and import_map.tables[table].optional):
                    continue
                return 0
            columns = {each.name.lower() for each in profiles[own].columns}
            if (
                isinstance(block, Leads)
                and not {*_needed(block.lead_id), *_needed(block.created_at)} <= columns
            ):
                return 0
            spared = import_map.tables[table].optional_columns if table in import_map.tables else ()
            columns |= {each.lower() for each in spared}
            if not columns.issuperset(_needed_of(block, table)):
                return 0
            found.add(own)
    return len(found)


def _found(import_map: ImportMap, table: str, tables: Mapping[str, SourceTable]) -> str | None:
    place = import_map.tables.get(table)
    pattern = place.file if place is not None else None
    for name, source in tables.items():
        if name.lower() == table.lower() or (pattern is not None and fnmatch(source.place, pattern)):
            return name
    return None


def _needed_of(block: Block, table: str) -> Iterator[str]:
    """Gives the columns that a block needs of a table, in small letters."""
    for _, value in block.values():
        if (value.table or block.from_) == table and not value.optional and not block.unnest:
            yield from _needed(value)


def _needed(value: Value) -> Iterator[str]:
    if value.column is not None:
        yield value.column.lower()
