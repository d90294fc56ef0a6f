"""The scores that were given are kept: predictions alone, as long as needed, without who was erased."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine
from models.home.home import Home
from models.scorecard.held_out import HeldOut
from serving.batch.given_scores import Erasing, Keeping, keep_files, kept_parts
from serving.scoring.arrow_rows import SCORE_COLUMNS, SCORE_SCHEMA
from tests.serving.batch.test_run import score
from tests.support.builders import at, lead
from tests.support.small_models import small_bundle
from tests.support.stores import HandClock, open_store


def home_of(out: Path) -> Path:
    return out.parent.parent / f"{out.parent.name}-first" / "home"


def kept(out: Path) -> list[Path]:
    return kept_parts(home_of(out))


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "s"])
def test_score_history__keeps_what_it_gave(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    reference, out = tmp_path / "reference.parquet", folder / name
    score(folder, reference, is_kept=False)
    assert kept(out) == []

    for moment in (12, 12, 13):
        score(folder, out, scored_at=at(moment))

    # The second run is the first once more.
    first, second = kept(out)
    assert pq.read_schema(first).equals(SCORE_SCHEMA)
    assert pq.read_table(first).equals(pq.read_table(reference))
    assert pq.read_table(second)["scored_at"].unique().to_pylist()[0].day == 14
    assert first.name.startswith("20260113T000000Z-")
    assert first.name.endswith("-00000.parquet")


def test_score_history__keeps_no_score_of_a_moment_that_the_model_has_seen(tmp_path: Path) -> None:
    folder, out = tmp_path / "out", tmp_path / "out" / "s.parquet"
    folder.mkdir()

    score(folder, out, bundle=small_bundle(observed_until=at(10) + 1))

    assert kept(out) == []


def test_score_history__removes_runs_that_are_over_their_time(tmp_path: Path) -> None:
    folder, out = tmp_path / "out", tmp_path / "out" / "s.parquet"
    folder.mkdir()

    for moment in (12, 162, 163):
        score(folder, out, scored_at=at(moment))

    # 150 days, so that the run of day 12 is kept on day 162 and removed on the next.
    assert [part.name[:8] for part in kept(out)] == ["20260612", "20260613"]


def test_sweep__removes_who_was_erased_from_every_byte(tmp_path: Path) -> None:
    folder, out = tmp_path / "out", tmp_path / "out" / "s.parquet"
    folder.mkdir()
    leads = [lead("keep"), lead("forget-me")]
    for moment in (12, 13):
        score(folder, out, leads, [], [], scored_at=at(moment))
    erasing = Erasing(home_of(out), lambda ids: {*ids} & {"forget-me"})
    assert all(b"forget-me" in part.read_bytes() for part in kept(out))

    rewritten = erasing.sweep(1)

    assert rewritten == dict.fromkeys(kept(out), 1)
    assert erasing.sweep(1) == {}
    assert [pq.read_table(part)["lead_id"].to_pylist() for part in kept(out)] == [["keep"], ["keep"]]
    run_files = [path for path in (home_of(out) / "scores_history").rglob("*") if path.is_file()]
    assert not [path for path in run_files if b"forget-me" in path.read_bytes()]


def left_by_a_kill(home: Path) -> Path:
    left = Home(home).score_history / ".20260113T000000Z-0-00000.parquet.unfinished"
    left.write_bytes(b"forget-me")
    return left


def test_keep_files__removes_what_a_killed_run_left(tmp_path: Path) -> None:
    folder, out = tmp_path / "out", tmp_path / "out" / "s.parquet"
    folder.mkdir()
    score(folder, out, scored_at=at(12))
    left = left_by_a_kill(home_of(out))

    keep_files(out, Keeping(home_of(out), at(13), None), target="s")

    assert not left.exists()
    assert len(kept(out)) == 2


def test_sweep__removes_what_a_killed_run_left_but_not_what_is_being_written(tmp_path: Path) -> None:
    folder, out = tmp_path / "out", tmp_path / "out" / "s.parquet"
    folder.mkdir()
    score(folder, out, scored_at=at(12))
    left, erasing = left_by_a_kill(home_of(out)), Erasing(home_of(out), lambda _: ())
    handle = os.open(left.parent / ".lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)

    erasing.sweep(1)
    is_left_to_its_writer = left.exists()
    os.close(handle)
    erasing.sweep(1)

    assert is_left_to_its_writer
    assert not left.exists()


def rows_of(database: str) -> list[dict[str, Any]]:
    engine = open_engine(database)
    with engine.connect() as connection:
        query = sa.text("SELECT * FROM scores_history ORDER BY scored_at, lead_id")
        rows = [dict(row) for row in connection.execute(query).mappings()]
    engine.dispose()
    return rows


@pytest.mark.parametrize("is_of_service", [True, False])
def test_score_history__keeps_what_it_wrote_to_a_database_there(
    database: str, tmp_path: Path, is_of_service: bool
) -> None:
    if is_of_service:
        open_store(database, clock=HandClock(at(9))).close()

    for moment in (12, 12, 13):
        score(tmp_path / "s", database, as_of=at(moment), scored_at=at(moment))  # type: ignore[arg-type]

    rows = rows_of(database)
    assert tuple(rows[0]) == SCORE_COLUMNS
    # Open leads, of day 12 and of day 13.
    assert [row["lead_id"] for row in rows] == ["b", "c", "late", "now"] * 2
    assert all(row["held_out"] in (False, 0) for row in rows)
    score(tmp_path / "s", database, as_of=at(9), bundle=small_bundle(observed_until=at(11)), name="seen")  # type: ignore[arg-type]
    assert len(rows_of(database)) == len(rows)


def test_score_history__a_table_of_an_earlier_release_gets_the_column(database: str, tmp_path: Path) -> None:
    score(tmp_path / "s", database)  # type: ignore[arg-type]
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE scores DROP COLUMN held_out")
        connection.exec_driver_sql("DROP TABLE scores_history")

    score(tmp_path / "s", database, as_of=at(11))  # type: ignore[arg-type]

    with engine.connect() as connection:
        held_out = connection.execute(sa.text("SELECT held_out, as_of FROM scores ORDER BY as_of, lead_id"))
        found = [row[0] for row in held_out]
    engine.dispose()
    assert found[:5] == [None] * 5
    assert [*map(bool, found[5:])] == [False] * 6


def test_score_history__ranks_held_out_leads_by_chance_and_marks_them(tmp_path: Path) -> None:
    leads = [lead(f"L{number:02d}", country="DE") for number in range(40)]
    rule = HeldOut(0.5, (0.0, 1.0))
    out = tmp_path / "s.parquet"

    score(tmp_path / "s", out, leads, [], [], bundle=small_bundle(held_out=rule))

    rows = pq.read_table(out).to_pylist()
    assert len({row["probability"] for row in rows}) == 1
    held_out = [row for row in rows if row["held_out"]]
    others = [row["rank"] for row in rows if not row["held_out"]]
    assert 10 < len(held_out) < 30
    # All others have one probability: they stand together in the order of their ids, held-out ones around.
    assert others == sorted(others)
    assert others[-1] - others[0] == len(others) - 1
    assert min(row["rank"] for row in held_out) < others[0]
    assert max(row["rank"] for row in held_out) > others[-1]
    ranks = [row["rank"] for row in held_out]
    assert ranks != sorted(ranks)
