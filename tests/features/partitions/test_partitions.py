"""A history in partitions is the same history: the same features to the last bit, and the same problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.catalog.spec import FeatureSet
from features.checks.checks import examine
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.findings.problems import Findings, HistoryError, Problem
from features.history.lead_history import LeadHistory
from features.output.lead_features import feature_rows
from features.partitions.assignment import partitions_of_rows
from features.partitions.layout import Layout
from features.partitions.partitions import Partitions, open_partitions, write_partitions
from features.partitions.pool import ProcessLostError, run_tasks
from features.tables.table_reader import RawTables
from serving.batch.worker import BatchOptions, score_tables
from serving.scoring.predictor import Predictor
from tests.support.builders import (
    Row,
    at,
    bytes_of,
    change,
    history_folder,
    lead,
    link,
    lost,
    tables,
    touch,
    won,
)
from tests.support.small_models import random_bundle
from tests.support.stores import fill_database
from tests.test_parity import CATEGORIES, FEATURES, random_rows

# What only the whole history tells is looked for by those who train.
_OF_THE_WHOLE = {"D038", "D050", "D051", "D052", "D053", "D054"}


def dirty_rows() -> tuple[list[Row], list[Row], list[Row], list[Row], list[Row]]:
    """A history with nearly everything wrong that does not stop, ids that repeat across leads included."""
    chance = np.random.default_rng(3)
    leads, interactions = random_rows(seed=2, count=150)
    for row in interactions:
        if chance.random() < 0.1:
            row["interaction_id"] = f"shared-{chance.integers(0, 20)}"
        if chance.random() < 0.05:
            row["source"] = ""
    interactions += [
        touch("nobody", "meeting_held", 3),
        touch("L0001", "", 3),
        touch("L0002", "meeting_held", 4, direction="sideways"),
        touch("L0003", "meeting_held", 4, value=float("inf")),
        touch("L0004", "meeting_held", 4, available_at=2),
    ]
    outcomes = [won("L0001", 20), lost("L0001", 21), won("L0009", -5), won("nobody", 3)]
    changes = [
        change("L0005", "size", "12", 20),
        change("L0006", "late", "x", 3),
        change("no", "size", "1", 2),
    ]
    interactions += [touch(f"v{number}", "page_view", number % 30) for number in range(60)]
    interactions += [
        touch(f"v{number}", "page_view", 9, source="web", interaction_id=f"v{number % 9}")
        for number in range(30)
    ]
    # Visitors of leads, leads merged into leads of other accounts, chains, and links of all faults.
    aliases = [link(f"v{number}", f"L{chance.integers(0, 150):04d}", number % 35) for number in range(50)]
    aliases += [link(f"L{number:04d}", f"L{number + 40:04d}", 20 + number % 15) for number in range(0, 60, 3)]
    aliases += [link("v1", "L0003", 30), link("v2", "v2", 3), link("v59", "gone", 3), link("v58", "v57", 9)]
    return leads, interactions, outcomes, changes, aliases


def source_of(folder: Path, form: str) -> str | Path:
    if form != "database":
        return history_folder(folder / "history", *dirty_rows(), suffix=form)
    url = f"sqlite:///{folder / 'crm.db'}"
    fill_database(sa.create_engine(url), tables(*dirty_rows()))
    return url


def read_whole(source: str | Path) -> tuple[LeadHistory, tuple[Problem, ...]]:
    history, problems = examine(source)
    if history is None:
        raise ValueError(problems)
    return history, tuple(problem for problem in problems if problem.code not in _OF_THE_WHOLE)


def words_of(history: LeadHistory) -> dict[str, list[str]]:
    """Every feature of every lead, exactly."""
    count = history.leads_count
    examples = Examples(np.arange(count), np.full(count, at(40)))
    matrix = compute_features(compile_plan(FeatureSet(FEATURES)), history, examples)
    ids = history.lead_ids.to_pylist()
    return {ids[place]: [_word(matrix, name, place) for name in matrix.names] for place in range(count)}


def _word(matrix: FeatureMatrix, name: str, place: int) -> str:
    value = matrix.column(name)[place]
    vocabulary = matrix.vocabularies.get(name)
    return repr(value) if vocabulary is None or np.isnan(value) else vocabulary[int(value)]


def read_all(partitions: Partitions) -> tuple[dict[str, list[str]], tuple[Problem, ...]]:
    words: dict[str, list[str]] = {}
    findings = Findings(partitions.found)
    for number in range(partitions.layout.count):
        history, found = partitions.read(number)
        findings.absorb(found)
        if history is not None:
            words |= words_of(history)
    return words, findings.problems()


@pytest.mark.parametrize("form", [".parquet", ".csv", "database"])
@pytest.mark.parametrize("partition_rows", [100_000, 300, 60])
def test_write_partitions__changes_no_bit_and_no_problem(
    tmp_path: Path, form: str, partition_rows: int
) -> None:
    source = source_of(tmp_path, form)
    whole, problems = read_whole(source)

    made = write_partitions(source, tmp_path / "parts", partition_rows=partition_rows, workers=1)

    words, found = read_all(made)
    assert made.layout.count == 1 if partition_rows == 100_000 else made.layout.count > 5
    assert words == words_of(whole)
    assert found == problems
    assert {"D020", "D021", "D024", "D025", "D026", "D027"} <= {problem.code for problem in found}


@pytest.mark.parametrize("form", [".parquet", ".csv", "database"])
@pytest.mark.parametrize("partition_rows", [100_000, 60])
def test_read_history__of_a_large_source_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, partition_rows: int
) -> None:
    source = source_of(tmp_path, form)
    whole, problems = examine(source)
    monkeypatch.setattr("features.partitions.reading.LARGE_ROWS", 0)
    monkeypatch.setattr("features.partitions.pool.cores_count", lambda: 1)
    monkeypatch.setattr("features.partitions.partitions.cores_count", lambda: 1)
    monkeypatch.setattr("features.partitions.reading.PARTITION_ROWS", partition_rows)

    gathered, found = examine(source)

    assert whole is not None
    assert gathered is not None
    assert bytes_of(gathered) == bytes_of(whole)
    assert found == problems


def test_write_partitions__keeps_an_account_together(tmp_path: Path) -> None:
    rows = [lead(f"L{number}", account_id=f"A{number // 3}") for number in range(30)]
    folder = history_folder(tmp_path / "history", rows)

    made = write_partitions(folder, tmp_path / "parts", partition_rows=20, workers=1)

    partition_of = made.leads()
    by_id = sorted(range(30), key=lambda number: f"L{number}")
    accounts: dict[int, set[int]] = {}
    for number, partition in zip(by_id, partition_of.tolist(), strict=True):
        accounts.setdefault(number // 3, set()).add(partition)
    assert made.layout.count > 3
    assert all(len(partitions) == 1 for partitions in accounts.values())


def test_write_partitions__by_id_keeps_linked_ids_together(tmp_path: Path) -> None:
    # `L29` and the visitor `v` become `L00`; the others stay in the order of their ids.
    ids = [f"L{number:02}" for number in range(30)]
    rows = [*ids, "v"]
    touches = [touch(id_, "page_view", 1) for id_ in rows]
    aliases = [link("L29", "v", 2), link("v", "L00", 3)]
    folder = history_folder(tmp_path / "history", ids, touches, aliases=aliases)

    made = write_partitions(folder, tmp_path / "parts", partition_rows=20, by_id=True, workers=1)

    partition_of = dict(zip(ids, made.leads().tolist(), strict=True))
    own = made.layout.read("interactions", partition_of["L00"])
    linked = made.layout.read("lead_aliases", partition_of["L00"])
    assert made.layout.count > 3
    assert partition_of["L29"] == partition_of["L00"]
    assert own is not None
    assert {"L00", "L29", "v"} <= {*own["lead_id"].to_pylist()}
    assert linked is not None
    assert linked.num_rows == 2
    others = [partition_of[id_] for id_ in ids[1:29]]
    assert others == sorted(others)


def test_open_partitions__opens_only_what_is_whole(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *dirty_rows())
    made = write_partitions(folder, tmp_path / "parts", partition_rows=300, workers=1)

    assert open_partitions(tmp_path / "parts") == made
    (tmp_path / "parts" / "manifest.json").unlink()
    assert open_partitions(tmp_path / "parts") is None


def test_write_partitions__in_processes_gives_the_same(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *dirty_rows())
    interactions = pq.read_table(folder / "interactions.parquet")
    pq.write_table(interactions, folder / "interactions.parquet", row_group_size=200)
    alone = write_partitions(folder, tmp_path / "alone", partition_rows=500, workers=1)

    together = write_partitions(folder, tmp_path / "together", partition_rows=500, workers=2)

    assert read_all(together) == read_all(alone)


@pytest.mark.parametrize(
    ("interactions", "fault"),
    [
        ("lead_id,kind\na,call", "D006 interactions lacks occurred_at"),
        ("lead_id,kind,occurred_at\na,call,2026-01-01T00:00:00Z,x", "D004"),
        ("lead_id,kind,occurred_at\na,call,2026-01-01T00:00:00", "D009"),
        ("lead_id,kind,occurred_at\na,call,yesterday", "D010"),
        ("", "D004"),
    ],
)
def test_write_partitions__finds_what_stops_as_reading_the_whole_does(
    tmp_path: Path, interactions: str, fault: str
) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    (folder / "leads.csv").write_text("lead_id,created_at\na,2026-01-01T00:00:00Z\n")
    (folder / "interactions.csv").write_text(interactions)
    _, problems = examine(folder)
    expected = [problem for problem in problems if problem.stops == "everything"]

    assert str(expected[0]).startswith(fault)
    assert stops_of(folder, tmp_path / "parts") == expected


def stops_of(source: Path, folder: Path) -> list[Problem]:
    try:
        made = write_partitions(source, folder, workers=1)
    except HistoryError as error:
        return list(error.problems)
    return [problem for problem in read_all(made)[1] if problem.stops == "everything"]


def test_score_tables__and_feature_rows__need_only_the_tables_of_some_leads() -> None:
    leads, interactions = random_rows(seed=2, count=150)
    predictor = Predictor.from_bundle(random_bundle(FEATURES, CATEGORIES, seed=5))
    account = next(row["account_id"] for row in leads if row["account_id"])
    ids = {row["lead_id"] for row in leads if row["account_id"] == account}
    some = ([row for row in rows if row["lead_id"] in ids] for rows in (leads, interactions))
    whole, part = RawTables(tables(leads, interactions)), RawTables(tables(*some))

    def rows_of(raw: RawTables) -> tuple[list[Row], list[Row]]:
        options, types = BatchOptions(at(40), 0), predictor.attribute_types
        scored = score_tables(raw, predictor=predictor, options=options, attribute_types=types).table
        made, _ = feature_rows(raw, feature_set=FeatureSet(FEATURES), as_of=at(40), attribute_types=types)
        both = [table.to_pylist() for table in (scored, made)]
        chosen = [[row for row in rows if row["lead_id"] in ids] for rows in both]
        return chosen[0], chosen[1]

    assert len(rows_of(part)[0]) == len(ids) > 1
    assert repr(rows_of(part)) == repr(rows_of(whole))


def test_partitions_of_rows__puts_a_text_and_its_digits_together(tmp_path: Path) -> None:
    texts, digits = (tables([lead(lead_id)])["leads"] for lead_id in ("5", 5))  # type: ignore[arg-type]

    partitions = [partitions_of_rows(rows, Layout(tmp_path, 200))[0] for rows in (texts, digits)]

    assert partitions[0] == partitions[1]


def _end(number: int) -> Any:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.all
def test_run_tasks__tells_in_a_sentence_when_a_process_was_ended() -> None:
    with pytest.raises(ProcessLostError, match="One of 2 processes was ended by the system"):
        list(run_tasks(_end, [(1,), (2,)], workers=2))
