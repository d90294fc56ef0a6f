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
from features.imports.errors import ImportSourceError
from features.imports.format.map_format import TableFile as Place
from features.imports.guessing.attribute_lines import attribute_lines, attribute_names
from features.imports.guessing.block_lines import head_lines, leads_block, log_lines, other_lines
from features.imports.guessing.change_logs import find_logs
from features.imports.guessing.file_places import find_places
from features.imports.guessing.found_leads import find_leads
from features.imports.guessing.links import find_links, own_link
from features.imports.guessing.outcome_lines import outcome_lines
from features.imports.guessing.profiles import SAMPLE_ROWS, TableProfile, list_profiles, profile_table
from features.imports.guessing.shipped import find_shipped
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
        tables, places = find_places(Path(source), TEXT_RULE, spill=spill)
        return guess_map(connection, list(tables.values()), display_name(source), places)


def guess_map(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[SourceTable],
    source: str,
    places: Mapping[str, Place] = MappingProxyType({}),
) -> str:
    """Proposes a map.

    Args:
        connection: session without tables.
        tables: all tables of the source.
        source: name of the source, for people.
        places: what has to be said of where they are, by name.

    Returns:
        TOML that is read as a map; without outcomes, which whoever knows the company has to fill in.

    Raises:
        ImportSourceError: no table can be one of leads.
    """
    looked_at, unreadable = _look_at(connection, tables)
    profiles = [profile for _, profile in looked_at]
    leads = find_leads(profiles)
    others = [each for each in profiles if each is not leads.table]
    links = find_links(connection, leads, others)
    for table in profiles:
        # The elements of a list are of the lead that their row is of.
        link = own_link(leads) if table is leads.table else links.get(table.name)
        if link is not None:
            elements = list_profiles(connection, table)
            others += elements
            links |= dict.fromkeys((each.name for each in elements), link)
    logs = find_logs(connection, leads, others, links)
    by_name = {each.name: table for table, each in looked_at}
    shipped = find_shipped(by_name, {each.name: each for each in profiles})
    names = attribute_names(leads, logs)
    lines = [
        *head_lines([leads.table, *others], source, places, shipped),
        *(f"# Not used: {fault}" for fault in unreadable),
        *leads_block(leads),
        *attribute_lines(leads, logs),
        *(log_lines(leads, others) if leads.is_log else ()),
        *(line for each in others for line in other_lines(each, links, logs, others, names)),
        *outcome_lines(leads, others, links, logs),
    ]
    # A cell that is shown may have several lines, and a remark has one.
    return "".join(" ".join(line.splitlines()) + "\n" for line in lines)


def _look_at(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable]
) -> tuple[list[tuple[SourceTable, TableProfile]], list[str]]:
    """Looks at all tables that can be read, and tells why others cannot.

    Raises:
        ImportSourceError: none can.
    """
    looked_at: list[tuple[SourceTable, TableProfile]] = []
    faults: list[ImportSourceError] = []
    for table in tables:
        try:
            profile = profile_table(connection, table)
        except ImportSourceError as error:
            faults.append(error)
            continue
        if profile is not None:
            looked_at.append((table, profile))
    if faults and not looked_at:
        raise faults[0]
    return looked_at, list(map(str, faults))
