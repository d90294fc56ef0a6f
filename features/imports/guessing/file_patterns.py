"""Files that are parts of one table, as names and columns say: `leads-2026-01.csv`, `leads-2026-02.csv`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from features.history.text_rule import TextRule
from features.imports.map_format import TableFile as Place
from features.imports.reading.source_files import every_file, find_files
from features.imports.reading.source_table import SourceTable

_DIGITS: Final = re.compile(r"[0-9]+")
_ENDS: Final = " -_.([{"


def joined_files(
    source: Path, rule: TextRule, *, spill: Path
) -> tuple[dict[str, SourceTable], dict[str, str]]:
    """Finds every table of a folder or file, where files that differ by numbers in their names are one.

    Returns:
        The tables, and the pattern of those that are several files, by name.

    Raises:
        ImportSourceError: there is none.
    """
    tables = every_file(source, rule, spill=spill)
    patterns: dict[str, str] = {}
    for names in _alike(tables):
        if len({tuple(sorted(tables[name].open().names)) for name in names}) > 1:
            continue
        pattern = _pattern([tables[name].place for name in names])
        name = pattern.partition("*")[0].rstrip(_ENDS)
        others = [each.place for each in tables.values() if Path(each.place).match(pattern)]
        if name and name not in tables and len(others) == len(names):
            found = find_files(source, [name], {name: Place(file=pattern)}, rule, spill=spill)
            tables = {each: table for each, table in tables.items() if each not in names} | found
            patterns[name] = pattern
    return tables, patterns


def _alike(tables: Mapping[str, SourceTable]) -> list[list[str]]:
    """Groups tables whose files differ by numbers only; sheets of a workbook are tables of their own."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, table in tables.items():
        if _DIGITS.search(name) and ", sheet " not in table.place:
            groups[_DIGITS.sub("#", table.place)].append(name)
    return [names for names in groups.values() if len(names) > 1]


def _pattern(files: list[str]) -> str:
    """Writes the pattern of files: what all begin and end with.

    >>> _pattern(["leads-2026-01.csv", "leads-2026-02.csv"])
    'leads-*.csv'
    """
    # They differ by their digits only, and a year that all have in common counts them, too.
    texts = _DIGITS.split(files[0])
    return f"{texts[0]}*{texts[-1]}"
