"""A block of interactions of a draft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from features.imports.guessing.found_leads import (
    named_column,
    says_change,
    says_creation,
    time_column,
    times_of,
    unique_id,
)
from features.imports.guessing.kind_lines import direction_line, find_kind
from features.imports.guessing.known_names import rank_of
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.toml_lines import block_lines, time_value, value_of


def interaction_lines(
    table: TableProfile, link: Link, others: Sequence[TableProfile], *, is_sure: bool
) -> Iterator[str]:
    """Writes a block of interactions.

    Args:
        table: of the rows.
        link: how they name their leads.
        others: tables that may name the kinds.
        is_sure: whether the rows name the leads for sure.
    """
    at = time_column(table, "occurred_at", besides=())
    if at is None:
        return
    recorded = named_column(table, "created_at") or next(
        (each for each in times_of(table) if says_creation(each) and not says_change(each)), None
    )
    own_id = unique_id(table)
    join, kind = find_kind(table, link, others)
    yield "[[interactions]]"
    is_sure &= rank_of("lead_id", link.lead.own_name) is not None or not link.lead.is_number
    doubt = "NOT SURE: its cells could be ids of leads"
    told = "sure: its cells are ids of leads" if is_sure and link.via is None else doubt
    *before, last = block_lines(table, link, join)
    yield from before
    yield f"{last}  # {told}"
    yield kind
    yield f"occurred_at = {time_value(at, table)}  # {sureness(at, 'occurred_at')}"
    if recorded is not None and recorded.is_time and recorded.name != at.name:
        yield f"available_at = {time_value(recorded, table)}  # NOT SURE: when it was recorded"
    if own_id is not None and own_id.name not in (link.lead.name, link.own) and not own_id.is_time:
        told = "NOT SURE" if rank_of("lead_id", own_id.own_name) is None else "sure: unique and never empty"
        yield f"interaction_id = {value_of(own_id)}  # {told}"
    yield from direction_line(table)
    value = named_column(table, "value")
    if value is not None and (value.is_number or value.is_amount):
        yield f"value = {value_of(value)}  # NOT SURE: a number that tells more of it"
    yield ""


def sureness(column: ColumnProfile, role: str) -> str:
    """Tells how sure it is that a column of times has a role."""
    doubts = []
    if rank_of(role, column.own_name) is None:
        doubts.append("its name does not say so")
    if len(column.formats) > 1:
        doubts.append(f"every cell could also be {' or '.join(each[0] for each in column.formats[1:3])}")
    return f"NOT SURE: {'; '.join(doubts)}" if doubts else "sure"
