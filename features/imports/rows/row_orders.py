"""In which order the rows of a table are, where one of several counts: by numbers, by times, else by text."""

from __future__ import annotations

from typing import Final

from features.imports.format.map_blocks import Block
from features.imports.format.map_values import Join, Latest, Value
from features.imports.rows.block_columns import Scope, cell_of
from features.imports.rows.cells import text_of, time_stages
from features.imports.session import SOURCE, columns_of, quoted

_KEY: Final = "order"
_TEXTS: Final = ("VARCHAR", "JSON")


def ordered_rows(
    scope: Scope, block: Block, table: str, wanted: Join | Latest, *, name: str, key: str
) -> tuple[str, str]:
    """Writes the rows of a table with all that is needed to order them, and the order of them.

    A text is no time to a database: 02/01/2026 would come before 31/12/2025. So it is read as a number or a
    time, in the format that the value itself gives, or another value of the block of the same column.

    Args:
        scope: what all blocks share.
        block: the block.
        table: name of the table in the block.
        wanted: names what orders them, and whether the first or the last one counts.
        name: name of the block for people.
        key: key of the map, for messages.

    Returns:
        SQL of the rows, and that of the order.

    Raises:
        ImportValueError: a column that is not there, or an expression that is not scalar.
    """
    value = wanted.first_by or wanted.last_by or Value(constant="")
    way = "ASC NULLS LAST" if wanted.last_by is None else "DESC NULLS LAST"
    own = value if value.column is None else value.model_copy(update={"table": table})
    cell = cell_of(scope, block, own, name=name, key=key)
    names = {block.from_: block.from_, **{join.name: join.table for join in block.join}}
    rows = f"{SOURCE}.{quoted(names[table])} AS {quoted(table)}"
    kind = columns_of(scope.connection, f"SELECT {cell} AS cell FROM {rows}")["cell"]
    formats = value.format or _formats(block, table, value)
    if kind not in _TEXTS and not formats:
        return rows, f"{cell} {way}"
    stages = time_stages(_KEY, kind, scope.rule, formats=formats, zone=value.zone or scope.zone or "UTC")
    rows = f"(SELECT *, {cell} AS {quoted(f'= {_KEY}')} FROM {rows}) AS {quoted(table)}"
    rows = f"(SELECT *, {stages.cell} AS {quoted(f'{_KEY} cell')} FROM {rows}) AS {quoted(table)}"
    parts = ", ".join(
        f"{getattr(stages, part)} AS {quoted(f'{_KEY} {part}')}" for part in ("zoned", "local", "date")
    )
    rows = f"(SELECT *, {parts} FROM {rows}) AS {quoted(table)}"
    text = text_of(quoted(f"= {_KEY}"), kind, scope.rule)
    number = "" if formats else f"TRY_CAST({text} AS DOUBLE) {way}, "
    return rows, f"{number}{stages.at} {way}, {text} {way}"


def _formats(block: Block, table: str, value: Value) -> tuple[str, ...]:
    """Finds how another value of the block reads the same column."""
    return next(
        (
            other.format
            for _, other in block.values()
            if other.format
            and other.column is not None
            and (other.table or block.from_) == table
            and (other.column, other.path) == (value.column, value.path)
        ),
        (),
    )
