"""Tables that log changes of fields of leads: which field, its value before and after, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.guessing.found_leads import FoundLeads, named_column, time_column, times_of
from features.imports.guessing.known_names import letters
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.states import is_state
from features.imports.guessing.toml_lines import block_lines, sql_of, text_value, time_value, value_of
from features.imports.rows.cells import text_of
from features.imports.session import SOURCE, columns_of, literal, quoted, run

_MOST_STATES: Final = 20
_NEARLY_ALL: Final = 0.9


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """A table of changes.

    Attributes:
        table: the table.
        link: how it names the leads.
        field: the column with the name of the field that changed.
        new: the column with the value from then on.
        old: the column with the value before; None: it has none.
        attributes: columns of the leads that it logs, by the texts that name them.
        states: texts of the states that leads came into, with their numbers, by the text of the field.
        is_mixed: whether many of its rows are no changes, but something else that leads did.
    """

    table: TableProfile
    link: Link
    field: ColumnProfile
    new: ColumnProfile
    old: ColumnProfile | None
    attributes: Mapping[str, str]
    states: Mapping[str, Mapping[str, int]]
    is_mixed: bool


def find_logs(
    connection: duckdb.DuckDBPyConnection,
    leads: FoundLeads,
    tables: Sequence[TableProfile],
    links: Mapping[str, Link],
) -> dict[str, ChangeLog]:
    """Finds the tables that log changes of leads, by name."""
    found = {}
    for table in (each for each in tables if each.name in links and each.parent is None):
        field, new = named_column(table, "field"), named_column(table, "new_value")
        if field is None or not field.values or new is None or not times_of(table):
            continue
        columns = {letters(each.name): each for each in leads.table.columns}
        logged = {text: own for text in field.values if (own := columns.get(letters(text))) is not None}
        states = {text for text, column in logged.items() if is_state(column)}
        found[table.name] = ChangeLog(
            table,
            links[table.name],
            field,
            new,
            named_column(table, "old_value"),
            {text: column.name for text, column in logged.items() if text not in states},
            {text: _values(connection, table, field, new, text) for text in sorted(states)},
            is_mixed=field.filled_share < _NEARLY_ALL,
        )
    return found


def _values(
    connection: duckdb.DuckDBPyConnection,
    table: TableProfile,
    field: ColumnProfile,
    new: ColumnProfile,
    text: str,
) -> dict[str, int]:
    kinds = columns_of(connection, f"SELECT * FROM {SOURCE}.{quoted(table.name)}")
    own, value = (text_of(quoted(each.name), kinds[each.name], TEXT_RULE) for each in (field, new))
    rows = run(
        connection,
        f"SELECT {value} AS value, count(*) AS n FROM {SOURCE}.{quoted(table.name)} WHERE {own} = "
        f"{literal(text)} AND {value} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT {_MOST_STATES}",
    )
    return dict(rows)


def change_lines(log: ChangeLog, names: Mapping[str, str]) -> Iterator[str]:
    """Writes the block of the changes of attributes.

    Args:
        log: the log.
        names: names of attributes by column of the leads; others are not learnt from.
    """
    meanings = {text: names[column] for text, column in log.attributes.items() if column in names}
    if not meanings:
        if not log.is_mixed:
            yield f"# The table {log.table.name} logs changes of no attribute above."
            yield ""
        return
    pairs = ", ".join(f"{text_value(text)} = {text_value(name)}" for text, name in meanings.items())
    yield "[[attribute_changes]]"
    yield from block_lines(log.table, log.link)
    yield f"attribute = {value_of(log.field, values=f'{{{pairs}}}')}  # sure: columns of the leads"
    yield f"value = {value_of(log.new)}"
    if log.old is not None:
        yield f"old = {value_of(log.old)}"
    yield f"available_at = {_time(log)}"
    yield ""


def state_lines(log: ChangeLog) -> Iterator[str]:
    """Writes what may close a lead by the log, as lines of comments."""
    for text, values in log.states.items():
        counts = ", ".join(f"{value} {count:,}" for value, count in values.items())
        pairs = ", ".join(f'{text_value(value)} = "open"' for value in values)
        yield f"# {log.table.name}, changes of {text}: {counts}"
        yield "# [[outcomes]]"
        for line in block_lines(log.table, log.link):
            yield f"# {line}"
        where = f"{sql_of(log.field, log.table)} = {literal(text)}"
        yield f"# where = {text_value(where)}"
        yield f"# outcome = {value_of(log.new, values=f'{{{pairs}}}')}"
        yield f"# occurred_at = {_time(log)}"
        yield ""


def _time(log: ChangeLog) -> str:
    at = time_column(log.table, "occurred_at", besides=())
    return "" if at is None else time_value(at, log.table)
