"""The rows of each block as a table of the session: columns of the history, and why a row is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from features.imports.format.map_blocks import OPEN, Interactions, Outcomes
from features.imports.rows.block_columns import Scope
from features.imports.rows.blocks import (
    REASON,
    TIMES,
    RawBlock,
    left_out,
    raise_fault_of_row,
    raw_name,
    raw_query,
    read_cell,
    read_time,
)
from features.imports.session import literal, quoted, run

# Values without a meaning are shown where they are few: else they are no categories.
_MOST_SHOWN: Final = 8
_MOST_DISTINCT: Final = 30
# Longest text that is shown: a category, not a note.
_LONGEST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class TakenBlock:
    """A block that was read.

    Attributes:
        raw: the block.
        table: name of its table in the session: all of its rows, with their reasons.
        columns: columns of the history that it has.
        rows_count: number of its rows.
        counts: number of rows that are left out, by reason.
        meaningless: texts without a meaning, with their numbers, the most frequent first.
    """

    raw: RawBlock
    table: str
    columns: tuple[str, ...]
    rows_count: int
    counts: Mapping[str, int]
    meaningless: tuple[tuple[str, int], ...] = ()


def take_block(scope: Scope, raw: RawBlock, *, table: str, exported_at: int) -> TakenBlock:
    """Reads all rows of a block.

    Args:
        scope: what all blocks share.
        raw: the block.
        table: name of its table in the session.
        exported_at: microseconds UTC; what happened later is a plan or refused.

    Raises:
        ImportValueError: an expression fails on a row.
    """
    keys = [key for key in raw.cells if key != "where"]
    columns = [name for key in keys if key not in ("deleted", "erased") for name in _names(key)]
    try:
        run(
            scope.connection,
            f"CREATE TABLE {quoted(table)} AS {_query(scope, raw, keys, columns, exported_at)}",
        )
    except duckdb.Error as error:
        raise_fault_of_row(scope, raw, error)
    counted = run(
        scope.connection, f"SELECT {REASON}, count(*) FROM {quoted(table)} GROUP BY ALL ORDER BY ALL"
    )
    counts = {reason: count for reason, count in counted if reason is not None}
    return TakenBlock(
        raw,
        table,
        tuple(columns),
        sum(count for _, count in counted),
        counts,
        _meaningless(scope, raw, table) if "no_meaning" in counts else (),
    )


def _names(key: str) -> tuple[str, ...]:
    """Columns of a key: of a time also the beginning of its day, where it has no time of day."""
    return (key, f"{key} day") if key in TIMES else (key,)


def _query(scope: Scope, raw: RawBlock, keys: Sequence[str], columns: Sequence[str], exported_at: int) -> str:
    """Writes the query in steps, each over the columns of the one before: SQL has no names within a step."""
    times = {key: read_time(scope, raw, key) for key in keys if key in TIMES}
    flags = list(left_out(raw))
    read = [
        *(f"{read_cell(scope, raw, key)} AS {quoted(key)}" for key in keys if key not in TIMES),
        *(f"{stages.cell} AS {quoted(f'{key} cell')}" for key, stages in times.items()),
        # The cells as they were, for what is said about those that give nothing.
        *(f"{raw_name(key)} AS {quoted(f'raw {key}')}" for key in _looked_up(raw)),
        *(f"({condition}) AS {quoted(f'!{reason} row')}" for condition, reason in flags),
    ]
    parts = [
        f"{getattr(stages, part)} AS {quoted(f'{key} {part}')}"
        for key, stages in times.items()
        for part in ("zoned", "local", "date")
    ]
    moments = [
        moment
        for key, stages in times.items()
        for moment in (f"{stages.at} AS {quoted(key)}", f"{stages.day} AS {quoted(f'{key} day')}")
    ]
    conditions = [
        # Before all others: whoever is deleted or left out may have asked to be forgotten, too.
        *([(quoted("erased"), "erased")] if raw.has("erased") else []),
        *((quoted(f"!{reason} row"), reason) for _, reason in flags),
        *_reasons(raw, exported_at),
    ]
    cases = " ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in conditions)
    kept = [*map(quoted, columns), *(quoted(f"raw {key}") for key in _looked_up(raw))]
    return (
        f"WITH cells AS ({raw_query(raw)}), read AS (SELECT {', '.join(read)} FROM cells), "
        f"parts AS (SELECT *{_more(parts)} FROM read), moments AS (SELECT *{_more(moments)} FROM parts) "
        f"SELECT {', '.join(kept)}, CASE {cases} END AS {REASON} FROM moments"
    )


def _more(columns: Sequence[str]) -> str:
    return "".join(f", {column}" for column in columns)


def _looked_up(raw: RawBlock) -> list[str]:
    """Keys of which a missing cell and one without a meaning differ."""
    return [key for key in ("kind", "outcome", "attribute") if raw.has(key)]


def _reasons(raw: RawBlock, exported_at: int) -> Iterator[tuple[str, str]]:
    """Gives the conditions of the columns of the history, with their reasons, in their order."""
    if raw.has("deleted"):
        yield quoted("deleted"), "deleted"
    for key in _looked_up(raw):
        missing = {"kind": "no_kind", "outcome": "not_closed", "attribute": "no_attribute"}[key]
        yield f"{quoted(f'raw {key}')} IS NULL", missing
        yield f"{quoted(key)} IS NULL", "no_meaning"
    if isinstance(raw.block, Outcomes):
        yield f"outcome = {literal(OPEN)}", "not_closed"
        yield "outcome NOT IN ('converted', 'lost', 'reopened')", "no_meaning"
    for key in ("alias_id", "lead_id"):
        if raw.has(key):
            yield f"{quoted(key)} IS NULL", "no_id"
    for key in (key for key in TIMES if raw.has(key)):
        cell, local, date = (quoted(f"{key} {part}") for part in ("cell", "local", "date"))
        is_lost = f"{cell} IS NOT NULL AND {quoted(key)} IS NULL"
        yield f"{is_lost} AND coalesce({local}::DATE, {date}) IS NOT NULL", "no_zone"
        yield is_lost, "no_time"
    yield from _absent_and_future(raw, exported_at)


def _absent_and_future(raw: RawBlock, exported_at: int) -> Iterator[tuple[str, str]]:
    limit = f"make_timestamptz({exported_at})"
    first = next(key for key in TIMES if raw.has(key))
    reason = "closed_without_time" if isinstance(raw.block, Outcomes) else "without_time"
    yield f"{quoted(first)} IS NULL", reason
    begins = f"coalesce({quoted(f'{first} day')}, {quoted(first)})"
    if isinstance(raw.block, Interactions):
        # Where it was recorded before, it is a plan.
        known = "available_at" if raw.has("available_at") else "NULL::TIMESTAMPTZ"
        yield f"{begins} > {limit} AND coalesce({known} > {limit}, true)", "unplanned"
    else:
        yield f"{begins} > {limit}", "future"


def _meaningless(scope: Scope, raw: RawBlock, table: str) -> tuple[tuple[str, int], ...]:
    key = _looked_up(raw)[0]
    cell = f"CAST({quoted(f'raw {key}')} AS VARCHAR)"
    rows = run(
        scope.connection,
        f"SELECT {cell} AS text, count(*) AS n FROM {quoted(table)} WHERE {REASON} = 'no_meaning' "
        f"GROUP BY 1 ORDER BY n DESC, text LIMIT {_MOST_DISTINCT + 1}",
    )
    if len(rows) > _MOST_DISTINCT or any(len(text) > _LONGEST_SHOWN for text, _ in rows):
        return ()
    return tuple(rows[:_MOST_SHOWN])
