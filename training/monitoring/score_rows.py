"""Reads past scores as `leadodds score` wrote them: files, folders of parts, and tables of a database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.errors import LeadOddsError
from features.history.lead_history import Floats
from features.sources.connections import open_engine, redacted_url
from features.times import parse_time

# What is read of a score; a target of an earlier release may lack the last ones.
_NEEDED: Final = ("lead_id", "as_of", "status", "probability", "horizon_days", "model_version")
_OPTIONAL: Final = ("band", "stage", "curve", "held_out", "score_id")
# Tables of a database with scores: those of all nights, else of the last one; and single ones on request.
NIGHT_TABLES: Final = ("scores_history", "scores")
AUDIT_TABLE: Final = "audit"
_CHUNK_ROWS: Final = 50_000
_TYPES: Final = {
    "lead_id": pa.string(),
    "as_of": pa.int64(),
    "status": pa.string(),
    "probability": pa.float64(),
    "horizon_days": pa.float64(),
    "model_version": pa.string(),
    "band": pa.string(),
    "stage": pa.string(),
    "held_out": pa.bool_(),
    "score_id": pa.string(),
}


class ScoresError(LeadOddsError):
    """Scores that cannot be read, or none at all."""

    def __init__(self, place: Path | str, *, fault: str) -> None:
        super().__init__(
            f"{place} {fault}. Name with --scores what `leadodds score` wrote: a file, a folder of parts, "
            "or a database URL."
        )


def read_scores(target: str | Path, *, since: int, tables: Sequence[str] = NIGHT_TABLES) -> pa.Table:
    """Reads the scores of one target.

    Args:
        target: a .parquet or .csv file, a folder of Parquet parts, or a database URL.
        since: microseconds UTC; earlier scores are left out.
        tables: of a database; the first that holds scores is read. The later ones hold the same, or scores
            of a past moment, of which the model had seen what followed.

    Returns:
        The columns of a score that the monitor reads, `as_of` in microseconds UTC; `curve` as it was stored.

    Raises:
        ScoresError: there are none, or they lack a column.
    """
    if isinstance(target, str) and "://" in target:
        return _of_database(target, since, tables)
    path = Path(target)
    if path.is_dir():
        paths = sorted(path.glob("*.parquet"))
        found = [_normal(_of_parquet(part), path, since) for part in paths]
        if not found:
            raise ScoresError(path, fault="holds no .parquet file")
        return pa.concat_tables(found, promote_options="permissive")
    if not path.is_file():
        raise ScoresError(path, fault="is not there")
    try:
        rows = _of_csv(path) if path.suffix == ".csv" else _of_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise ScoresError(path, fault=f"cannot be read: {str(error).splitlines()[0]}") from None
    return _normal(rows, path, since)


def curves_of(cells: pa.ChunkedArray) -> tuple[Floats, Floats]:
    """Reads the curves of scores.

    Args:
        cells: lists of {days, probability}, or the same as JSON.

    Returns:
        (n, K) days and (n, K) probabilities; a shorter curve repeats its last point, and a score without a
        curve has NaN.
    """
    if pa.types.is_string(cells.type):
        points = [
            [(p["days"], p["probability"]) for p in json.loads(cell or "[]")] for cell in cells.to_pylist()
        ]
        lengths = np.array([len(found) for found in points], dtype=np.int64)
        flat = np.array([point for found in points for point in found], dtype=np.float64).reshape(-1, 2)
        days, probability = flat[:, 0], flat[:, 1]
    else:
        lists = cells.combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        structs = lists.flatten()
        days, probability = (
            pc.struct_field(structs, name).to_numpy(zero_copy_only=False) for name in ("days", "probability")
        )
    widest = int(lengths.max(initial=0))
    starts = np.cumsum(lengths) - lengths
    place = starts[:, np.newaxis] + np.minimum(np.arange(widest), lengths[:, np.newaxis] - 1)
    place = np.where(lengths[:, np.newaxis] > 0, place, len(days))
    return np.append(days, np.nan)[place], np.append(probability, np.nan)[place]


def _of_parquet(path: Path) -> pa.Table:
    names = set(pq.read_schema(path).names)
    return pq.read_table(path, columns=[name for name in (*_NEEDED, *_OPTIONAL) if name in names])


def _of_csv(path: Path) -> pa.Table:
    types = {name: type_ for name, type_ in _TYPES.items() if name != "as_of"}
    options = pyarrow.csv.ConvertOptions(
        column_types={**types, "as_of": pa.string(), "curve": pa.string()}, strings_can_be_null=True
    )
    rows = pyarrow.csv.read_csv(path, convert_options=options)
    kept = rows.select([name for name in (*_NEEDED, *_OPTIONAL) if name in rows.column_names])
    # A spreadsheet would compute such an id, so it was written behind an apostrophe.
    ids = pc.replace_substring_regex(kept["lead_id"], r"^'([=+\-@\t\r\n])", r"\1")
    return kept.set_column(kept.column_names.index("lead_id"), "lead_id", ids)


def _of_database(url: str, since: int, tables: Sequence[str]) -> pa.Table:
    place = redacted_url(url)
    try:
        with open_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
            present = set(sa.inspect(connection).get_table_names())
            found = None
            for name in (table for table in tables if table in present):
                found = _of_table(connection, name, place, since)
                if len(found):
                    break
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise ScoresError(place, fault=f"cannot be read: {reason}") from None
    if found is None:
        raise ScoresError(place, fault=f"has none of the tables {', '.join(tables)}")
    return found


def _of_table(connection: sa.Connection, table: str, place: str, since: int) -> pa.Table:
    present = [column["name"] for column in sa.inspect(connection).get_columns(table)]
    used = [name for name in (*_NEEDED, *_OPTIONAL) if name in present]
    query: Any = sa.select(*map(sa.column, used)).select_from(sa.table(table))
    streaming = connection.execution_options(stream_results=True, yield_per=_CHUNK_ROWS)
    chunks = [_normal(_as_arrow(rows, used), place, since) for rows in streaming.execute(query).partitions()]
    empty = _normal(_as_arrow([], used), place, since)
    return pa.concat_tables([empty, *chunks], promote_options="permissive")


def _as_arrow(rows: Sequence[Sequence[Any]], used: Sequence[str]) -> pa.Table:
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(used)
    columns = dict(zip(used, map(list, cells), strict=True))
    if "held_out" in columns:
        columns["held_out"] = [None if cell is None else bool(cell) for cell in columns["held_out"]]
    if "as_of" in columns and not rows:
        return pa.table({name: pa.array([], _TYPES.get(name, pa.string())) for name in used})
    return pa.table({name: pa.array(column, from_pandas=True) for name, column in columns.items()})


def _normal(rows: pa.Table, place: Path | str, since: int) -> pa.Table:
    """Gives the columns their types, absent ones as nulls, and leaves out rows from before a moment."""
    if missing := [name for name in _NEEDED if name not in rows.column_names]:
        raise ScoresError(place, fault=f"lacks {', '.join(missing)}, so it holds no scores")
    rows = rows.set_column(rows.column_names.index("as_of"), "as_of", _instants(rows["as_of"]))
    rows = rows.filter(pc.greater_equal(rows["as_of"], since))
    columns = {}
    for name in (*_NEEDED, *_OPTIONAL):
        if name == "curve":
            columns[name] = rows[name] if name in rows.column_names else pa.nulls(len(rows), pa.string())
        else:
            type_ = _TYPES[name]
            columns[name] = (
                rows[name].cast(type_) if name in rows.column_names else pa.nulls(len(rows), type_)
            )
    return pa.table(columns)


def _instants(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turns times, texts or microseconds into microseconds UTC."""
    if pa.types.is_integer(cells.type):
        return cells
    if pa.types.is_timestamp(cells.type):
        return cells.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    # A night gives all leads the same moment, so there are few texts.
    moments = {text: parse_time(text, item="as_of") for text in pc.unique(cells).to_pylist()}
    return pa.chunked_array([pa.array([moments[text] for text in cells.to_pylist()], pa.int64())])
