"""Scores in a table: one row per key, however often it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.output.targets import TargetError
from features.sources.connections import open_engine
from features.times import format_time, to_us
from serving.batch.table_rows import TABLE as SCORES
from serving.database.preparation import prepare_database
from serving.database.schema import ERASED
from serving.database.score_tables import SCORES as OF_SERVICE
from serving.intake.items import erased_hash
from serving.scoring.arrow_rows import SCORE_COLUMNS
from tests.serving.batch.test_run import score
from tests.support.builders import at
from tests.support.stores import secret_file


def rows_in(database: str) -> list[dict[str, Any]]:
    """All rows, in the order of moments and ids, as a file has them."""
    engine = open_engine(database)
    with engine.connect() as connection:
        query = sa.select(SCORES).order_by(SCORES.c.as_of, SCORES.c.lead_id)
        rows = [dict(row._mapping) for row in connection.execute(query)]
    engine.dispose()
    return [{name: _read(name, cell) for name, cell in row.items()} for row in rows]


def _read(name: str, cell: Any) -> Any:
    if name in ("reasons", "curve"):
        return json.loads(cell)
    return cell if not hasattr(cell, "tzinfo") else format_time(to_us(cell))


def test_upsert_scores__writes_what_a_file_has(database: str, tmp_path: Path) -> None:
    outcome = score(tmp_path / "s", database)  # type: ignore[arg-type]

    score(tmp_path / "s", tmp_path / "s.parquet")
    of_file = pq.read_table(tmp_path / "s.parquet").to_pylist()
    expected = [
        {name: _read(name, cell) for name, cell in row.items() if name not in ("reasons", "curve")}
        for row in of_file
    ]
    rows = rows_in(database)
    assert tuple(rows[0]) == SCORE_COLUMNS
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert [row["reasons"] for row in rows] == [row["reasons"] for row in of_file]
    assert outcome.summary()["leads"] == 5
    assert "***" in outcome.out or outcome.out == database


def test_upsert_scores__the_same_key_again_doubles_nothing(database: str, tmp_path: Path) -> None:
    score(tmp_path / "s", database, scored_at=at(12))  # type: ignore[arg-type]

    score(tmp_path / "s", database, scored_at=at(13))  # type: ignore[arg-type]
    score(tmp_path / "s", database, as_of=at(9), scored_at=at(13))  # type: ignore[arg-type]

    rows = rows_in(database)
    assert [row["lead_id"] for row in rows] == ["a", "b", "c", "d", "a", "b", "c", "d", "now"]
    assert {row["scored_at"] for row in rows} == {format_time(at(13))}
    assert rows[0]["as_of"] < rows[-1]["as_of"]


def test_check_database__refuses_a_table_of_others(database: str, tmp_path: Path) -> None:
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table scores (player text, goals integer)")
    engine.dispose()

    with pytest.raises(TargetError, match="has a table scores that LeadOdds did not make") as refused:
        score(tmp_path / "s", database)  # type: ignore[arg-type]

    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://me:secret@127.0.0.1:1/crm", "cannot be written"),
        ("mysql://127.0.0.1/crm", "cannot be written"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_check_database__names_what_cannot_be_opened(tmp_path: Path, url: str, fault: str) -> None:
    with pytest.raises(TargetError, match=fault) as refused:
        score(tmp_path / "s", url)  # type: ignore[arg-type]

    assert "secret" not in str(refused.value)


def test_upsert_scores__in_the_service_leaves_out_erased_leads(database: str, tmp_path: Path) -> None:
    engine = open_engine(database)
    with engine.begin() as connection:
        salt = prepare_database(connection, place="here", secret_file=secret_file())
        gone = {"hash": erased_hash(salt, "lead", "b"), "erased_at": at(11)}
        connection.execute(sa.insert(ERASED), gone)

    score(tmp_path / "s", database, as_of=at(10), scored_at=at(12))  # type: ignore[arg-type]
    # Earlier scores with the same key, written late.
    score(tmp_path / "s", database, as_of=at(10), scored_at=at(11))  # type: ignore[arg-type]

    with engine.connect() as connection:
        rows = connection.execute(sa.select(OF_SERVICE).order_by(OF_SERVICE.c.lead_id)).all()
    engine.dispose()
    assert [row.lead_id for row in rows] == ["a", "c", "d", "now"]
    assert {(row.as_of, row.scored_at) for row in rows} == {(at(10), at(12))}
