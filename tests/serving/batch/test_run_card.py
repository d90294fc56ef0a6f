"""The card of a scoring run: it keeps in the home what the history lacked, and costs no run its scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from features.sources.connections import sqlite_url
from serving.batch import run_card
from serving.batch.result import BatchResult
from serving.batch.run import score_history
from serving.batch.run_card import write_run_card
from tests.support.builders import at, history_folder, lead, lost, touch, won
from tests.support.small_models import home_with, small_bundle

LEADS = [lead("a", country="DE"), lead("b", country="FR")]
# Of three rows twice the same id, and of an unknown lead; an outcome of an unknown lead, and one twice.
TOUCHES = [
    touch("a", "meeting_held", 1, source="crm", interaction_id="1"),
    touch("a", "meeting_held", 2, source="crm", interaction_id="1"),
    touch("gone", "meeting_held", 2, source="crm", interaction_id="2"),
]
OUTCOMES = [won("b", 1), won("b", 2), lost("gone", 2)]


def scored(tmp_path: Path, out: Path | str, *, home: Path | None = None, rows: int = 1_000) -> BatchResult:
    """Scores two leads into a target."""
    folder = tmp_path / "history"
    if not folder.exists():
        history_folder(folder, LEADS, TOUCHES, OUTCOMES)
        home_with(tmp_path / "home", small_bundle())
    return score_history(
        folder,
        home=home or tmp_path / "home",
        out=out,
        model=str(tmp_path / "home" / "bundles" / "1"),
        as_of=at(3),
        scored_at=at(4),
        workers=1,
        partition_rows=rows,
        accept_missing=["has_budget"],
    )


def test_score_history__keeps_what_was_missing_and_left_out(tmp_path: Path) -> None:
    one, several = (scored(tmp_path, tmp_path / "scores.csv", rows=rows) for rows in (1_000, 1))

    assert one.card is not None
    assert one.card.parent == tmp_path / "home" / "score_runs"
    assert one.card.name.startswith("20260105T000000Z-")
    card = json.loads(one.card.read_text())
    assert (card["history"], card["out"]) == (str(tmp_path / "history"), str(tmp_path / "scores.csv"))
    assert (card["as_of"], card["scored_at"]) == ("2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z")
    assert card["by_status"] == {"converted": 1, "scored": 1}
    assert card["accept_missing"] == ["has_budget"]
    # That interactions of the unknown lead were left out is told once, among the inputs.
    assert [(each["code"], each["column"]) for each in card["inputs"]] == [
        ("D090", "account_id"),
        ("D096", "lead_id"),
    ]
    assert [(each["code"], each["table"], each["count"]) for each in card["left_out"]] == [
        ("D021", "outcomes", 1),
        ("D023", "outcomes", 1),
        ("D025", "interactions", 1),
    ]
    assert several == one


def test_score_history__keeps_a_card_for_each_target_and_run(tmp_path: Path) -> None:
    targets = [tmp_path / "scores.csv", tmp_path / "scores", sqlite_url(tmp_path / "scores.db")]

    cards = {scored(tmp_path, out).card for out in [*targets, *targets]}

    assert len(cards) == 3
    assert {*(tmp_path / "home" / "score_runs").iterdir()} == cards


def test_score_history__writes_the_scores_where_the_home_takes_no_card(tmp_path: Path) -> None:
    scored(tmp_path, tmp_path / "first.csv")
    no_folder = tmp_path / "file"
    no_folder.touch()

    outcome = scored(tmp_path, tmp_path / "second.csv", home=no_folder)

    assert (outcome.card, outcome.summary()["card"]) == (None, None)
    assert (tmp_path / "second.csv").read_bytes() == (tmp_path / "first.csv").read_bytes()


def test_write_run_card__removes_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = [
        write_run_card(tmp_path, {"run": day}, target="scores.csv", scored_at=at(day)) for day in range(4)
    ]
    monkeypatch.setattr(run_card, "CARDS_KEPT", 2)

    newest = write_run_card(tmp_path, {"run": 4}, target="scores.csv", scored_at=at(4))

    assert sorted((tmp_path / "score_runs").iterdir()) == [cards[3], newest]
