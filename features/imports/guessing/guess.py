"""Proposes a map for a source: a draft in TOML, with what is sure, what is not, and what is never guessed.

Columns are matched by their content first, then by their names. What closes a lead is never guessed: a wrong
guess would teach a model the wrong thing without any sign of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.guessing.block_lines import (
    attribute_lines,
    head_lines,
    leads_block,
    log_lines,
    other_lines,
)
from features.imports.guessing.file_patterns import joined_files
from features.imports.guessing.found_leads import find_leads
from features.imports.guessing.links import find_links
from features.imports.guessing.outcome_lines import outcome_lines
from features.imports.guessing.profiles import SAMPLE_ROWS, profile_table
from features.imports.reading.source_table import SourceTable
from features.imports.session import open_session
from features.sources.open_source import display_name


def guess(source: str | Path) -> str:
    """Proposes a map for a source; nothing is imported by it.

    Args:
        source: a folder, a file, or a database URL.

    Returns:
        A map as TOML, to be edited.

    Raises:
        ImportSourceError: the source cannot be read, or has no table of leads.
    """
    with tempfile.TemporaryDirectory() as folder, open_session(Path(folder)) as connection:
        spill = Path(folder)
        if isinstance(source, str) and "://" in source:
            from features.imports.reading.database_tables import all_tables

            with all_tables(source, TEXT_RULE, spill=spill, most_rows=SAMPLE_ROWS) as found:
                return guess_map(connection, found, display_name(source))
        tables, patterns = joined_files(Path(source), TEXT_RULE, spill=spill)
        return guess_map(connection, list(tables.values()), display_name(source), patterns)


def guess_map(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[SourceTable],
    source: str,
    patterns: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Proposes a map.

    Args:
        connection: session without tables.
        tables: all tables of the source.
        source: name of the source, for people.
        patterns: of the files of those that are several, by name.

    Returns:
        TOML that is read as a map; without outcomes, which whoever knows the company has to fill in.

    Raises:
        ImportSourceError: no table can be one of leads.
    """
    profiles = [profile_table(connection, table) for table in tables]
    leads = find_leads(profiles)
    others = [each for each in profiles if each is not leads.table]
    links = find_links(connection, leads, others)
    lines = [
        *head_lines(profiles, source, patterns),
        *leads_block(leads),
        *attribute_lines(leads),
        *(log_lines(leads) if leads.is_log else ()),
        *(line for each in others for line in other_lines(each, links)),
        *outcome_lines(leads, others, links),
    ]
    return "\n".join(lines) + "\n"
