"""Lines of a draft: the head, the leads with their attributes, and a block of interactions for each table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from features.imports.format.map_format import TableFile as Place
from features.imports.guessing.change_logs import ChangeLog, change_lines
from features.imports.guessing.file_places import place_lines
from features.imports.guessing.found_leads import (
    FoundLeads,
    is_named,
    named_column,
    time_column,
    times_of,
)
from features.imports.guessing.interaction_lines import interaction_lines, sureness
from features.imports.guessing.known_names import letters, rank_of
from features.imports.guessing.links import Link, own_link
from features.imports.guessing.profiles import TableProfile
from features.imports.guessing.states import tells_ends
from features.imports.guessing.toml_lines import (
    lead_value,
    sql_of,
    text_value,
    time_value,
    value_of,
)

# Attributes with a value of its own for more leads than this teach nothing.
_OWN_VALUES: Final = 0.5
# A table of ends has hardly more rows than this for each lead.
_ROWS_A_LEAD: Final = 1.2
# Why columns are left out that need no line of their own.
_SILENT: Final = ("empty", "the same in every row", "a time of day")
# How tables begin their names that hold who is who.
_LINKING: Final = ("identif", "identity", "alias", "merge")


def head_lines(
    profiles: Sequence[TableProfile], source: str, places: Mapping[str, Place], shipped: str | None
) -> Iterator[str]:
    """Writes the head: what the words of remarks mean, zone, time of the export, places of files."""
    yield f"# A draft of a map for {source}: look at every line. docs/import.md explains the keys."
    yield "# sure: the content says so. NOT SURE: look at it. NEVER GUESSED: only you know."
    if shipped is not None:
        yield f"# A shipped map reads files of these names and columns: try --map {shipped} first."
    yield f"description = {text_value(f'A draft for {source}')}"
    times = [column for table in profiles for column in times_of(table)]
    if any(each.is_naive for each in times):
        yield 'zone = "UTC"  # NOT SURE: times carry no zone; write that of the people who entered them'
    yield "# exported_at = 2026-01-31T18:00:00Z  # when it was exported; without it: now, or --exported-at"
    if any(each.has_zero_dates for each in times):
        yield 'missing = ["0000-00-00", "0000-00-00 00:00:00"]  # sure: dates that are not there'
    yield ""
    yield from place_lines(places)


def leads_block(leads: FoundLeads) -> Iterator[str]:
    """Writes the block of leads, without their attributes."""
    name = leads.table.name
    yield "[leads]"
    if leads.is_log:
        told = "# NOT SURE: no table has one row a lead; a lead begins with its first row here"
        yield f"from = {text_value(name)}  {told}"
        first = "" if leads.created_at is None else time_value(leads.created_at, leads.table)
        yield f"latest = {{by = [{text_value(leads.lead_id.name)}], first_by = {first}}}"
        if leads.lead_id.filled_share < 1.0:
            yield f"where = {text_value(f'{sql_of(leads.lead_id, leads.table)} IS NOT NULL')}"
    else:
        at = leads.created_at
        if leads.lead_id.unique_share < 1.0 and leads.is_address and at is not None and at.place is None:
            by, first = text_value(leads.lead_id.name), time_value(at, leads.table)
            yield f"latest = {{by = [{by}], first_by = {first}}}  # the first of the rows of one person"
        told = "sure" if is_named(leads.table) else "NOT SURE: it has one row for each id"
        yield f"from = {text_value(name)}  # {told}"
    yield f"lead_id = {lead_value(Link(leads.lead_id, leads.is_address), name)}  # {_sureness_of_id(leads)}"
    if leads.created_at is None:
        yield "# created_at: NEVER GUESSED: no column holds times. Without any dates nothing can be learnt"
        yield "# about time: export the column that says when a lead was created, and name it here."
    else:
        told = sureness(leads.created_at, "created_at") if not leads.is_log else "NOT SURE"
        yield f"created_at = {time_value(leads.created_at, leads.table)}  # {told}"
    account = named_column(leads.table, "account_id")
    if account is not None and not account.is_time and account.name != leads.lead_id.name:
        yield f"account_id = {value_of(account)}  # NOT SURE: the company of several leads"
    yield ""


def _sureness_of_id(leads: FoundLeads) -> str:
    if leads.is_address:
        return "NOT SURE: no column has ids, so it is made of an address or number, which it does not tell"
    is_named_so = rank_of("lead_id", leads.lead_id.own_name) is not None
    return "sure: unique and never empty" if is_named_so and not leads.is_log else "NOT SURE"


def log_lines(leads: FoundLeads, others: Sequence[TableProfile]) -> Iterator[str]:
    """Writes what a log holds, whose rows are in the table of leads itself: interactions, and aliases."""
    link = own_link(leads)
    yield from visitor_lines(leads.table, link)
    yield from interaction_lines(leads.table, link, others, is_sure=False)


def visitor_lines(table: TableProfile, link: Link) -> Iterator[str]:
    """Writes the aliases of a table whose rows name a lead and a visitor."""
    at = time_column(table, "occurred_at", besides=())
    if link.visitor is None or at is None:
        return
    known, alias = (sql_of(each, table) for each in (link.lead, link.visitor))
    yield "# Visitors who became leads: what they did before is known of the lead from then on."
    yield "[[lead_aliases]]"
    yield f"from = {text_value(table.name)}"
    by = f"{text_value(link.visitor.name)}, {text_value(link.lead.name)}"
    if link.visitor.place is None and link.lead.place is None:
        yield f"latest = {{by = [{by}], first_by = {time_value(at, table)}}}"
    yield f"where = {text_value(f'{known} <> {alias}')}"
    yield f"alias_id = {value_of(link.visitor)}  # NOT SURE: by its name"
    yield f"lead_id = {value_of(link.lead)}"
    yield f"available_at = {time_value(at, table)}"
    yield ""


def _links_visitors(table: TableProfile) -> bool:
    """Tells whether a table says by its name that it holds nothing but who is who."""
    return letters(table.name).startswith(_LINKING)


def other_lines(
    table: TableProfile,
    links: Mapping[str, Link],
    logs: Mapping[str, ChangeLog],
    others: Sequence[TableProfile],
    names: Mapping[str, str],
) -> Iterator[str]:
    """Writes the block of another table, or why there is none."""
    link = links.get(table.name)
    if any(each.via == table.name for each in links.values()):
        yield f"# The table {table.name} is joined below: it says which rows belong to which lead."
        yield ""
    elif link is None or not (times_of(table) or tells_ends(table)):
        lacking = "ids of leads" if link is None else "times"
        yield f"# The table {table.name} is not used: no column of it holds {lacking}."
        yield ""
    elif table.name in logs:
        yield from change_lines(logs[table.name], names)
        if logs[table.name].is_mixed:
            yield from interaction_lines(table, link, others, is_sure=True)
    elif _links_visitors(table) and (visitor := named_column(table, "anonymous")) is not None:
        yield from visitor_lines(table, replace(link, visitor=visitor))
    else:
        yield from _lines_of_rows(table, link, others)


def _lines_of_rows(table: TableProfile, link: Link, others: Sequence[TableProfile]) -> Iterator[str]:
    """Writes what leads did; of a table of ends as comments, and only where it has more than those."""
    if not tells_ends(table):
        if not any(map(_links_visitors, others)):
            yield from visitor_lines(table, link)
        yield from interaction_lines(table, link, others, is_sure=True)
        return
    yield f"# The table {table.name} says how leads end: see the outcomes below."
    if _has_more_than_ends(table, link):
        yield "# Some rows may be no ends, but what leads did: keep the values that do not tell the end."
        lines = interaction_lines(table, link, others, is_sure=True)
        yield from (f"# {line}" if line else "" for line in lines)
    else:
        yield ""


def _has_more_than_ends(table: TableProfile, link: Link) -> bool:
    """Tells whether a table has clearly more rows than leads."""
    has_time = time_column(table, "occurred_at", besides=()) is not None
    return has_time and table.rows_count > _ROWS_A_LEAD * max(link.lead.distinct_count, 1)
