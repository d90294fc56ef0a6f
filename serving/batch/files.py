"""Writes the rows of a batch as a Parquet file, a CSV file or a folder of Parquet parts, chunk by chunk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic_core import to_json

from features.output.targets import TargetFormat
from features.partitions.pool import run_tasks
from features.progress import Progress, silent
from features.times import format_time
from serving.batch.combine import Chunk
from serving.scoring.arrow_rows import SCORE_SCHEMA

# Where a spreadsheet takes what follows for a formula: at the beginning of a cell, and behind what another
# spreadsheet takes for the end of one. `cell` of page/web/csv.js is the same rule.
# Source: OWASP, "CSV Injection".
_FORMULA: Final = re.compile(r"^(?=[\t\r\n])|(?:^|[;,\t\r\n])(?=\s*[=+\-@＝＋－＠])")
_TEXT_COLUMNS: Final = ("lead_id", "band", "model_version", "feature_set")


def write_whole(
    chunks: Sequence[Chunk], work: Path, *, form: TargetFormat, workers: int, progress: Progress = silent
) -> Path:
    """Writes all rows as one Parquet file, one CSV file, or a folder of Parquet parts.

    Args:
        chunks: of all rows; at least one.
        work: folder of the job; files of an earlier try in it are replaced.
        form: one of the three.
        workers: number of processes that write; the bytes do not depend on it.
        progress: called with the progress of the writing.

    Returns:
        The file or folder, in `work`.
    """
    whole = work / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    paths = [whole / f"part-{number:05d}.parquet" for number in range(len(chunks))]
    if form == "parquet":
        _write_parquet(_read_all(chunks, progress), whole / "scores.parquet")
        return whole / "scores.parquet"
    write = _write_part if form == "parts" else _write_csv_part
    done = run_tasks(write, list(zip(chunks, paths, strict=True)), workers=workers, guard=work)
    for number, _ in enumerate(done, 1):
        progress("write", number / len(chunks))
    return _joined(paths, whole / "scores.csv") if form == "csv" else whole


def _read_all(chunks: Sequence[Chunk], progress: Progress) -> Iterator[pa.Table]:
    for number, chunk in enumerate(chunks, 1):
        yield chunk.read()
        progress("write", number / len(chunks))


def _write_parquet(tables: Iterator[pa.Table], path: Path) -> None:
    with pyarrow.parquet.ParquetWriter(path, SCORE_SCHEMA) as writer:
        for table in tables:
            writer.write_table(table)


def _write_part(chunk: Chunk, path: Path) -> None:
    _write_parquet(iter([chunk.read()]), path)


def _write_csv_part(chunk: Chunk, path: Path) -> None:
    is_first = path.stem.endswith("00000")
    options = pyarrow.csv.WriteOptions(include_header=is_first)
    pyarrow.csv.write_csv(csv_table(chunk.read()), path, write_options=options)


def _joined(paths: Sequence[Path], whole: Path) -> Path:
    with whole.open("wb") as file:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, file)
            path.unlink()
    return whole


def csv_table(table: pa.Table) -> pa.Table:
    """Turns scores into the cells of a CSV file: times and lists as text, and no formulas."""
    columns = {name: table.column(name) for name in table.column_names}
    for name in ("as_of", "scored_at"):
        instants = columns[name].cast(pa.int64()).to_pylist()
        # Usually all leads have the same.
        texts = {instant: format_time(instant) for instant in set(instants)}
        columns[name] = pa.array([texts[instant] for instant in instants], pa.string())
    for name in ("reasons", "curve"):
        texts_of_lists = [_plain_cell(json_text(cell)) for cell in columns[name].to_pylist()]
        columns[name] = pa.array(texts_of_lists, pa.string())
    for name in _TEXT_COLUMNS:
        columns[name] = pa.array([_plain_cell(cell) for cell in columns[name].to_pylist()], pa.string())
    return pa.table(columns)


def json_text(cell: object) -> str:
    """Writes a list of a score as JSON."""
    return to_json(cell).decode()


def _plain_cell(text: str | None) -> str | None:
    """Escapes a text that a spreadsheet would compute.

    >>> _plain_cell("=1+1"), _plain_cell("L-1"), _plain_cell("a; +1")
    ("'=1+1", 'L-1', "a;' +1")
    """
    return None if text is None else _FORMULA.sub(r"\g<0>'", text)
