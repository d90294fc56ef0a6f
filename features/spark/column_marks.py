"""How the times and numbers of a history are written, decided on Spark from the cells of all partitions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.settings import HistorySettings
from features.parsing.marks import NO_MARKS, Marks
from features.parsing.text_columns import is_text
from features.parsing.written_numbers import number_marks
from features.spark.file_frames import Frame, quoted
from features.tables.formats import decide_columns, marks_of_rows
from features.tables.schema import NUMBER_COLUMNS, TIME_COLUMNS

LEADS, CHANGES = "leads", "attribute_changes"
_SCHEMA: Final = "name string, first string, second string, both string, plain string, is_written boolean"
_NAMES: Final = ("name", "first", "second", "both", "plain", "is_written")


def decide_on_spark(
    frames: Mapping[str, Frame],
    schemas: Mapping[str, pa.Schema],
    settings: HistorySettings,
    findings: Findings,
    *,
    numbers: Collection[str] = (),
) -> HistorySettings:
    """Decides how columns of texts are written; a history whose times and numbers have types is not read.

    Args:
        frames: by table.
        schemas: their Arrow schemas.
        settings: of the history.
        findings: collects what cannot be decided.
        numbers: attributes that the model reads as numbers.
    """
    for table, frame in frames.items():
        columns = [*NUMBER_COLUMNS.get(table, ()), *TIME_COLUMNS.get(table, ())]
        columns += numbers if table == LEADS else ()
        texts = [name for name in columns if _is_text(schemas[table], name)]
        if texts:
            marks = _collect(frame.select(*map(quoted, texts)), _Reader(table, frozenset(numbers)))
            settings = decide_columns(table, marks, settings, findings)
        if table == CHANGES and numbers and _is_text(schemas[table], "value"):
            cells = frame.select("attribute", "value").where(frame["attribute"].isin(*numbers))
            # An attribute is written in its changes as in `leads`.
            marks = _collect(cells, _ChangesReader(frozenset(numbers)))
            settings = decide_columns(LEADS, marks, settings, findings)
    return settings


def _is_text(schema: pa.Schema, name: str) -> bool:
    return name in schema.names and is_text(schema.field(name).type)


def _collect(cells: Frame, reader: _Reader | _ChangesReader) -> dict[str, Marks]:
    marks: dict[str, Marks] = {}
    for name, *found in cells.mapInArrow(reader.read, _SCHEMA).collect():
        marks[name] = marks.get(name, NO_MARKS).merged(Marks(*found))
    return marks


class _Reader:
    """Gives the marks of the rows of a partition, one row a column."""

    def __init__(self, table: str, numbers: frozenset[str]) -> None:
        self._table, self._numbers = table, numbers

    def read(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            marks = marks_of_rows(self._table, rows)
            own = self._numbers.intersection(rows.column_names) if self._table == LEADS else ()
            yield from _rows_of(marks | {name: number_marks(rows[name]) for name in own})


class _ChangesReader:
    """Gives the marks of the changes of a partition, one row an attribute."""

    def __init__(self, numbers: frozenset[str]) -> None:
        self._numbers = numbers

    def read(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            yield from _rows_of(
                {
                    name: number_marks(rows["value"].filter(pa.compute.equal(rows["attribute"], name)))
                    for name in sorted(self._numbers)
                }
            )


def _rows_of(found: Mapping[str, Marks]) -> Iterator[pa.RecordBatch]:
    rows = [(name, *astuple(marks)) for name, marks in found.items() if marks != NO_MARKS]
    if rows:
        columns = [pa.array(cells) for cells in zip(*rows, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names=[*_NAMES])
