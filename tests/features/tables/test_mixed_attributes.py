"""An attribute whose cells are of several types has, at each moment, the type of the cells known then."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.findings.problems import Findings
from features.history.known import known_at
from features.history.lead_history import Attribute, AttributeType, LeadHistory
from features.partitions.reading import read_source
from features.sources import databases
from features.sources.connections import sqlite_url
from features.sources.service_tables import ATTRIBUTE_CHANGES, LEADS, METADATA
from features.times import format_time
from leadodds_python.frames import tables_of_frames
from tests.support.builders import at, bytes_of

# Lead, day and cell of its creation; lead, day and text of a change.
Cells = Sequence[tuple[str, int, Any]]
Changes = Sequence[tuple[str, int, str | None]]
Read = Callable[[Path, Cells, Changes, Mapping[str, AttributeType]], LeadHistory]


def _rows(cells: Cells, changes: Changes) -> dict[str, list[dict[str, Any]]]:
    first = cells[0][0]
    return {
        "leads": [
            {"lead_id": lead_id, "created_at": format_time(at(day)), "mood": cell}
            for lead_id, day, cell in cells
        ],
        "interactions": [{"lead_id": first, "kind": "chat", "occurred_at": format_time(at(9))}],
        "outcomes": [{"lead_id": first, "outcome": "lost", "occurred_at": format_time(at(9))}],
        "attribute_changes": [
            {"lead_id": lead_id, "attribute": "mood", "value": text, "available_at": format_time(at(day))}
            for lead_id, day, text in changes
        ],
    }


def _history(source: Any, types: Mapping[str, AttributeType]) -> LeadHistory:
    made = read_source(source, Findings(), attribute_types=types)
    assert made is not None
    return made


def _from_json(
    folder: Path, cells: Cells, changes: Changes, types: Mapping[str, AttributeType]
) -> LeadHistory:
    for name, rows in _rows(cells, changes).items():
        if rows:
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return _history(folder, types)


def _from_sqlite(
    folder: Path, cells: Cells, changes: Changes, types: Mapping[str, AttributeType]
) -> LeadHistory:
    path = folder / "history.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        for name, rows in _rows(cells, changes).items():
            if rows:
                columns = ", ".join(f'"{column}"' for column in rows[0])
                connection.execute(f"create table {name} ({columns})")
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(
                    f"insert into {name} values ({marks})", [tuple(row.values()) for row in rows]
                )
    connection.close()
    return _history(f"sqlite:///{path}", types)


def _from_frames(
    folder: Path, cells: Cells, changes: Changes, types: Mapping[str, AttributeType]
) -> LeadHistory:
    rows = {name: rows for name, rows in _rows(cells, changes).items() if rows}
    return _history(
        tables_of_frames({name: pd.DataFrame(made, dtype=object) for name, made in rows.items()}), types
    )


def _from_store(
    folder: Path, cells: Cells, changes: Changes, types: Mapping[str, AttributeType]
) -> LeadHistory:
    """The store has every value as a change, with its own type."""
    path = folder / "service.db"
    path.unlink(missing_ok=True)
    engine = sa.create_engine(sqlite_url(path))
    values = sorted([(day, lead_id, cell) for lead_id, day, cell in (*cells, *changes)], key=itemgetter(0))
    leads = [{"lead_id": lead_id, "created_at": at(day)} for lead_id, day, _ in cells]
    rows = [
        {
            "lead_id": lead_id,
            "attribute": "mood",
            "type": None if cell is None else "category" if isinstance(cell, str) else "number",
            "value": None if cell is None else str(cell),
            "available_at": at(day),
            "sequence": 1,
        }
        for day, lead_id, cell in values
    ]
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(LEADS), leads)
        connection.execute(sa.insert(ATTRIBUTE_CHANGES), rows)
    engine.dispose()
    return _history(sqlite_url(path), types)


DOORS: dict[str, Read] = {"json": _from_json, "sqlite": _from_sqlite, "frames": _from_frames}
EVERY_DOOR = {**DOORS, "store": _from_store}
# SQLite has no booleans: it hands over 1 and 0.
MIXED = st.sampled_from([None, 5, 7.5, 12, "5", "blue", "-", "n/a", "007"])
DAYS = st.integers(0, 4)
TEXTS = st.sampled_from([None, "3", "red", "-"])


@pytest.mark.parametrize("door", EVERY_DOOR)
@settings(deadline=None, max_examples=25)
@given(
    leads=st.lists(st.tuples(DAYS, MIXED, st.none() | st.tuples(DAYS, TEXTS)), min_size=1, max_size=5),
    moment=DAYS,
)
def test_known_at__infers_the_type_of_the_cells_known_then(
    door: str, leads: list[tuple[int, Any, tuple[int, str | None] | None]], moment: int
) -> None:
    cells = [(f"L{n}", day, cell) for n, (day, cell, _) in enumerate(leads)]
    changes = [
        (f"L{n}", day + change[0], change[1])
        for n, (day, _, change) in enumerate(leads)
        if change is not None
    ]
    early = [cell for cell in cells if cell[1] <= moment]

    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as part:
        cut = known_at(EVERY_DOOR[door](Path(whole), cells, changes, {}), at(moment))
        known = [change for change in changes if change[1] <= moment]
        expected = EVERY_DOOR[door](Path(part), early, known, {}) if early else None

    assert _plain(cut) == ({} if expected is None else _plain(expected))


def _plain(made: LeadHistory) -> dict[str, Any]:
    return {
        name: bytes_of(Attribute(each.type, each.values, each.categories, each.changes))  # type: ignore[arg-type]
        for name, each in made.attributes.items()
    }


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rows_at_once", [1, 3, 50_000])
def test_attribute__keeps_a_lone_dash_where_it_is_declared_a_category(
    door: str, rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "CHUNK_ROWS", rows_at_once)
    cells = [(f"L{n}", 0, cell) for n, cell in enumerate(["-", 5, None, 7.5, "-"])]

    declared = DOORS[door](tmp_path, cells, [], {"mood": "category"}).attributes["mood"]
    inferred = DOORS[door](tmp_path, cells, [], {}).attributes["mood"]

    texts = [None if code != code else declared.categories[int(code)] for code in declared.values]
    assert texts == ["-", "5", None, "7.5", "-"]
    assert inferred.type == "number"
    assert [value if value == value else None for value in inferred.values] == [None, 5, None, 7.5, None]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rows_at_once", [1, 2, 50_000])
def test_attribute__has_one_type_wherever_a_batch_ends(
    door: str, rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "CHUNK_ROWS", rows_at_once)
    cells = [(f"L{n}", 0, cell) for n, cell in enumerate([5, "blue", "-", None, "n/a", 7.5])]

    mood = DOORS[door](tmp_path, cells, [], {}).attributes["mood"]

    assert mood.type == "category"
    texts = [None if code != code else mood.categories[int(code)] for code in mood.values]
    assert texts == ["5", "blue", "-", None, None, "7.5"]


@pytest.mark.parametrize("door", ["json", "frames"])
def test_attribute__keeps_the_digits_of_large_integers(door: str, tmp_path: Path) -> None:
    large = 2**64 + 1
    cells = [(f"L{n}", 0, cell) for n, cell in enumerate([large, 5, None, "n/a", 0.5])]

    inferred = DOORS[door](tmp_path, cells, [], {}).attributes["mood"]
    declared = DOORS[door](tmp_path, cells, [], {"mood": "category"}).attributes["mood"]

    assert inferred.type == "number"
    assert [value if value == value else None for value in inferred.values] == [2.0**64, 5, None, None, 0.5]
    texts = [None if code != code else declared.categories[int(code)] for code in declared.values]
    assert texts == [str(large), "5", None, None, "0.5"]
