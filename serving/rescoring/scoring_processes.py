"""Scores turns of leads in several processes: after a new model, or a loading, all leads wait at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from features.partitions.pool import run_tasks
from serving.database.engine import open_store_engine
from serving.database.transactions import Transactions
from serving.rescoring.chunk_scores import score_chunk
from serving.scoring.live_model import load_predictor
from serving.scoring.predictor import Predictor
from serving.stored_leads.current_scores import CurrentRow


@dataclass(frozen=True, slots=True)
class ScoringProcesses:
    """Processes that read and score; they start with the first turns, and end after minutes without any.

    Attributes:
        database: URL.
        workers: number of processes.
    """

    database: str
    workers: int

    def score(self, turns: Sequence[Sequence[str]], bundle: Path, *, now: int) -> Iterator[list[CurrentRow]]:
        """Scores leads as `score_chunk` does.

        Args:
            turns: ids of leads, best whole accounts.
            bundle: folder of the model.
            now: microseconds UTC.

        Yields:
            The rows of each turn, in order.

        Raises:
            ProcessLostError: the system ended a process.
        """
        return run_tasks(
            _score_turn, [(self.database, bundle, turn, now) for turn in turns], workers=self.workers
        )


def _score_turn(database: str, bundle: Path, lead_ids: Sequence[str], now: int) -> list[CurrentRow]:
    """Scores leads on connections that are closed again, so that the log of the database can end."""
    engine = open_store_engine(database, must_exist=True)
    try:
        with closing(Transactions(engine)) as reading:
            score = partial(score_chunk, predictor=_predictor(bundle), lead_ids=lead_ids, now=now)
            return reading.run(score)
    finally:
        engine.dispose()


@lru_cache(maxsize=1)
def _predictor(bundle: Path) -> Predictor:
    return load_predictor(bundle)
