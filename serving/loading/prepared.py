"""One partition of a history as rows of the service's database, in a file of its own.

Processes write such files in parallel; the one process that writes to the database only moves their rows: of
an SQLite file into an SQLite file, of CSV into PostgreSQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from features.history.lead_history import Ints
from features.partitions.partitions import Partitions
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from features.sources.sqlite_driver import sqlite_driver
from serving.batch.checkpoint import read_checkpoint, write_checkpoint
from serving.loading.copied_rows import Ranges, write_csv
from serving.loading.store_rows import rows_of_partition
from serving.loading.value_rows import OF_EXPORT

# Rows of one transaction: the server's own writer waits for no longer than these take.
BATCH_ROWS: Final = 12_000
# Columns that the store fills itself.
_NOT_PREPARED: Final = frozenset({"sequence", "further"})
# An empty source stands for none; any other empty text for null.
_MAY_BE_EMPTY: Final = "source"
_METADATA: Final = sa.MetaData()

# By table, by reason.
Counts = dict[str, dict[str, int]]


def _declare(table: sa.Table) -> sa.Table:
    """Declares the prepared rows of a table, numbered by `place`."""
    columns = [sa.Column(column.name, column.type) for column in table.c if column.name not in _NOT_PREPARED]
    columns += [sa.Column(OF_EXPORT, sa.Boolean)] * (table is ATTRIBUTE_CHANGES)
    place = sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    return sa.Table(f"prepared_{table.name}", _METADATA, place, *columns)


# The prepared rows of each table, in the order in which they are written.
PREPARED: Final = {
    table.name: _declare(table) for table in (LEADS, ATTRIBUTE_CHANGES, OUTCOMES, INTERACTIONS)
}


class Batch(NamedTuple):
    """All rows of some consecutive ids: of leads, and of aliases that are no leads.

    Attributes:
        leads: number of ids of the partition up to the end of the batch.
        ranges: by table, the places of the rows: from the first, inclusive, to the second, exclusive.
        spans: by table, the bytes of the rows in a file of CSV.
    """

    leads: int
    ranges: Ranges
    spans: Ranges


@dataclass(frozen=True, slots=True)
class PreparedPartition:
    """The rows of a partition in a file.

    Attributes:
        path: of the file.
        batches: of its rows, in order.
        left_out: rows of the history that do not count, by table and reason.
    """

    path: Path
    batches: tuple[Batch, ...]
    left_out: Counts

    def remove(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)


def prepare_partition(
    partitions: Partitions, number: int, folder: Path, now: int, is_sqlite: bool
) -> PreparedPartition:
    """Writes the rows of a partition to a file, unless a killed job did so.

    Args:
        partitions: all of them.
        number: of the partition.
        folder: receives the file.
        now: microseconds UTC; rows from after it are refused.
        is_sqlite: whether the rows go into an SQLite file; into PostgreSQL otherwise.
    """
    path = folder / f"rows-{number:04d}.{'db' if is_sqlite else 'csv'}"
    facts = path.with_suffix(".json")
    stored = read_checkpoint(facts)
    if stored is None:
        rows = rows_of_partition(partitions, number, now=now)
        path.unlink(missing_ok=True)
        cuts = _cut(rows.tables, rows.ids_count)
        ranges = [ranges for _, ranges in cuts]
        spans: Sequence[Ranges] = ranges
        tables = {name: _placed(_without_empty_texts(rows.tables[name]), name) for name in PREPARED}
        if is_sqlite:
            _write(tables, path)
        else:
            spans = write_csv(tables, ranges, path)
        batches = [(end, *of) for (end, _), *of in zip(cuts, ranges, spans, strict=True)]
        stored = {"batches": batches, "left_out": rows.left_out}
        write_checkpoint(facts, stored)
    return PreparedPartition(path, tuple(Batch(*batch) for batch in stored["batches"]), stored["left_out"])


def _placed(rows: pa.Table, name: str) -> pa.Table:
    """Gives rows the columns of the table that receives them, the place first."""
    names = [column.name for column in PREPARED[name].columns]
    return rows.append_column("place", pa.array(np.arange(len(rows)))).select(names)


def _without_empty_texts(rows: pa.Table) -> pa.Table:
    """Gives rows with null instead of an empty text."""
    for place, field in enumerate(rows.schema):
        if _is_marked(field):
            texts = rows.column(place)
            rows = rows.set_column(
                place, field, pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
            )
    return rows


def _cut(tables: Mapping[str, pa.Table], ids_count: int) -> list[tuple[int, Ranges]]:
    """Cuts the rows into batches of whole ids: the number of ids up to its end, and its rows by table."""
    starts = {
        name: np.searchsorted(np.asarray(tables[name]["lead"]), np.arange(ids_count + 1)) for name in PREPARED
    }
    rows_before: Ints = np.sum([*starts.values()], axis=0)
    batches: list[tuple[int, Ranges]] = []
    start = 0
    while start < ids_count:
        end = int(np.searchsorted(rows_before, rows_before[start] + BATCH_ROWS, side="right")) - 1
        end = max(end, start + 1)
        batches.append((end, {name: (int(of[start]), int(of[end])) for name, of in starts.items()}))
        start = end
    return batches


def _write(tables: Mapping[str, pa.Table], path: Path) -> None:
    connection: Any = sqlite_driver().connect(str(path), isolation_level=None)
    # A file that is not complete is written again.
    for pragma in ("journal_mode=OFF", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for name, table in PREPARED.items():
        declared = sa.schema.CreateTable(table).compile(dialect=sqlite.dialect())
        connection.execute(str(declared))
        columns = tables[name]
        marks = ", ".join("nullif(?, '')" if _is_marked(field) else "?" for field in columns.schema)
        cells = [_cells(column) for column in columns.columns]
        connection.executemany(
            f"INSERT INTO {table.name} VALUES ({marks})",  # noqa: S608 - a name of our own
            zip(*cells, strict=True),
        )
    connection.execute("COMMIT")
    connection.close()


def _is_marked(field: pa.Field) -> bool:
    """Whether an empty text among the cells of a column marks a null."""
    return bool(pa.types.is_string(field.type)) and field.name != _MAY_BE_EMPTY


def _cells(column: pa.ChunkedArray) -> list[Any]:
    """Gives cells without None, which the driver takes ten times as long to bind as a text or number."""
    if pa.types.is_binary(column.type):
        return [*map(bytearray, column.to_pylist())]
    if pa.types.is_boolean(column.type):
        # SQLite stores NaN as null, and 1.0 in such a column as 1.
        column = column.cast(pa.float64())
    empty = "" if pa.types.is_string(column.type) else np.nan if pa.types.is_floating(column.type) else 0
    cells: list[Any] = column.fill_null(empty).to_pylist()
    return cells


def added(*several: Mapping[str, Mapping[str, int]]) -> Counts:
    """Adds counts up, and leaves zeros out.

    >>> added({"leads": {"stored": 1}}, {"leads": {"stored": 2, "duplicate": 1}})
    {'leads': {'stored': 3, 'duplicate': 1}}
    """
    total: dict[str, Counter[str]] = {}
    for counts in several:
        for table, by_reason in counts.items():
            total.setdefault(table, Counter()).update(by_reason)
    return {table: dict(+by_reason) for table, by_reason in total.items()}
