"""Scores of a whole store in one go, as a loading of very many rows makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from serving.database.score_tables import CURRENT_SCORES
from serving.loading.scored import load_and_score
from serving.rescoring import many_scores
from serving.stored_leads import current_scores
from tests.serving.loading.test_load import many_rows
from tests.support.builders import at, history_folder
from tests.support.small_models import home_with, random_bundle
from tests.support.stores import HandClock
from tests.test_parity import CATEGORIES, FEATURES


def current_rows(url: str) -> list[tuple[Any, ...]]:
    """All current scores, without the numbers of transactions."""
    columns = [column for column in CURRENT_SCORES.c if column.key not in ("sequence", "written")]
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(*columns).order_by(CURRENT_SCORES.c.lead_id)).all()
    engine.dispose()
    return [tuple(row) for row in rows]


def test_score_many__writes_the_rows_that_the_rescorer_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = history_folder(tmp_path / "history", *many_rows(3, 60))
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5)).path
    # Two groups of turns, of which the last transaction is not full.
    monkeypatch.setattr(many_scores, "LEADS_PER_TURN", 7)
    monkeypatch.setattr(many_scores, "_TURNS_AT_ONCE", 6)
    written, groups = [], []
    for name, many_from in (("few", 200_000), ("many", 1)):
        monkeypatch.setattr(current_scores, "MANY_ROWS", many_from)
        url, stages = sqlite_url(tmp_path / f"{name}.db"), list[str]()
        result = load_and_score(
            str(folder),
            database=url,
            home=home,
            clock=HandClock(at(50)),
            workers=1,
            progress=lambda stage, _, stages=stages: stages.append(stage),
        )
        assert result.leads_pending == 0
        written.append(current_rows(url))
        groups.append(stages.count("rescore"))

    assert len(written[1]) == 60
    assert written[1] == written[0]
    # 60 leads are nine turns of seven: six, written as four and two, and three.
    assert groups[1] == 3
