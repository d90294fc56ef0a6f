"""How the rows of a table name their leads: by a column of their own, or through another table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.guessing.found_leads import FEW, FoundLeads, named_column
from features.imports.guessing.known_names import letters, rank_of
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.rows.cells import text_of
from features.imports.session import SOURCE, columns_of, quoted, run

# Share of the ids of a table that have to be ids of leads.
_LINKED: Final = 0.5
_LAST: Final = 1_000
# Names that a table gives to its own id.
_OWN_IDS: Final = ("id", "recordid")


@dataclass(frozen=True, slots=True)
class Link:
    """How the rows of a table name their leads.

    Attributes:
        lead: column with the id of the lead.
        is_address: whether the id is made of an e-mail address, which the column holds.
        via: the table that has this column; None: the table itself.
        own: column of the table itself that `via` has, too.
        other: that column of `via`.
        visitor: column of the table with the id of a visitor, where that of the lead may be empty.
    """

    lead: ColumnProfile
    is_address: bool = False
    via: str | None = None
    own: str = ""
    other: str = ""
    visitor: ColumnProfile | None = None


def visitor_column(table: TableProfile, lead: ColumnProfile) -> ColumnProfile | None:
    """Finds the column with ids of visitors, where one of the two ids is empty in some rows."""
    found = named_column(table, "anonymous")
    if found is None or found.name == lead.name or lead.is_personal:
        return None
    return found if min(lead.filled_share, found.filled_share) < 1.0 else None


def own_link(leads: FoundLeads) -> Link:
    """Gives how the rows of the table of leads name their leads."""
    visitor = visitor_column(leads.table, leads.lead_id) if leads.is_log else None
    return Link(leads.lead_id, leads.is_address, visitor=visitor)


def find_links(
    connection: duckdb.DuckDBPyConnection, leads: FoundLeads, others: Sequence[TableProfile]
) -> dict[str, Link]:
    """Finds how tables name the leads, by the ids that their columns hold.

    Args:
        connection: session with the tables.
        leads: where the leads are.
        others: all other tables.

    Returns:
        By name, those that name leads at all.
    """
    direct = {
        each.name: Link(column, leads.is_address, visitor=visitor_column(each, column))
        for each in others
        if (column := _direct(connection, leads, each))
    }
    through = [leads.table, *(each for each in others if each.name in direct)]
    found = dict(direct)
    for table in (each for each in others if each.name not in direct):
        for via in through:
            if pair := _shared(connection, table, via):
                lead = leads.lead_id if via is leads.table else direct[via.name].lead
                found[table.name] = Link(lead, leads.is_address, via.name, *pair)
                break
    return found


def _direct(
    connection: duckdb.DuckDBPyConnection, leads: FoundLeads, table: TableProfile
) -> ColumnProfile | None:
    """Finds the column of a table that holds ids of leads."""
    found: list[tuple[bool, int, float, ColumnProfile]] = []
    for column in (each for each in table.columns if not each.is_time or each.is_number):
        share = _share(connection, table, column, leads.table, leads.lead_id)
        if share >= _LINKED:
            rank = rank_of("lead_id", column.name)
            # Small numbers are ids of anything, and those of the table itself first of all.
            is_own = letters(column.name) in _OWN_IDS
            found.append((is_own, _LAST if rank is None else rank, -share, column))
    return min(found, key=lambda each: each[:3])[3] if found else None


def _shared(
    connection: duckdb.DuckDBPyConnection, table: TableProfile, via: TableProfile
) -> tuple[str, str] | None:
    """Finds a column of each of two tables that hold the same ids."""
    for own in filter(_may_be_id, table.columns):
        for other in filter(_may_be_id, via.columns):
            if own.is_number and not _are_of_one_name(own, other, table, via):
                continue
            if _share(connection, table, own, via, other) >= _LINKED:
                return own.name, other.name
    return None


def _may_be_id(column: ColumnProfile) -> bool:
    is_number_or_code = column.is_code and (not column.is_time or column.is_number)
    return is_number_or_code and column.distinct_count > FEW and column.place is None


def _are_of_one_name(
    own: ColumnProfile, other: ColumnProfile, table: TableProfile, via: TableProfile
) -> bool:
    """Tells whether two columns of numbers are called alike: `deal_id`, and `id` of the table `deals`."""
    return letters(own.name) in _names(other, via) or letters(other.name) in _names(own, table)


def _names(column: ColumnProfile, table: TableProfile) -> Iterator[str]:
    yield letters(column.name)
    if letters(column.name) in _OWN_IDS:
        name = letters(table.name)
        yield from (f"{each}id" for each in (name, name.removesuffix("s"), f"associated{name}"))


def _share(
    connection: duckdb.DuckDBPyConnection,
    table: TableProfile,
    column: ColumnProfile,
    other: TableProfile,
    other_column: ColumnProfile,
) -> float:
    """Gives the share of the ids of a column that another one holds."""
    own, others = _text(connection, table, column), _text(connection, other, other_column)
    ((share,),) = run(
        connection,
        f"SELECT avg(CASE WHEN id IN (SELECT {others} FROM {SOURCE}.{quoted(other.name)}) THEN 1 ELSE 0 END) "
        f"FROM (SELECT DISTINCT {own} AS id FROM {SOURCE}.{quoted(table.name)}) WHERE id IS NOT NULL",
    )
    return 0.0 if share is None else float(share)


def _text(connection: duckdb.DuckDBPyConnection, table: TableProfile, column: ColumnProfile) -> str:
    """Writes the text of a cell; of an address in small letters, as ids are made of it."""
    own = quoted(column.name)
    (kind,) = columns_of(connection, f"SELECT {own} FROM {SOURCE}.{quoted(table.name)}").values()
    text = text_of(own, kind, TEXT_RULE)
    return f"lower(trim({text}))" if column.is_personal else text
