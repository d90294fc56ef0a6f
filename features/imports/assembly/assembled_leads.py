"""Leads, each once, with the ids of those who asked to be forgotten; and their other ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from features.imports.assembly.assembly import (
    Assembly,
    create_table,
    drop_strangers,
    union_of,
)
from features.imports.rows.blocks import REASON
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import quoted, run


def assemble_leads(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    """Makes the leads, each once, and the ids of those who asked to be forgotten."""
    run_ = assembly.connection
    rows = union_of(
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
    erased = union_of((block, {"lead_id": "lead_id"}) for block in blocks if block.raw.has("erased")).replace(
        f"{REASON} IS NULL", f"{REASON} = 'erased'"
    )
    run(run_, f"CREATE TABLE erased AS {erased or 'SELECT NULL::VARCHAR AS lead_id WHERE false'}")


def _attribute(key: str) -> str:
    return key.removeprefix("attributes.")


def assemble_aliases(assembly: Assembly, blocks: Sequence[TakenBlock]) -> None:
    """Makes the aliases; of those of erased leads only the ids are kept, for their rows to be found."""
    run_ = assembly.connection
    run(run_, "CREATE TABLE known AS SELECT lead_id AS id FROM leads")
    if blocks:
        create_table(assembly, "lead_aliases", blocks)
        run(
            run_,
            "INSERT INTO erased WITH RECURSIVE of_erased AS (SELECT lead_id FROM erased UNION "
            "SELECT alias_id FROM lead_aliases JOIN of_erased USING (lead_id)) "
            "SELECT lead_id FROM of_erased EXCEPT SELECT lead_id FROM erased",
        )
        run(run_, "INSERT INTO known SELECT alias_id FROM lead_aliases")
        drop_strangers(assembly, "lead_aliases")
