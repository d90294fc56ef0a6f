"""Outcomes and interactions: what was planned, what was reopened, and what is known only after an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.imports.assembly.assembly import (
    Assembly,
    columns_in,
    create_table,
    drop_strangers,
    has_column,
)
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import columns_of, quoted, run

# A row recorded less than this before it happens was no plan: clocks differ.
_PLAN: Final = "INTERVAL 1 HOUR"
# Columns of numbers, by table.
_NUMBERS: Final = {"interactions": "value", "outcomes": "amount"}
_NEEDED: Final = ("lead_id", "kind", "occurred_at")


def assemble_outcomes(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    """Makes the outcomes; what is reopened without having been closed is left out."""
    if not blocks:
        return
    create_table(assembly, "outcomes", blocks, extra=("reopens",))
    drop_strangers(assembly, "outcomes")
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


def assemble_interactions(assembly: Assembly, blocks: Sequence[TakenBlock], *, exported_at: int) -> None:
    """Makes the interactions; what was recorded before it happens is a plan until then."""
    run_ = assembly.connection
    if not blocks:
        run(
            run_,
            "CREATE TABLE interactions (lead_id VARCHAR, kind VARCHAR, occurred_at TIMESTAMPTZ)",
        )
        assembly.tables["interactions"] = _NEEDED
        return
    create_table(assembly, "interactions", blocks)
    drop_strangers(assembly, "interactions")
    if not has_column(assembly, "interactions", "available_at"):
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
        f"{planned.get(name, quoted(name))} AS {quoted(name)}" for name in columns_in(run_, "interactions")
    )
    run(run_, f"CREATE TABLE plans AS SELECT {of_plan} FROM interactions WHERE available_at < {begins}")
    run(run_, f'DELETE FROM interactions WHERE coalesce("occurred_at day", occurred_at) > {limit}')
    run(run_, "UPDATE interactions SET available_at = greatest(available_at, occurred_at)")
    run(run_, "INSERT INTO interactions SELECT * FROM plans")


def move_behind_dated_outcomes(assembly: Assembly) -> None:
    """Makes what happened on the day of an outcome without time of day known only after it."""
    if "outcomes" not in assembly.tables or not has_column(assembly, "outcomes", "occurred_at day"):
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
        if not has_column(assembly, table, "available_at"):
            run(run_, f"ALTER TABLE {table} ADD COLUMN available_at TIMESTAMPTZ")
            assembly.tables[table] = (*assembly.tables[table], "available_at")
        known = "coalesce(available_at, occurred_at)" if table == "interactions" else "available_at"
        run(
            run_,
            f"UPDATE {table} SET available_at = dated.closed_at + INTERVAL 1 MICROSECOND FROM dated WHERE "
            f"dated.lead_id = {table}.lead_id AND {known} BETWEEN dated.day AND dated.closed_at",
        )


def read_numbers(assembly: Assembly) -> None:
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
