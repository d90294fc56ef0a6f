"""Makes the tables of a history of the rows of all blocks: ids once, plans, aliases, known times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from features.imports.blocks import REASON
from features.imports.map_format import ImportMap, Outcomes
from features.imports.session import columns_of, drop_table, literal, quoted, run
from features.imports.taken_rows import TakenBlock

# A row recorded less than this before it happens was no plan: clocks differ.
_PLAN: Final = "INTERVAL 1 HOUR"
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "interactions": (
        *("lead_id", "kind", "occurred_at", "available_at", "source", "interaction_id", "direction"),
        *("channel", "value", "campaign", "is_automated"),
    ),
    "outcomes": ("lead_id", "outcome", "occurred_at", "available_at", "source", "outcome_id", "amount"),
    "attribute_changes": ("lead_id", "attribute", "value", "available_at"),
    "lead_aliases": ("alias_id", "lead_id", "available_at"),
}
# Columns of numbers, by table.
_NUMBERS: Final = {"interactions": "value", "outcomes": "amount"}
_NEEDED: Final = ("lead_id", "kind", "occurred_at")


@dataclass(slots=True)
class Assembly:
    """The tables of a history in a session.

    Attributes:
        connection: the session; `leads` and the other tables are in its schema `main`.
        tables: names of the tables that there are, with their columns.
        counts: rows left out of the rows that the blocks gave, by table and reason.
        untracked: attributes with changes of which the log has none.
    """

    connection: duckdb.DuckDBPyConnection
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    untracked: list[str] = field(default_factory=list)


def assemble(
    connection: duckdb.DuckDBPyConnection,
    taken: Mapping[str, Sequence[TakenBlock]],
    import_map: ImportMap,
    *,
    exported_at: int,
) -> Assembly:
    """Makes the tables of a history.

    Args:
        connection: the session.
        taken: the blocks, by table of the history.
        import_map: the map.
        exported_at: microseconds UTC.
    """
    assembly = Assembly(connection)
    _assemble_leads(assembly, taken["leads"])
    _assemble_aliases(assembly, taken.get("lead_aliases", ()))
    _assemble_outcomes(assembly, taken.get("outcomes", ()))
    _assemble_changes(assembly, taken.get("attribute_changes", ()), import_map)
    _assemble_interactions(assembly, taken.get("interactions", ()), exported_at=exported_at)
    move_behind_dated_outcomes(assembly)
    _read_numbers(assembly)
    return assembly


def _assemble_leads(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    run_ = assembly.connection
    rows = _union(
        (
            block,
            {
                "lead_id": "lead_id",
                "created_at": "created_at",
                **({"account_id": "account_id"} if block.raw.has("account_id") else {}),
                **{_attribute(key): quoted(key) for key in block.columns if key.startswith("attributes.")},
                "!block": str(number),
            },
        )
        for number, block in enumerate(blocks)
    )
    run(run_, f"CREATE TABLE all_leads AS {rows}")
    order = 'PARTITION BY lead_id ORDER BY "!block", created_at, rowid'
    run(
        run_,
        f'CREATE TABLE leads AS SELECT *, row_number() OVER ({order}) AS "!place", '
        'first("!block") OVER (PARTITION BY lead_id ORDER BY "!block") AS "!first" FROM all_leads',
    )
    ((duplicates, later),) = run(
        run_,
        'SELECT count(*) FILTER ("!block" = "!first"), count(*) FILTER ("!block" > "!first") '
        'FROM leads WHERE "!place" > 1',
    )
    assembly.counts["leads"] = Counter({"duplicate": duplicates, "later_block": later})
    run(run_, 'DELETE FROM leads WHERE "!place" > 1')
    for column in ("!place", "!first", "!block"):
        run(run_, f"ALTER TABLE leads DROP COLUMN {quoted(column)}")
    run(run_, "DROP TABLE all_leads")
    names = [name for (name, *_) in run(run_, "DESCRIBE leads")]
    # An attribute that only a later block has stands behind; the columns of a history stand first.
    first = [name for name in ("lead_id", "created_at", "account_id") if name in names]
    assembly.tables["leads"] = (*first, *(name for name in names if name not in first))
    erased = _union((block, {"lead_id": "lead_id"}) for block in blocks if block.raw.has("erased")).replace(
        f"{REASON} IS NULL", f"{REASON} = 'erased'"
    )
    run(run_, f"CREATE TABLE erased AS {erased or 'SELECT NULL::VARCHAR AS lead_id WHERE false'}")


def _attribute(key: str) -> str:
    return key.removeprefix("attributes.")


def _assemble_aliases(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    """Makes the aliases; of those of erased leads only the ids are kept, for their rows to be found."""
    run_ = assembly.connection
    run(run_, "CREATE TABLE known AS SELECT lead_id AS id FROM leads")
    if blocks:
        _create(assembly, "lead_aliases", blocks)
        run(
            run_,
            "INSERT INTO erased WITH RECURSIVE of_erased AS (SELECT lead_id FROM erased UNION "
            "SELECT alias_id FROM lead_aliases JOIN of_erased USING (lead_id)) "
            "SELECT lead_id FROM of_erased EXCEPT SELECT lead_id FROM erased",
        )
        run(run_, "INSERT INTO known SELECT alias_id FROM lead_aliases")
        _drop(assembly, "lead_aliases")


def _assemble_outcomes(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    if not blocks:
        return
    _create(assembly, "outcomes", blocks, extra=("reopens",))
    _drop(assembly, "outcomes")
    run_ = assembly.connection
    order = "PARTITION BY lead_id ORDER BY occurred_at, outcome = 'reopened', rowid"
    ((count,),) = run(
        run_,
        "CREATE TABLE never_closed AS SELECT row FROM (SELECT rowid AS row, outcome, reopens, "
        f"lag(outcome) OVER ({order}) AS before, "
        f"bool_or(outcome = 'converted') OVER ({order}) AS is_customer FROM outcomes) "
        "WHERE outcome = 'reopened' AND (coalesce(NOT contains(reopens, before), true) "
        "OR (is_customer AND NOT contains(reopens, 'converted')))",
    )
    run(run_, "DELETE FROM outcomes WHERE rowid IN (SELECT row FROM never_closed)")
    assembly.counts["outcomes"]["not_closed_before"] += count


def _assemble_changes(assembly: Assembly, blocks: Sequence[TakenBlock], import_map: ImportMap) -> None:
    """Makes the changes, and gives the leads the values that they had at their creation."""
    if not blocks:
        return
    run_ = assembly.connection
    changing = [name for name, each in import_map.attributes().items() if each.known == "changes"]
    _create(assembly, "attribute_changes", blocks, extra=("old",))
    listed = ", ".join(map(literal, changing)) or "NULL"
    count = _delete(assembly, "attribute_changes", f"(attribute IN ({listed})) IS NOT TRUE")
    assembly.counts["attribute_changes"]["no_meaning"] += count
    _drop(assembly, "attribute_changes")
    has_old = _has(assembly, "attribute_changes", "old")
    for name in (name for name in changing if name in assembly.tables["leads"]):
        ((count,),) = run(run_, f"SELECT count(*) FROM attribute_changes WHERE attribute = {literal(name)}")
        if not count or not has_old:
            # Today's value says nothing about that at creation.
            run(run_, f"UPDATE leads SET {quoted(name)} = NULL")
        if not count:
            assembly.untracked.append(name)
        elif has_old:
            _set_from_first_old(run_, name)
        else:
            _set_from_changes_until_creation(run_, name)


def _set_from_first_old(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives leads with changes the value before the first one; that of all others is today's."""
    run(
        connection,
        f"UPDATE leads SET {quoted(name)} = first.old FROM (SELECT lead_id, "
        "arg_min({'text': old}, {'at': available_at, 'row': rowid}).text AS old "
        f"FROM attribute_changes WHERE attribute = {literal(name)} GROUP BY lead_id) AS first "
        "WHERE first.lead_id = leads.lead_id",
    )


def _set_from_changes_until_creation(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives leads the last value of a log without old ones that was known at creation."""
    until = (
        f"FROM attribute_changes JOIN leads USING (lead_id) WHERE attribute = {literal(name)} "
        "AND available_at <= created_at"
    )
    run(
        connection,
        "CREATE OR REPLACE TABLE at_creation AS SELECT lead_id, list(attribute_changes.rowid) AS rows, "
        "arg_max({'text': value}, {'at': available_at, 'row': attribute_changes.rowid}).text AS value "
        f"{until} GROUP BY lead_id",
    )
    run(
        connection,
        f"UPDATE leads SET {quoted(name)} = at_creation.value FROM at_creation "
        "WHERE at_creation.lead_id = leads.lead_id",
    )
    run(connection, "DELETE FROM attribute_changes WHERE rowid IN (SELECT unnest(rows) FROM at_creation)")


def _assemble_interactions(assembly: Assembly, blocks: Sequence[TakenBlock], *, exported_at: int) -> None:
    run_ = assembly.connection
    if not blocks:
        run(
            run_,
            "CREATE TABLE interactions (lead_id VARCHAR, kind VARCHAR, occurred_at TIMESTAMPTZ)",
        )
        assembly.tables["interactions"] = _NEEDED
        return
    _create(assembly, "interactions", blocks)
    _drop(assembly, "interactions")
    if not _has(assembly, "interactions", "available_at"):
        return
    begins = 'coalesce("occurred_at day", occurred_at - ' + _PLAN + ")"
    limit = f"make_timestamptz({exported_at})"
    planned = {
        "kind": "kind || '_planned'",
        "occurred_at": "available_at",
        "occurred_at day": "NULL",
        "interaction_id": "interaction_id || ':planned'",
    }
    of_plan = ", ".join(
        f"{planned.get(name, quoted(name))} AS {quoted(name)}" for name in _all(run_, "interactions")
    )
    run(run_, f"CREATE TABLE plans AS SELECT {of_plan} FROM interactions WHERE available_at < {begins}")
    run(run_, f'DELETE FROM interactions WHERE coalesce("occurred_at day", occurred_at) > {limit}')
    run(run_, "UPDATE interactions SET available_at = greatest(available_at, occurred_at)")
    run(run_, "INSERT INTO interactions SELECT * FROM plans")


def move_behind_dated_outcomes(assembly: Assembly) -> None:
    """Makes what happened on the day of an outcome without time of day known only after it."""
    if "outcomes" not in assembly.tables or not _has(assembly, "outcomes", "occurred_at day"):
        return
    run_ = assembly.connection
    run(
        run_,
        'CREATE OR REPLACE TABLE dated AS SELECT lead_id, "occurred_at day" AS day, occurred_at AS closed_at '
        'FROM outcomes WHERE "occurred_at day" IS NOT NULL',
    )
    ((count,),) = run(run_, "SELECT count(*) FROM dated")
    if not count:
        return
    for table in ("interactions", "attribute_changes"):
        if table not in assembly.tables:
            continue
        if not _has(assembly, table, "available_at"):
            run(run_, f"ALTER TABLE {table} ADD COLUMN available_at TIMESTAMPTZ")
            assembly.tables[table] = (*assembly.tables[table], "available_at")
        known = "coalesce(available_at, occurred_at)" if table == "interactions" else "available_at"
        run(
            run_,
            f"UPDATE {table} SET available_at = dated.closed_at + INTERVAL 1 MICROSECOND FROM dated WHERE "
            f"dated.lead_id = {table}.lead_id AND {known} BETWEEN dated.day AND dated.closed_at",
        )


def _read_numbers(assembly: Assembly) -> None:
    """Turns texts into numbers where all are; others, such as `12,50`, are read with the history."""
    for table, column in _NUMBERS.items():
        kinds = columns_of(assembly.connection, f"SELECT * FROM {table}") if table in assembly.tables else {}
        if kinds.get(column) != "VARCHAR":
            continue
        number = f"TRY_CAST({column} AS DOUBLE)"
        is_other = f"{column} IS NOT NULL AND {number} IS NULL"
        ((others,),) = run(assembly.connection, f"SELECT count(*) FROM {table} WHERE {is_other}")
        if not others:
            run(assembly.connection, f"ALTER TABLE {table} ALTER {column} TYPE DOUBLE USING {number}")


def _create(
    assembly: Assembly, table: str, blocks: Sequence[TakenBlock], extra: tuple[str, ...] = ()
) -> None:
    """Makes a table of the rows of its blocks that are taken."""
    wanted = (*_COLUMNS[table], *extra)
    rows = _union((block, _columns(block, table, wanted)) for block in blocks)
    run(assembly.connection, f"CREATE TABLE {table} AS {rows}")
    for block in blocks:
        drop_table(assembly.connection, block.table)
    names = _all(assembly.connection, table)
    assembly.tables[table] = tuple(name for name in _COLUMNS[table] if name in names)
    assembly.counts[table] = Counter()


def _columns(block: TakenBlock, table: str, wanted: Sequence[str]) -> dict[str, str]:
    columns = {name: quoted(name) for name in wanted if block.raw.has(name)}
    if "occurred_at" in columns:
        columns["occurred_at day"] = quoted("occurred_at day")
    if "reopens" in wanted and isinstance(block.raw.block, Outcomes):
        columns["reopens"] = f"[{', '.join(map(literal, block.raw.block.reopens))}]"
    has_id = block.raw.has("interaction_id") or block.raw.has("outcome_id")
    if table in ("interactions", "outcomes") and has_id and "source" not in columns:
        columns["source"] = literal(block.raw.block.from_)
    return columns


def _union(blocks: Iterator[tuple[TakenBlock, Mapping[str, str]]]) -> str:
    """Writes the rows of blocks that are taken, columns by their names."""
    return " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(f'{cell} AS {quoted(name)}' for name, cell in columns.items())} "
        f"FROM {quoted(block.table)} WHERE {REASON} IS NULL"
        for block, columns in blocks
    )


def _drop(assembly: Assembly, table: str) -> None:
    """Leaves out the rows of leads that were erased, or that are none."""
    erased = _delete(assembly, table, "lead_id IN (SELECT lead_id FROM erased)")
    unknown = _delete(assembly, table, "lead_id NOT IN (SELECT id FROM known)")
    assembly.counts[table] += Counter({"erased": erased, "no_lead": unknown})


def _delete(assembly: Assembly, table: str, condition: str) -> int:
    ((count,),) = run(assembly.connection, f"SELECT count(*) FROM {table} WHERE {condition}")
    if count:
        run(assembly.connection, f"DELETE FROM {table} WHERE {condition}")
    return int(count)


def _has(assembly: Assembly, table: str, column: str) -> bool:
    return column in _all(assembly.connection, table)


def _all(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [name for (name, *_) in run(connection, f"DESCRIBE {table}")]
