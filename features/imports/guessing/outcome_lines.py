"""Lines of a draft about outcomes: comments only, because what closes a lead is never guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from features.imports.guessing.found_leads import FoundLeads, named_column, says_closing, times_of
from features.imports.guessing.known_names import rank_of
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.toml_lines import (
    lead_lines,
    may_close,
    says_origin,
    tells_ends,
    text_value,
    time_value,
)

_LAST: Final = 1_000
# Most values that a column of states has, where no name says so.
_MOST_STATES: Final = 8


def outcome_lines(
    leads: FoundLeads, others: Sequence[TableProfile], links: Mapping[str, Link]
) -> Iterator[str]:
    """Lists what may close a lead, as comments to be edited."""
    yield "# NEVER GUESSED: what closes a lead, and when. Fill this in and take away the signs; without it"
    yield "# leads can only be scored. A closing without its time is refused."
    linked = [(each, links[each.name]) for each in others if each.name in links]
    places = [(leads.table, Link(leads.lead_id)), *(pair for pair in linked if tells_ends(pair[0]))]
    found = [(table, link, each) for table, link in places for each in table.columns if may_close(each)]
    rows = [(table, link) for table, link in places[1:] if not any(map(may_close, table.columns))]
    for table, link in rows:
        yield from _row_lines(table, link)
    if not found and not rows:
        yield "# No name says which column is the state of a lead; these have few values:"
        found = [
            (leads.table, Link(leads.lead_id), each)
            for each in leads.table.columns
            if 1 < len(each.values) <= _MOST_STATES and not each.is_time and not says_origin(each)
        ]
    for table, link, status in found:
        yield from _closing_lines(table, link, status, leads)
    if not found and not rows:
        yield "# none: name the column that says who bought."
        yield "# [[outcomes]]"
        yield f"# from = {text_value(leads.table.name)}"
        yield f"# lead_id = {text_value(leads.lead_id.name)}"
        yield '# outcome = {column = "?", values = {"?" = "converted", "?" = "lost", "?" = "open"}}'
        yield '# occurred_at = "?"'


def _closing_lines(
    table: TableProfile, link: Link, status: ColumnProfile, leads: FoundLeads
) -> Iterator[str]:
    pairs = ", ".join(f'{text_value(text)} = "open"' for text in status.values)
    counts = ", ".join(f"{text} {count:,}" for text, count in status.values.items())
    created = "" if leads.created_at is None or leads.is_log else leads.created_at.name
    times = [
        each
        for each in times_of(table)
        if each.name not in (created, link.lead.name) and rank_of("modified_at", each.name) is None
    ]
    ordered = sorted(times, key=_closing_rank)
    yield f"# {status.name}: {counts}"
    yield "# [[outcomes]]"
    yield f"# from = {text_value(table.name)}"
    for line in lead_lines(link):
        yield f"# {line}"
    yield f"# outcome = {{column = {text_value(status.name)}, values = {{{pairs}}}}}"
    if ordered:
        also = f"  # or {', '.join(each.name for each in ordered[1:4])}" if ordered[1:] else ""
        yield f"# occurred_at = {time_value(ordered[0])}{also}"
    else:
        yield f'# occurred_at = "?"  # {table.name} has no time for it: export the date of closing, too'
    amount = named_column(table, "amount")
    if amount is not None and amount.is_number:
        yield f"# amount = {text_value(amount.name)}"
    yield ""


def _row_lines(table: TableProfile, link: Link) -> Iterator[str]:
    """Writes the outcomes of a table whose times are those of a closing: what, is not in it."""
    ordered = sorted(times_of(table), key=_closing_rank)
    yield "# [[outcomes]]"
    yield f"# from = {text_value(table.name)}"
    for line in lead_lines(link):
        yield f"# {line}"
    yield '# outcome = {constant = "open"}  # if each row is a sale: "converted"'
    yield f"# occurred_at = {time_value(ordered[0])}"
    yield ""


def _closing_rank(column: ColumnProfile) -> tuple[int, bool]:
    rank = rank_of("closed_at", column.name)
    return (_LAST if rank is None else rank), not says_closing(column)
