"""A whole history at once: every lead one row, published whole or not at all."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features.errors import LeadOddsError
from features.history.lead_history import Ints, LeadHistory
from features.output.targets import TargetError, swap, target_format
from features.sources.connections import sqlite_url
from models.bundle.bundle import Bundle
from models.errors import UnknownVersionError
from serving.batch.files import write_whole
from serving.batch.result import BatchResult
from serving.batch.run import score_history
from serving.scoring.arrow_rows import SCORE_COLUMNS, SCORE_SCHEMA
from serving.scoring.isolation import score_isolated
from serving.scoring.predictor import Predictor
from serving.scoring.score_columns import Scores
from tests.support.builders import Row, at, history, history_folder, lead, lost, touch, won
from tests.support.small_models import home_with, random_bundle, small_bundle
from tests.test_parity import CATEGORIES, FEATURES, random_rows

ROWS: tuple[list[Row], list[Row], list[Row]] = (
    [
        lead("b", country="DE"),
        lead("a", country="FR"),
        lead("c"),
        lead("d"),
        lead("late", 10.5),
        lead("now", 10),
    ],
    [touch("c", "meeting_held", 3), touch("late", "meeting_held", 11)],
    [won("d", 4), lost("a", 10.5)],
)


def score(
    folder: Path, out: Path, *rows: Any, bundle: Bundle | None = None, name: str = "first", **options: Any
) -> BatchResult:
    """Scores rows as of the tenth day, in partitions of a few leads."""
    source = folder.parent / f"{folder.name}-{name}"
    if not source.exists():
        history_folder(source / "history", *(rows or ROWS))
        home_with(source / "home", bundle or small_bundle())
    given = {"as_of": at(10), "scored_at": at(12), "partition_rows": 20, "workers": 1}
    return score_history(source / "history", home=source / "home", out=out, **(given | options))


def write(out: Path, **options: Any) -> list[dict[str, Any]]:
    score(out.parent, out, **options)
    return pq.read_table(out).to_pylist() if out.suffix != ".csv" else []


def test_score_history__writes_every_lead_that_exists_once_sorted(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *ROWS)
    home = home_with(tmp_path / "home", small_bundle())

    outcome = score_history(
        folder,
        home=home.path,
        as_of=at(10),
        out=tmp_path / "scores.parquet",
        scored_at=at(12),
        accept_missing=["has_budget", "account_id"],
    )

    written = pq.read_table(tmp_path / "scores.parquet")
    assert written.schema.equals(SCORE_SCHEMA)
    assert written["lead_id"].to_pylist() == ["a", "b", "c", "d", "now"]
    # The loss of a is not known yet; d has converted.
    assert written["status"].to_pylist() == ["scored", "scored", "scored", "converted", "scored"]
    # c: a meeting 1; b: DE 0.5; now: 0; a: FR -0.5.
    assert written["rank"].to_pylist() == [4, 2, 1, None, 3]
    assert outcome.exit_code == 0
    assert outcome.summary() == {
        "out": str(tmp_path / "scores.parquet"),
        "model_version": "1",
        "as_of": "2026-01-11T00:00:00Z",
        "leads": 5,
        "scored": 4,
        "by_status": {"converted": 1, "scored": 4},
        "by_band": {"B": 1, "C": 3},
        "failures": [],
        "inputs": [],
        "left_out": [],
        "card": str(outcome.card),
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "home", "scores.parquet"]


def test_score_history__says_which_inputs_are_gone_and_still_writes(tmp_path: Path) -> None:
    leads = [lead(f"L{number}", Country="DE", has_budget="perhaps") for number in range(3)]
    touches = [touch("L0", "Meeting Held", 1), touch("L1 ", "meeting_held", 1)]
    folder, out = history_folder(tmp_path / "history", leads, touches, []), tmp_path / "scores.parquet"
    home = home_with(tmp_path / "home", small_bundle()).path

    # Many partitions and one give the same.
    several, one = (
        score_history(folder, home=home, out=out, scored_at=at(12), workers=1, partition_rows=rows)
        for rows in (5, 1_000)
    )

    told = [(each["code"], each["table"], each["column"], each["count"]) for each in one.summary()["inputs"]]
    assert told == [
        ("D090", "leads", "account_id", 3),
        ("D090", "leads", "country", 3),
        ("D092", "leads", "has_budget", 3),
        ("D096", "interactions", "lead_id", 1),
        ("D097", "interactions", "kind", 1),
    ]
    assert (one.exit_code, several.inputs) == (3, one.inputs)
    assert '"L1 " reads like L1' in str(one.inputs[3])
    assert pq.read_table(out)["status"].to_pylist() == ["scored"] * 3


def test_score_history__uses_the_named_model(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *ROWS)
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2"))
    options = {"home": home.path, "as_of": at(10), "out": tmp_path / "s.parquet", "scored_at": 0}

    by_version = score_history(folder, model="2", **options)  # type: ignore[arg-type]
    by_folder = score_history(folder, model=str(home.bundle_folder("2")), **options)  # type: ignore[arg-type]

    assert by_version.model_version == by_folder.model_version == "2"
    with pytest.raises(UnknownVersionError, match="3"):
        score_history(folder, model="3", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("partition_rows", [1, 15, 100])
def test_score_history__does_not_depend_on_its_partitions(tmp_path: Path, partition_rows: int) -> None:
    whole = write(tmp_path / "whole.parquet")

    assert write(tmp_path / "parts.parquet", partition_rows=partition_rows) == whole


def test_score_history__ranks_by_expected_value_where_amounts_exist(tmp_path: Path) -> None:
    rows = write(tmp_path / "s.parquet", bundle=small_bundle(expected_amount=50.0))

    assert [row["rank"] for row in rows] == [4, 2, 1, None, 3]
    assert rows[0]["expected_value"] == rows[0]["probability"] * 50.0


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.batch.combine.CHUNK_ROWS", 2)


@pytest.mark.usefixtures("small_chunks")
def test_score_history__writes_parts_for_a_name_without_suffix(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.parquet")

    parts = write(tmp_path / "parts")

    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert parts == whole


@pytest.mark.usefixtures("small_chunks")
def test_score_history__writes_csv(tmp_path: Path) -> None:
    write(tmp_path / "scores.csv")

    table = pa.csv.read_csv(tmp_path / "scores.csv")
    assert tuple(table.column_names) == SCORE_COLUMNS
    assert table["lead_id"].to_pylist() == ["a", "b", "c", "d", "now"]
    assert table["rank"].to_pylist() == [4, 2, 1, None, 3]


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "parts"])
def test_score_history__writes_columns_even_without_leads(tmp_path: Path, name: str) -> None:
    outcome = score(tmp_path / "s", tmp_path / name, as_of=at(-1))

    assert outcome.by_status == {}
    if name == "s.csv":
        assert (tmp_path / name).read_text().replace('"', "").strip() == ",".join(SCORE_COLUMNS)
    else:
        assert pq.read_table(tmp_path / name).schema.equals(SCORE_SCHEMA)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "parts"])
def test_score_history__replaces_what_was_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    score(tmp_path / "s", tmp_path / "out" / name, bundle=small_bundle(version="old"))

    score(tmp_path / "s", tmp_path / "out" / name, [lead("a")], bundle=small_bundle(version="new"), name="2")

    out = tmp_path / "out" / name
    versions = pa.csv.read_csv(out) if name == "s.csv" else pq.read_table(out)
    assert set(versions["model_version"].to_pylist()) == {"new"}
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_swap__lets_two_folders_change_places(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()

    swap(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "a" / "b").exists()
    assert (tmp_path / "b" / "a").exists()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("s.xlsx", "not a supported format"),
        ("nowhere/s.csv", "does not exist"),
        ("there.csv", "a folder of this name"),
    ],
)
def test_target_format__refuses_what_cannot_be_written(tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / "there.csv").mkdir()

    with pytest.raises(TargetError, match=fault) as refused:
        target_format(tmp_path / name)

    assert refused.value.exit_code == 2


def test_target_format__does_not_replace_a_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()

    with pytest.raises(TargetError, match="not parts of a table"):
        target_format(tmp_path / "mine")


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file of this process may grow beyond a size: every writer gets an error of the system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "parts"])
@pytest.mark.parametrize("exists", [True, False], ids=["over an old target", "as a new target"])
@pytest.mark.parametrize("phase", ["setting partitions down", "writing the target"])
def test_score_history__leaves_nothing_half_written_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, exists: bool, phase: str
) -> None:
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / name
    rows = [lead(f"L{i:03d}") for i in range(300)]
    score(tmp_path / "s", out, rows)
    if not exists:
        _remove(out)
    before = _contents(out.parent)
    if phase == "writing the target":
        monkeypatch.setattr("serving.batch.targets.write_whole", without_room(write_whole))

    with (
        little_room(100 if phase == "setting partitions down" else 10**9),
        pytest.raises(TargetError, match="Nothing was written") as refused,
    ):
        score(tmp_path / "s", out)

    assert refused.value.exit_code == 2
    assert _contents(out.parent) == before
    assert [path.name for path in out.parent.iterdir()] == ([name] if exists else [])


def without_room(write: Callable[..., Path]) -> Callable[..., Path]:
    def write_without(*arguments: Any, **options: Any) -> Path:
        with little_room(100):
            return write(*arguments, **options)

    return write_without


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class FailingPredictor:
    """A predictor that has a defect with some leads."""

    whole: Predictor
    failing: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def score(self, made: LeadHistory, leads: Ints, as_of: int, **options: Any) -> Scores:
        if self.failing & {made.lead_ids[int(row)].as_py() for row in leads}:
            raise ZeroDivisionError("by a size of zero")
        return self.whole.score(made, leads, as_of, **options)


def test_score_history__one_failing_lead_costs_no_other_its_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(tmp_path / "whole.parquet")
    failing = FailingPredictor(Predictor.from_bundle(small_bundle()), frozenset(["b"]))
    monkeypatch.setattr("serving.batch.worker.load_predictor", lambda *_: failing)

    outcome = score(tmp_path, tmp_path / "s.parquet")

    rows = pq.read_table(tmp_path / "s.parquet").to_pylist()
    assert outcome.exit_code == 3
    assert outcome.failures == {"b": "ZeroDivisionError: by a size of zero"}
    assert outcome.summary()["failures"] == [
        {"lead_id": "b", "reason": "ZeroDivisionError: by a size of zero"}
    ]
    assert "b failed: ZeroDivisionError" in str(outcome)
    assert [row["status"] for row in rows] == ["scored", "failed", "scored", "converted", "scored"]
    assert [row["rank"] for row in rows] == [3, None, 1, None, 2]
    assert [row["probability"] for row in rows if row["lead_id"] != "b"] == (
        [row["probability"] for row in whole if row["lead_id"] != "b"]
    )


def test_score_history__reports_a_lead_whose_number_is_not_finite(tmp_path: Path) -> None:
    outcome = score(tmp_path / "s", tmp_path / "s.parquet", [lead("a"), lead("odd", country="XX")])

    assert outcome.exit_code == 3
    assert outcome.failures == {"odd": "the model gave no finite number"}


class UnfitPredictor:
    """A predictor that fails every lead for a reason that a person can change."""

    def score(self, *_: Any, **__: Any) -> Scores:
        raise LeadOddsError("the model does not fit")


def test_score_isolated__passes_on_what_is_wrong_for_all() -> None:
    unfit: Any = UnfitPredictor()

    with pytest.raises(LeadOddsError, match="does not fit"):
        list(score_isolated(unfit, history(*ROWS), np.arange(3), at(10), reasons=3))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("as_of", [0.0, 12.25, 30.0])
def test_score_history__gives_the_same_bytes_without_what_is_not_known(
    tmp_path: Path, suffix: str, as_of: float
) -> None:
    leads, interactions = random_rows(seed=4, count=300)
    outcomes = [won(lead["lead_id"], lead["created_at"] + 7) for lead in leads[::5]]
    created = {lead["lead_id"]: lead["created_at"] for lead in leads}
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    history_folder(tmp_path / "all", leads, interactions, outcomes, suffix=suffix)
    # Everything of a lead that is not there yet goes with it.
    history_folder(
        tmp_path / "known",
        [lead for lead in leads if lead["created_at"] <= as_of],
        [row for row in interactions if max(_known(row), created[row["lead_id"]]) <= as_of],
        [row for row in outcomes if _known(row) <= as_of],
        suffix=suffix,
    )

    for folder in ("all", "known"):
        score_history(
            tmp_path / folder,
            home=home.path,
            as_of=at(as_of),
            out=tmp_path / f"{folder}{suffix}",
            scored_at=0,
        )

    assert (tmp_path / f"all{suffix}").read_bytes() == (tmp_path / f"known{suffix}").read_bytes()


def _known(row: Row) -> float:
    return max(row["occurred_at"], row.get("available_at") or row["occurred_at"])


@pytest.mark.parametrize("form", ["file", "database"])
def test_score_history__refuses_to_write_into_its_history(tmp_path: Path, form: str) -> None:
    score(tmp_path / "s", tmp_path / "first.parquet")
    history = tmp_path / "s-first" / "history"
    before = _contents(history)
    out = history / "leads.parquet" if form == "file" else sqlite_url(history / "new.db")

    with pytest.raises(TargetError, match="it is a part of the history that is read, or lies in it"):
        score(tmp_path / "s", out)  # type: ignore[arg-type]

    assert _contents(history) == before
