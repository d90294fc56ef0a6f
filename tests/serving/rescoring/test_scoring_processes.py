"""Scores of a whole store by several processes, as after a loading or a new model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.partitions.pool import ProcessLostError
from features.sources.connections import open_engine, sqlite_url
from models.home.home import Home
from serving.database.score_tables import CURRENT_SCORES
from serving.loading.load import load_history
from serving.rescoring import rescorer as rescorer_module
from serving.rescoring.rescorer import Pace, Rescorer
from serving.rescoring.scoring_processes import ScoringProcesses
from serving.scoring.live_model import LiveModel
from serving.settings import secret_file_of
from serving.store.store import Store
from serving.stored_leads import current_scores
from serving.stored_leads.current_scores import CurrentRow
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


class Waiting:
    """A store of sixty leads without scores, and its rescorer with turns of seven."""

    def __init__(self, folder: Path, history: Path, home: Home, *, workers: int | None) -> None:
        self.url, clock = sqlite_url(folder), HandClock(at(50))
        load_history(str(history), database=self.url, home=home.path, clock=clock, workers=1)
        self.store = Store(self.url, clock=clock, secret_file=secret_file_of(home.path))
        self.live = LiveModel(home)
        processes = None if workers is None else ScoringProcesses(self.url, workers)
        pace = Pace(leads_per_turn=7, rows_at_once=5)
        self.rescorer = Rescorer(self.store, self.live, clock=clock, pace=pace, processes=processes)

    def counts(self) -> list[int]:
        """Works to the end; gives the numbers of leads of its steps."""
        counts = []
        while count := self.rescorer.turn():
            counts.append(count)
        return counts

    def close(self) -> None:
        """Ends."""
        self.rescorer.close()
        self.store.close()


def test_turn__gives_the_same_rows_whatever_number_of_processes_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = history_folder(tmp_path / "history", *many_rows(3, 60))
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    # Thirty leads are many: processes take them in steps of four turns.
    monkeypatch.setattr(rescorer_module, "MANY_LEADS", 30)
    monkeypatch.setattr(rescorer_module, "_TURNS_AT_ONCE", 4)
    written, counts = {}, {}
    for workers in (None, 1, 2):
        # With processes all leads are taken, else those that changed.
        monkeypatch.setattr(current_scores, "MANY_ROWS", 200_000 if workers is None else 1)
        waiting = Waiting(tmp_path / f"{workers}.db", history, home, workers=workers)
        counts[workers] = waiting.counts()
        assert waiting.rescorer.leads_pending() == 0
        waiting.close()
        written[workers] = current_rows(waiting.url)

    assert len(written[None]) == 60
    assert written[1] == written[2] == written[None]
    assert counts[None] == [7] * 8 + [4]
    assert counts[1] == counts[2] == [28, 28, 4]


class LosingProcesses(ScoringProcesses):
    """Processes that the system ends."""

    def score(self, turns: Sequence[Sequence[str]], bundle: Path, *, now: int) -> Iterator[list[CurrentRow]]:
        """Scores one turn."""
        yield from super().score(turns[:1], bundle, now=now)
        raise ProcessLostError(workers=self.workers)


def test_turn__scores_alone_once_a_process_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = history_folder(tmp_path / "history", *many_rows(3, 60))
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    monkeypatch.setattr(rescorer_module, "MANY_LEADS", 30)
    waiting = Waiting(tmp_path / "lost.db", history, home, workers=None)
    waiting.rescorer = Rescorer(
        waiting.store,
        waiting.live,
        clock=HandClock(at(50)),
        pace=Pace(leads_per_turn=7, rows_at_once=5),
        processes=LosingProcesses(waiting.url, 1),
    )

    with pytest.raises(ProcessLostError):
        waiting.rescorer.turn()
    waiting.rescorer.forget()

    assert waiting.counts()[0] == 7
    assert waiting.rescorer.leads_pending() == 0
    waiting.close()
