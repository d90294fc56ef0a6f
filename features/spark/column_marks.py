"""How the times and numbers of a history are written, decided on Spark from the cells of all partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.settings import HistorySettings
from features.parsing.marks import NO_MARKS, Marks
from features.parsing.text_columns import is_text
from features.spark.tables import Frame, quoted
from features.tables.formats import decide_columns, marks_of_rows
from features.tables.schema import NUMBER_COLUMNS, TIME_COLUMNS

_SCHEMA: Final = "name string, first string, second string, both string, plain string, is_written boolean"
_NAMES: Final = ("name", "first", "second", "both", "plain", "is_written")


def decide_on_spark(
    frames: Mapping[str, Frame],
    schemas: Mapping[str, pa.Schema],
    settings: HistorySettings,
    findings: Findings,
) -> HistorySettings:
    """Decides how columns of texts are written; a history whose times and numbers have types is not read.

    Args:
        frames: by table.
        schemas: their Arrow schemas.
        settings: of the history.
        findings: collects what cannot be decided.
    """
    for table, frame in frames.items():
        columns = [
            column
            for column in (*NUMBER_COLUMNS.get(table, ()), *TIME_COLUMNS.get(table, ()))
            if column in schemas[table].names and is_text(schemas[table].field(column).type)
        ]
        if columns:
            marks: dict[str, Marks] = {}
            told = frame.select(*map(quoted, columns)).mapInArrow(_Reader(table).read, _SCHEMA).collect()
            for name, *found in told:
                marks[name] = marks.get(name, NO_MARKS).merged(Marks(*found))
            settings = decide_columns(table, marks, settings, findings)
    return settings


class _Reader:
    """Gives the marks of the rows of a partition, one row a column."""

    def __init__(self, table: str) -> None:
        self._table = table

    def read(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = marks_of_rows(self._table, pa.Table.from_batches([batch]))
            rows = [(name, *astuple(marks)) for name, marks in found.items()]
            if rows:
                columns = [pa.array(cells) for cells in zip(*rows, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, names=[*_NAMES])
