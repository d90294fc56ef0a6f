"""Builds histories in one line, with times in days since `START`.

>>> made = history(["a", lead("b", 2, size=5)], [touch("a", "call_held", 1.5)], [won("b", 9)])
>>> made.leads_count, made.interactions.starts.tolist()
(2, [0, 1, 1])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.checks.checks import check_tables
from features.findings.problems import Findings, Problem
from features.history.lead_history import AttributeType, Interactions, LeadHistory, Outcomes
from features.tables.table_reader import RawTables
from features.times import US_PER_DAY, parse_time, to_us

# A Thursday, at midnight UTC.
START: Final = parse_time("2026-01-01T00:00:00Z")

When = float | datetime
Row = dict[str, Any]

_TIMES: Final = ("created_at", "occurred_at", "available_at")
_COLUMNS: Final = {
    "leads": ("lead_id", "created_at"),
    "interactions": ("lead_id", "kind", "occurred_at"),
    "outcomes": ("lead_id", "outcome", "occurred_at"),
    "attribute_changes": ("lead_id", "attribute", "value", "available_at"),
    "lead_aliases": ("alias_id", "lead_id", "available_at"),
}


def at(when: When) -> int:
    """Microseconds UTC of a number of days since `START`, or of an aware datetime."""
    return to_us(when) if isinstance(when, datetime) else START + round(when * US_PER_DAY)


def lead(lead_id: str, created_at: When = 0, **columns: Any) -> Row:
    """One lead; further columns are `account_id` and attributes."""
    return {"lead_id": lead_id, "created_at": created_at, **columns}


def touch(lead_id: str, kind: str, occurred_at: When, **columns: Any) -> Row:
    """One interaction; further columns as in the table (`available_at` in days, too)."""
    return {"lead_id": lead_id, "kind": kind, "occurred_at": occurred_at, **columns}


def won(lead_id: str, occurred_at: When, **columns: Any) -> Row:
    """A conversion."""
    return {"lead_id": lead_id, "outcome": "converted", "occurred_at": occurred_at, **columns}


def lost(lead_id: str, occurred_at: When, **columns: Any) -> Row:
    """A loss."""
    return {"lead_id": lead_id, "outcome": "lost", "occurred_at": occurred_at, **columns}


def reopened(lead_id: str, occurred_at: When, **columns: Any) -> Row:
    """A closed lead that is open again."""
    return {"lead_id": lead_id, "outcome": "reopened", "occurred_at": occurred_at, **columns}


def change(lead_id: str, attribute: str, value: object, available_at: When) -> Row:
    """A later value of an attribute."""
    text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return {"lead_id": lead_id, "attribute": attribute, "value": text, "available_at": available_at}


def link(alias_id: str, lead_id: str, available_at: When) -> Row:
    """An alias of a lead."""
    return {"alias_id": alias_id, "lead_id": lead_id, "available_at": available_at}


def tables(
    leads: Iterable[Row | str] = ("a",),
    interactions: Iterable[Row] = (),
    outcomes: Iterable[Row] = (),
    changes: Iterable[Row] | None = None,
    aliases: Iterable[Row] | None = None,
) -> dict[str, pa.Table]:
    """Arrow tables of rows; a lead given by its id alone was created at `START`."""
    rows = {
        "leads": [lead(row) if isinstance(row, str) else row for row in leads],
        "interactions": list(interactions),
        "outcomes": list(outcomes),
    }
    if changes is not None:
        rows["attribute_changes"] = list(changes)
    if aliases is not None:
        rows["lead_aliases"] = list(aliases)
    return {name: table(name, some) for name, some in rows.items()}


def table(name: str, rows: Iterable[Row], *, columns: Iterable[str] = ()) -> pa.Table:
    """One table of rows; columns that a row lacks are null there, `columns` are there even without rows."""
    rows = list(rows)
    columns = list(dict.fromkeys([*_COLUMNS[name], *columns, *(column for row in rows for column in row)]))
    return pa.table({column: _array(column, [row.get(column) for row in rows]) for column in columns})


def check(made: Mapping[str, pa.Table], **options: Any) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """The history that tables make, None if something stops, and what was found."""
    return check_tables(RawTables(made), Findings(), **options)


def history(
    leads: Iterable[Row | str] = ("a",),
    interactions: Iterable[Row] = (),
    outcomes: Iterable[Row] = (),
    changes: Iterable[Row] | None = None,
    aliases: Iterable[Row] | None = None,
    *,
    observed_until: When | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
) -> LeadHistory:
    """A history of rows, made by the very code that reads files."""
    until = None if observed_until is None else at(observed_until)
    made, problems = check(
        tables(leads, interactions, outcomes, changes, aliases),
        observed_until=until,
        attribute_types=attribute_types,
    )
    if made is None:
        raise ValueError("\n".join(map(str, problems)))
    return made


def bytes_of(made: LeadHistory | Interactions | Outcomes) -> dict[str, object]:
    """All that a history or a part of it holds, arrays with their bytes: equal if equal to the last bit."""
    return {name: _bytes_of(getattr(made, name)) for name in _names_of(made)}


def history_folder(folder: Path, *rows: Any, suffix: str = ".parquet", **named: Any) -> Path:
    """Writes what `tables` makes of the same arguments as a folder of files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in tables(*rows, **named).items():
        write_table(made, folder / f"{name}{suffix}")
    return folder


def write_table(made: pa.Table, path: Path) -> None:
    """Writes one table as Parquet or CSV."""
    if path.suffix == ".parquet":
        pq.write_table(made, path)
    else:
        pa_csv.write_csv(made, path)


def _bytes_of(part: object) -> object:
    if isinstance(part, np.ndarray):
        return part.dtype.str, part.shape, part.tobytes()
    if isinstance(part, pa.Array):
        return str(part.type), part.to_pylist()
    if isinstance(part, Mapping):
        return {name: _bytes_of(value) for name, value in part.items()}
    names = _names_of(part)
    return {name: _bytes_of(getattr(part, name)) for name in names} if names else part


def _names_of(value: Any) -> Sequence[str]:
    """Names of the parts of a dataclass or a named tuple; none of anything else."""
    if is_dataclass(value):
        return [field.name for field in fields(value)]
    return getattr(value, "_fields", ())


def _array(column: str, cells: list[Any]) -> pa.Array:
    if column in _TIMES:
        moments = [None if cell is None else at(cell) for cell in cells]
        return pa.array(moments, pa.timestamp("us", tz="UTC"))
    return pa.array(cells, None if any(cell is not None for cell in cells) else pa.string())
