"""Sets chunks of scores down on the disk, and writes them again, ranked, in the form that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic_core import to_json

from features.columns import Ints
from features.targets import Form
from features.times import format_time
from serving.output import SCORE_SCHEMA

# What a spreadsheet takes for the beginning of a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_TEXT_COLUMNS: Final = ("lead_id", "band", "model_version", "feature_set")


def spill(work: Path, first_row: int, table: pa.Table) -> None:
    """Sets one chunk down, named by the place of its first row."""
    with pa.ipc.new_file(work / f"{first_row:012d}.arrow", table.schema) as writer:
        writer.write_table(table)


def read_spilled(work: Path, ranks: Ints) -> Iterator[pa.Table]:
    """Reads the chunks in order, each with its ranks; 0 becomes null."""
    place = SCORE_SCHEMA.names.index("rank")
    for path in sorted(work.glob("*.arrow")):
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        first_row = int(path.stem)
        own = ranks[first_row : first_row + len(table)]
        yield table.set_column(place, SCORE_SCHEMA.field("rank"), pa.array(own, mask=own == 0))


def write_whole(tables: Iterator[pa.Table], target: Path, *, form: Form) -> None:
    """Writes all chunks as one Parquet file, one CSV file, or a folder of Parquet parts."""
    # A history without leads still has columns.
    tables = chain(tables, [SCORE_SCHEMA.empty_table()])
    if form == "parquet":
        with pyarrow.parquet.ParquetWriter(target, SCORE_SCHEMA) as writer:
            for table in tables:
                writer.write_table(table)
    elif form == "csv":
        _write_csv(tables, target)
    else:
        target.mkdir()
        for number, table in enumerate(tables):
            if len(table) or not number:
                pyarrow.parquet.write_table(table, target / f"part-{number:05d}.parquet")


def _write_csv(tables: Iterator[pa.Table], target: Path) -> None:
    schema = csv_table(SCORE_SCHEMA.empty_table()).schema
    with pyarrow.csv.CSVWriter(target, schema) as writer:
        for table in tables:
            writer.write_table(csv_table(table))


def csv_table(table: pa.Table) -> pa.Table:
    """Turns scores into the cells of a CSV file: times and lists as text, and nothing that is a formula."""
    columns = {name: table.column(name) for name in table.column_names}
    for name in ("as_of", "scored_at"):
        instants = columns[name].cast(pa.int64()).to_pylist()
        # One for all leads, as a rule.
        texts = {instant: format_time(instant) for instant in set(instants)}
        columns[name] = pa.array([texts[instant] for instant in instants], pa.string())
    for name in ("reasons", "curve"):
        columns[name] = pa.array([to_json(cell).decode() for cell in columns[name].to_pylist()], pa.string())
    for name in _TEXT_COLUMNS:
        columns[name] = pa.array([_plain_cell(cell) for cell in columns[name].to_pylist()], pa.string())
    return pa.table(columns)


def _plain_cell(text: str | None) -> str | None:
    """Marks a text that a spreadsheet would compute.

    >>> _plain_cell("=1+1"), _plain_cell("L-1")
    ("'=1+1", 'L-1')
    """
    return f"'{text}" if text is not None and text.startswith(_FORMULA_STARTS) else text
