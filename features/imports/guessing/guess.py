"""Proposes a map for a source: a draft in TOML, with what is sure, what is not, and what is never guessed.

Columns are matched by their content first, then by their names. What closes a lead is never guessed: a wrong
guess would teach a model the wrong thing without any sign of it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.cells import text_of
from features.imports.errors import ImportSourceError
from features.imports.guessing.known_names import LEAD_TABLES, kind_of, letters, rank_of, slug
from features.imports.guessing.profiles import SAMPLE_ROWS, ColumnProfile, TableProfile, profile_table
from features.imports.reading.source_files import every_file
from features.imports.reading.source_table import SourceTable
from features.imports.session import SOURCE, columns_of, open_session, quoted, run
from features.sources.open_source import display_name

_UNIQUE: Final = 0.98
_FILLED: Final = 0.98
# Share of the ids of a table that have to be ids of leads.
_LINKED: Final = 0.5
# Attributes with a value of its own for more leads than this teach nothing.
_OWN_VALUES: Final = 0.5
_FEW: Final = 20
_LAST: Final = 1_000
# Names that a table gives to its own id.
_OWN_IDS: Final = ("id", "recordid")
# Parts of names of columns that say where a lead came from, and when it was closed.
_ORIGINS: Final = (
    "source",
    "origin",
    "origem",
    "fonte",
    "quelle",
    "herkunft",
    "provenance",
    "origen",
    "medium",
)
_CLOSINGS: Final = (
    "clos",
    "won",
    "lost",
    "convert",
    "customer",
    "fech",
    "abschluss",
    "clotur",
    "cierre",
    "chius",
)
# Why columns are left out that need no line of their own.
_SILENT: Final = ("empty", "the same in every row")


@dataclass(frozen=True, slots=True)
class _Leads:
    """Where the leads are: table, columns, and how sure that is."""

    table: TableProfile
    lead_id: ColumnProfile
    created_at: ColumnProfile | None
    is_log: bool


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
        tables = every_file(Path(source), TEXT_RULE, spill=spill)
        return guess_map(connection, list(tables.values()), display_name(source))


def guess_map(connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable], source: str) -> str:
    """Proposes a map.

    Args:
        connection: session without tables.
        tables: all tables of the source.
        source: name of the source, for people.

    Returns:
        TOML that is read as a map; without outcomes, which whoever knows the company has to fill in.

    Raises:
        ImportSourceError: no table can be one of leads.
    """
    profiles = [profile_table(connection, table) for table in tables]
    leads = _find_leads(profiles)
    others = [each for each in profiles if each is not leads.table]
    links = {each.name: _find_link(connection, leads, each) for each in others}
    lines = [
        *_head(profiles, source),
        *_lead_lines(leads),
        *_attribute_lines(leads),
        *(_log_lines(leads) if leads.is_log else ()),
        *(line for each in others for line in _other_lines(each, links[each.name])),
        *_outcome_lines(leads, others, links),
    ]
    return "\n".join(lines) + "\n"


def _find_leads(profiles: Sequence[TableProfile]) -> _Leads:
    """Finds the table of leads: one with unique ids, by its name; else a log of what leads did."""
    with_ids = [(each, column) for each in profiles if (column := _unique_id(each)) is not None]
    log = next((found for each in profiles if (found := _log(each)) is not None), None)
    if log is not None and not any(rank_of("lead_id", column.name) is not None for _, column in with_ids):
        return log
    if not with_ids:
        raise ImportSourceError(
            "No table has a column with an id for every row",
            "Export the leads with their id, or write the map by hand.",
        )
    table, lead_id = min(with_ids, key=lambda found: (_name_rank(found[0].name), -len(found[0].columns)))
    created = _time_column(table, "created_at", besides=(lead_id.name,))
    return _Leads(table, lead_id, created, is_log=False)


def _log(table: TableProfile) -> _Leads | None:
    """Finds the leads of a table with several rows a lead."""
    named = [
        each
        for each in table.columns
        if rank_of("lead_id", each.name) is not None and each.unique_share < _UNIQUE
    ]
    at = _time_column(table, "occurred_at", besides=())
    if not named or at is None:
        return None
    return _Leads(table, min(named, key=lambda each: rank_of("lead_id", each.name) or 0), at, is_log=True)


def _unique_id(table: TableProfile) -> ColumnProfile | None:
    unique = [
        each
        for each in table.columns
        if each.unique_share >= _UNIQUE
        and each.filled_share >= _FILLED
        and not each.is_personal
        and not (each.is_time and rank_of("lead_id", each.name) is None)
        and rank_of("person", each.name) is None
    ]
    named = [each for each in unique if rank_of("lead_id", each.name) is not None]
    if named:
        return min(named, key=lambda each: rank_of("lead_id", each.name) or 0)
    return next((each for each in unique if not each.is_number or table.rows_count > _FEW), None)


def _name_rank(name: str) -> int:
    own = letters(name)
    return next((rank for rank, word in enumerate(LEAD_TABLES) if word in own), len(LEAD_TABLES))


def _times(table: TableProfile) -> list[ColumnProfile]:
    """Finds the columns of times; numbers count only where their name says so."""
    roles = ("created_at", "closed_at", "occurred_at", "modified_at")
    return [
        each
        for each in table.columns
        if each.is_time
        and (not each.is_number or any(rank_of(role, each.name) is not None for role in roles))
    ]


def _time_column(table: TableProfile, role: str, *, besides: Sequence[str]) -> ColumnProfile | None:
    times = [each for each in _times(table) if each.name not in besides]
    named = [each for each in times if rank_of(role, each.name) is not None]
    if named:
        return min(named, key=lambda each: rank_of(role, each.name) or 0)
    return min(times, key=lambda each: (_is_bookkeeping(each), -each.filled_share), default=None)


def _is_bookkeeping(column: ColumnProfile) -> bool:
    """Tells whether a time is that of an entry or of its last change."""
    return any(rank_of(role, column.name) is not None for role in ("created_at", "modified_at"))


def _find_link(
    connection: duckdb.DuckDBPyConnection, leads: _Leads, table: TableProfile
) -> ColumnProfile | None:
    """Finds the column of another table that holds ids of leads."""
    kinds = columns_of(connection, f"SELECT * FROM {SOURCE}.{quoted(table.name)}")
    own = columns_of(connection, f"SELECT * FROM {SOURCE}.{quoted(leads.table.name)}")
    lead = text_of(quoted(leads.lead_id.name), own[leads.lead_id.name], TEXT_RULE)
    found: list[tuple[bool, int, float, ColumnProfile]] = []
    for column in (each for each in table.columns if not each.is_time or each.is_number):
        cell = text_of(quoted(column.name), kinds[column.name], TEXT_RULE)
        ((share,),) = run(
            connection,
            f"SELECT avg(CASE WHEN id IN (SELECT {lead} FROM {SOURCE}.{quoted(leads.table.name)}) "
            f"THEN 1 ELSE 0 END) FROM (SELECT DISTINCT {cell} AS id FROM {SOURCE}.{quoted(table.name)}) "
            "WHERE id IS NOT NULL",
        )
        if share is not None and share >= _LINKED:
            rank = rank_of("lead_id", column.name)
            # Small numbers are ids of anything, and those of the table itself first of all.
            is_own = letters(column.name) in _OWN_IDS
            found.append((is_own, _LAST if rank is None else rank, -share, column))
    return min(found, key=lambda each: each[:3])[3] if found else None


def _head(profiles: Sequence[TableProfile], source: str) -> Iterator[str]:
    yield f"# A draft of a map for {source}: look at every line. docs/import.md explains the keys."
    yield "# sure: the content says so. NOT SURE: look at it. NEVER GUESSED: only you know."
    yield f"description = {_text(f'A draft for {source}')}"
    times = [column for table in profiles for column in _times(table)]
    if any(each.is_naive for each in times):
        yield 'zone = "UTC"  # NOT SURE: times carry no zone; write that of the people who entered them'
    yield "# exported_at = 2026-01-31T18:00:00Z  # when it was exported; without it: now, or --exported-at"
    yield ""


def _lead_lines(leads: _Leads) -> Iterator[str]:
    name = leads.table.name
    is_named = _name_rank(name) < len(LEAD_TABLES)
    yield "[leads]"
    if leads.is_log:
        told = "# NOT SURE: no table has one row a lead; a lead begins with its first row here"
        yield f"from = {_text(name)}  {told}"
        first = leads.created_at.name if leads.created_at else ""
        yield f"latest = {{by = [{_text(leads.lead_id.name)}], first_by = {_text(first)}}}"
    else:
        yield f"from = {_text(name)}  # {'sure' if is_named else 'NOT SURE: it has one row for each id'}"
    how = "sure: unique and never empty" if rank_of("lead_id", leads.lead_id.name) is not None else "NOT SURE"
    yield f"lead_id = {_text(leads.lead_id.name)}  # {'NOT SURE' if leads.is_log else how}"
    if leads.created_at is None:
        yield "# created_at: NEVER GUESSED: no column holds times. Without any dates nothing can be learnt"
        yield "# about time: export the column that says when a lead was created, and name it here."
    else:
        told = _sureness(leads.created_at, "created_at") if not leads.is_log else "NOT SURE"
        yield f"created_at = {_time(leads.created_at)}  # {told}"
    account = _named(leads.table, "account_id")
    if account is not None and not account.is_time and account.name != leads.lead_id.name:
        yield f"account_id = {_text(account.name)}  # NOT SURE: the company of several leads"
    yield ""


def _sureness(column: ColumnProfile, role: str) -> str:
    doubts = []
    if rank_of(role, column.name) is None:
        doubts.append("its name does not say so")
    if len(column.formats) > 1:
        doubts.append(f"every cell could also be {' or '.join(each[0] for each in column.formats[1:3])}")
    return f"NOT SURE: {'; '.join(doubts)}" if doubts else "sure"


def _named(table: TableProfile, role: str) -> ColumnProfile | None:
    named = [each for each in table.columns if rank_of(role, each.name) is not None]
    return min(named, key=lambda each: rank_of(role, each.name) or 0, default=None)


def _attribute_lines(leads: _Leads) -> Iterator[str]:
    """Proposes the attributes: known only as of the export, unless the name says where a lead came from."""
    if leads.is_log:
        return
    account = _named(leads.table, "account_id")
    used = {leads.lead_id.name, *(each.name for each in (leads.created_at, account) if each is not None)}
    taken: set[str] = set()
    yield "[leads.attributes]"
    yield '# Only what is set when a lead is created can be learnt from: mark it with known = "creation".'
    silent: dict[str, list[str]] = {}
    for column in (each for each in leads.table.columns if each.name not in used):
        why = _why_no_attribute(column)
        if why in _SILENT:
            silent.setdefault(why, []).append(column.name)
            continue
        name = _free(slug(column.name), taken)
        if why is not None:
            yield f"# {name} = {_text(column.name)}  # left out: {why}"
        elif _says_origin(column):
            told = "NOT SURE: usually set when a lead is created"
            yield f'{name} = {{column = {_text(column.name)}, known = "creation"}}  # {told}'
        else:
            told = "sure: only the value of today is known"
            yield f'{name} = {{column = {_text(column.name)}, known = "export"}}  # {told}'
    for why, names in silent.items():
        yield f"# left out, {why}: {', '.join(names)}"
    yield ""


def _says_origin(column: ColumnProfile) -> bool:
    own = letters(column.name)
    named = rank_of("source", column.name) is not None or rank_of("campaign", column.name) is not None
    return named or any(word in own for word in _ORIGINS)


def _why_no_attribute(column: ColumnProfile) -> str | None:
    reasons = [
        (column.filled_share == 0.0, _SILENT[0]),
        (column.distinct_count == 0, "it holds objects or lists"),
        (column.is_personal or rank_of("person", column.name) is not None, "it names a person"),
        (
            column.is_time and not column.is_number,
            "a time is no attribute, but may be that of a closing",
        ),
        (column.distinct_count == 1, _SILENT[1]),
        (rank_of("status", column.name) is not None, "it says how a lead ended; see the outcomes below"),
        (
            column.unique_share > _OWN_VALUES and not column.is_number and column.distinct_count > _FEW,
            "it has a value of its own for most leads",
        ),
    ]
    return next((why for holds, why in reasons if holds), None)


def _free(name: str, taken: set[str]) -> str:
    """Makes a name that is not taken, and is none of the columns of leads."""
    base = f"{name}_of_lead" if name in ("lead_id", "created_at", "account_id") else name
    own, number = base, 1
    while own in taken:
        number += 1
        own = f"{base}_{number}"
    taken.add(own)
    return own


def _log_lines(leads: _Leads) -> Iterator[str]:
    yield from _interaction_lines(leads.table, leads.lead_id, is_sure=False)


def _other_lines(table: TableProfile, link: ColumnProfile | None) -> Iterator[str]:
    if link is None:
        yield f"# The table {table.name} is not used: no column of it holds ids of leads."
        yield ""
    elif _is_deal(table):
        yield f"# The table {table.name} has amounts and states: see the outcomes below."
        yield ""
    elif not _times(table):
        yield f"# The table {table.name} is not used: no column of it holds times."
        yield ""
    else:
        yield from _interaction_lines(table, link, is_sure=True)


def _is_deal(table: TableProfile) -> bool:
    return _named(table, "amount") is not None and _named(table, "status") is not None


def _interaction_lines(table: TableProfile, link: ColumnProfile, *, is_sure: bool) -> Iterator[str]:
    at = _time_column(table, "occurred_at", besides=())
    if at is None:
        return
    recorded = _named(table, "created_at")
    own_id = _unique_id(table)
    yield "[[interactions]]"
    yield f"from = {_text(table.name)}"
    is_sure &= rank_of("lead_id", link.name) is not None or not link.is_number
    doubt = "NOT SURE: its cells could be ids of leads"
    yield f"lead_id = {_text(link.name)}  # {'sure: its cells are ids of leads' if is_sure else doubt}"
    yield from _kind_lines(table, link)
    yield f"occurred_at = {_time(at)}  # {_sureness(at, 'occurred_at')}"
    if recorded is not None and recorded.is_time and recorded.name != at.name:
        yield f"available_at = {_time(recorded)}  # NOT SURE: when it was recorded"
    if own_id is not None and own_id.name != link.name and not own_id.is_time:
        yield f"interaction_id = {_text(own_id.name)}  # sure: unique and never empty"
    direction = _named(table, "direction")
    if direction is not None and direction.values:
        yield f"direction = {_looked_up(direction, _direction)}  # NOT SURE"
    yield ""


def _kind_lines(table: TableProfile, link: ColumnProfile) -> Iterator[str]:
    kind = _named(table, "kind")
    if kind is None or not kind.values or kind.name == link.name:
        guess = kind_of(table.name) or slug(table.name)
        yield f"kind = {{constant = {_text(guess)}}}  # NOT SURE: by the name of the table"
    else:
        meanings = _looked_up(kind, lambda text: kind_of(text) or slug(text))
        yield f"kind = {meanings}  # NOT SURE: by their names"


def _direction(text: str) -> str:
    own = letters(text)
    inbound = ("in", "eing", "entr", "receb", "recei", "recu")
    return "inbound" if own.startswith(inbound) else "outbound"


def _looked_up(column: ColumnProfile, meaning: Callable[[str], str]) -> str:
    pairs = ", ".join(f"{_text(text)} = {_text(meaning(text))}" for text in column.values)
    return f"{{column = {_text(column.name)}, values = {{{pairs}}}}}"


def _outcome_lines(
    leads: _Leads, others: Sequence[TableProfile], links: Mapping[str, ColumnProfile | None]
) -> Iterator[str]:
    """Lists what may close a lead, as comments to be edited."""
    yield "# NEVER GUESSED: what closes a lead, and when. Fill this in and take away the signs; without it"
    yield "# leads can only be scored. A closing without its time is refused."
    found = False
    for table in (leads.table, *(each for each in others if _is_deal(each))):
        link = leads.lead_id if table is leads.table else links.get(table.name)
        if link is None:
            continue
        for status in (each for each in table.columns if _may_close(each)):
            found = True
            yield from _closing_lines(table, link, status, leads)
    if not found:
        yield "# No column looks like a state of leads: name the one that says who bought."
        yield "# [[outcomes]]"
        yield f"# from = {_text(leads.table.name)}"
        yield f"# lead_id = {_text(leads.lead_id.name)}"
        yield '# outcome = {column = "?", values = {"?" = "converted", "?" = "lost", "?" = "open"}}'
        yield '# occurred_at = "?"'


def _may_close(column: ColumnProfile) -> bool:
    return rank_of("status", column.name) is not None and len(column.values) > 1


def _closing_lines(
    table: TableProfile, link: ColumnProfile, status: ColumnProfile, leads: _Leads
) -> Iterator[str]:
    pairs = ", ".join(f'{_text(text)} = "open"' for text in status.values)
    counts = ", ".join(f"{text} {count:,}" for text, count in status.values.items())
    created = "" if leads.created_at is None or leads.is_log else leads.created_at.name
    times = [
        each
        for each in _times(table)
        if each.name not in (created, link.name) and rank_of("modified_at", each.name) is None
    ]
    ordered = sorted(times, key=_closing_rank)
    yield f"# {status.name}: {counts}"
    yield "# [[outcomes]]"
    yield f"# from = {_text(table.name)}"
    yield f"# lead_id = {_text(link.name)}"
    yield f"# outcome = {{column = {_text(status.name)}, values = {{{pairs}}}}}"
    if ordered:
        also = f"  # or {', '.join(each.name for each in ordered[1:4])}" if ordered[1:] else ""
        yield f"# occurred_at = {_time(ordered[0])}{also}"
    else:
        yield f'# occurred_at = "?"  # {table.name} has no time for it: export the date of closing, too'
    amount = _named(table, "amount")
    if amount is not None and amount.is_number:
        yield f"# amount = {_text(amount.name)}"
    yield ""


def _closing_rank(column: ColumnProfile) -> tuple[int, bool]:
    rank = rank_of("closed_at", column.name)
    says_so = any(word in letters(column.name) for word in _CLOSINGS)
    return (_LAST if rank is None else rank), not says_so


def _time(column: ColumnProfile) -> str:
    formats = column.formats[0]
    if not formats:
        return _text(column.name)
    return f"{{column = {_text(column.name)}, format = {_text(formats[0])}}}"


def _text(text: str) -> str:
    """Writes a text as TOML: its basic strings are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
