"""Lines of a draft about outcomes: comments only, because what closes a lead is never guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from features.imports.guessing.change_logs import ChangeLog, state_lines
from features.imports.guessing.found_leads import (
    FoundLeads,
    named_column,
    says_change,
    says_closing,
    times_of,
    times_of_closing,
    unique_id,
)
from features.imports.guessing.known_names import may_be_sale, rank_of
from features.imports.guessing.links import Link, own_link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.states import may_close, says_origin, tells_ends
from features.imports.guessing.toml_lines import (
    block_lines,
    filled,
    first_time_value,
    lead_value,
    text_value,
    time_value,
    value_of,
)

_LAST: Final = 1_000
# Most values that a column of states has, where no name says so.
_MOST_STATES: Final = 8
State = tuple[TableProfile, Link, ColumnProfile]


def outcome_lines(
    leads: FoundLeads,
    others: Sequence[TableProfile],
    links: Mapping[str, Link],
    logs: Mapping[str, ChangeLog],
) -> Iterator[str]:
    """Lists what may close a lead, as comments to be edited."""
    yield "# NEVER GUESSED: what closes a lead, and when. Fill this in and take away the signs; without it"
    yield "# leads can only be scored. A closing without its time is refused."
    for log in logs.values():
        yield from state_lines(log)
    own = own_link(leads)
    linked = [(each, links[each.name]) for each in others if each.name in links and each.name not in logs]
    linked.sort(key=lambda pair: not tells_ends(pair[0]))
    found = [*_states([(leads.table, own), *linked]), *_kinds_of_log(leads, own)]
    found += [] if found else _sales(linked)
    lines = [
        *(line for log in logs.values() for line in state_lines(log)),
        *(line for table, link in linked if _is_of_ends(table) for line in _row_lines(table, link)),
        *(line for closing in _closings(leads, found) for line in _filled_lines(leads.table, own, closing)),
    ]
    yield from lines
    if not found and not leads.is_log:
        found = [(leads.table, own, each) for each in leads.table.columns if _may_be_state(each)]
        if found:
            yield "# No name says which column is the state of a lead; these have few values:"
    for table, link, status in found:
        yield from _closing_lines(table, link, status, leads)
    if not lines and not found:
        yield "# none: name the column that says who bought."
        yield "# [[outcomes]]"
        yield f"# from = {text_value(leads.table.name)}"
        yield f"# lead_id = {text_value(leads.lead_id.name)}"
        yield '# outcome = {column = "?", values = {"?" = "converted", "?" = "lost", "?" = "open"}}'
        yield '# occurred_at = "?"'


def _states(tables: Sequence[tuple[TableProfile, Link]]) -> Iterator[State]:
    """Finds the columns that say how leads stand."""
    for table, link in tables:
        yield from ((table, link, column) for column in table.columns if may_close(column))


def _kinds_of_log(leads: FoundLeads, own: Link) -> Iterator[State]:
    """Finds the column of a log of which a value may be a sale."""
    kind = named_column(leads.table, "kind") if leads.is_log else None
    if kind is not None and kind.values:
        yield leads.table, own, kind


def _sales(tables: Sequence[tuple[TableProfile, Link]]) -> Iterator[State]:
    """Finds the columns of kinds of which a value may be a sale."""
    for table, link in tables:
        kind = named_column(table, "kind")
        if kind is not None and any(map(may_be_sale, kind.values)) and not _is_of_ends(table):
            yield table, link, kind


def _may_be_state(column: ColumnProfile) -> bool:
    """Tells whether a column whose name says nothing may say how a lead stands: it has few values."""
    is_other = column.is_time or says_origin(column) or rank_of("owner", column.own_name) is not None
    return 1 < len(column.values) <= _MOST_STATES and not is_other


def _is_of_ends(table: TableProfile) -> bool:
    """Tells whether each row of a table is an end, without a column that says which."""
    return tells_ends(table) and not any(map(may_close, table.columns))


def _closings(leads: FoundLeads, found: Sequence[State]) -> Iterator[ColumnProfile]:
    """Finds the times of closing of leads of whose state no column tells."""
    if leads.is_log or any(table is leads.table for table, _, _ in found):
        return
    yield from (each for each in times_of_closing(leads.table) if each.filled_share < 1.0)


def _closing_lines(
    table: TableProfile, link: Link, status: ColumnProfile, leads: FoundLeads
) -> Iterator[str]:
    pairs = ", ".join(f'{text_value(text)} = "open"' for text in status.values)
    counts = ", ".join(f"{text} {count:,}" for text, count in status.values.items())
    place = "" if table is leads.table else f"{table.name}, "
    yield f"# {place}{status.name}: {counts}"
    yield "# [[outcomes]]"
    for line in block_lines(table, link):
        yield f"# {line}"
    yield f"# outcome = {value_of(status, values=f'{{{pairs}}}')}"
    yield f"# occurred_at = {_closing_time(table, link, leads)}"
    yield from _id_lines(table, link, leads)
    yield from _amount_lines(table)
    yield ""


def _closing_time(table: TableProfile, link: Link, leads: FoundLeads) -> str:
    """Writes when a lead was closed: by several columns where each is the time of one outcome."""
    created = "" if leads.created_at is None or leads.is_log else leads.created_at.name
    times = [
        each
        for each in times_of(table)
        if each.name not in (created, link.lead.name) and rank_of("modified_at", each.own_name) is None
    ]
    ordered = sorted(times, key=_closing_rank)
    if not ordered:
        changed = named_column(table, "modified_at")
        if changed is None or not changed.is_time:
            return f'"?"  # {table.name} has no time for it: export the date of closing, too'
        told = "the last change of it, which is right where a closed one is not changed; else export the date"
        return f"{time_value(changed, table)}  # {told}"
    first = [each for each in ordered if says_closing(each) and each.formats == ordered[0].formats]
    if len(first) > 1:
        return f"{first_time_value(first, table)}  # the first of them that is filled"
    remarks = [f"or {', '.join(each.name for each in ordered[1:4])}"] if ordered[1:] else []
    if ordered[0].filled_share < 1.0:
        count = round(ordered[0].filled_share * table.rows_count)
        remarks.insert(0, f"filled in {count:,} of {table.rows_count:,} rows")
    return f"{time_value(ordered[0], table)}{'  # ' if remarks else ''}{'; '.join(remarks)}"


def _id_lines(table: TableProfile, link: Link, leads: FoundLeads) -> Iterator[str]:
    """Writes the id of an outcome, by which another one in a later export corrects it."""
    if table is leads.table and not leads.is_log:
        yield f"# outcome_id = {lead_value(link, table.base)}"
    elif (own := unique_id(table)) is not None and not own.is_time:
        yield f"# outcome_id = {value_of(own)}"


def _amount_lines(table: TableProfile) -> Iterator[str]:
    amount = named_column(table, "amount")
    if amount is not None and (amount.is_number or amount.is_amount):
        yield f"# amount = {value_of(amount)}"


def _row_lines(table: TableProfile, link: Link) -> Iterator[str]:
    """Writes the outcomes of a table whose times are those of a closing: what, is not in it."""
    ordered = sorted(times_of(table), key=_closing_rank)
    yield "# [[outcomes]]"
    for line in block_lines(table, link):
        yield f"# {line}"
    yield '# outcome = {constant = "open"}  # if each row is a sale: "converted"'
    yield f"# occurred_at = {time_value(ordered[0], table)}"
    yield from _amount_lines(table)
    yield ""


def _filled_lines(table: TableProfile, link: Link, closing: ColumnProfile) -> Iterator[str]:
    """Writes the outcomes of a table of leads of which those that were closed have a time."""
    count = round(closing.filled_share * table.rows_count)
    yield f"# {closing.name}: filled in {count:,} of {table.rows_count:,} rows"
    yield "# [[outcomes]]"
    for line in block_lines(table, link):
        yield f"# {line}"
    yield f"# where = {text_value(filled(closing, table))}"
    yield '# outcome = {constant = "open"}  # if each row with this time is a sale: "converted"'
    yield f"# occurred_at = {time_value(closing, table)}"
    yield f"# outcome_id = {lead_value(link, table.base)}"
    yield from _amount_lines(table)
    yield ""


def _closing_rank(column: ColumnProfile) -> tuple[int, bool, bool, int]:
    closed, occurred = (rank_of(role, column.own_name) for role in ("closed_at", "occurred_at"))
    return (
        _LAST if closed is None else closed,
        not says_closing(column),
        says_change(column),
        _LAST if occurred is None else occurred,
    )
