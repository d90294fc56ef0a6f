"""Scores all leads of a store in several processes, as a loading needs it: it waits for the list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from features.partitions.pool import run_tasks
from features.progress import Progress, silent
from serving.clock import Clock
from serving.database.engine import expect_many_rows, open_store_engine
from serving.database.schema import STORE
from serving.database.transactions import Transactions
from serving.rescoring.chunk_scores import score_chunk
from serving.rescoring.rescorer import LEADS_PER_TURN, write_rows
from serving.scoring.live_model import load_predictor
from serving.scoring.predictor import Predictor
from serving.store.store import Store
from serving.stored_leads.current_scores import CurrentRow, all_leads, changed_leads

# Turns whose rows may wait for the writer: 64 of them take some 200 MiB.
_TURNS_AT_ONCE: Final = 64
# Turns written in one transaction: each waits for the disk, and writes the pages of all indexes once.
_TURNS_WRITTEN: Final = 4


def score_many(
    store: Store,
    database: str,
    bundle: Path,
    *,
    clock: Clock,
    workers: int,
    progress: Progress = silent,
) -> None:
    """Scores all leads where very many rows were written since the last look; fewer are the rescorer's.

    Does nothing where another process keeps the scores of the store current.

    Args:
        store: holds the leads, and gets the scores.
        database: its URL.
        bundle: folder of the model.
        clock: of the moments of scoring.
        workers: number of processes that read and score.
        progress: called with the share of the leads that are scored.
    """
    if not store.is_leader():
        return
    reached, leads = store.read(_all_if_many_changed)
    if leads:
        store.write(lambda connection, _: expect_many_rows(connection)).result()
    turns = [leads[start : start + LEADS_PER_TURN] for start in range(0, len(leads), LEADS_PER_TURN)]
    for start in range(0, len(turns), _TURNS_AT_ONCE):
        now = clock()
        tasks = [(database, bundle, turn, now) for turn in turns[start : start + _TURNS_AT_ONCE]]
        scored, done = run_tasks(_score_turn, tasks, workers=workers), start
        while rows_of_turns := list(islice(scored, _TURNS_WRITTEN)):
            rows = [row for rows_of_turn in rows_of_turns for row in rows_of_turn]
            write_rows(store, rows, rows_at_once=LEADS_PER_TURN * _TURNS_WRITTEN)
            done += len(rows_of_turns)
            progress("rescore", done / len(turns))
    if leads:
        write_rows(store, (), reached=reached)


def _all_if_many_changed(connection: sa.Connection) -> tuple[int, list[str]]:
    """Reads the number of the last transaction, and all leads unless few changed since they were scored."""
    sequence, rescored = connection.execute(sa.select(STORE.c.sequence, STORE.c.rescored)).one()
    is_few = changed_leads(connection, since=rescored) is not None
    return sequence, [] if is_few else all_leads(connection)


def _score_turn(database: str, bundle: Path, lead_ids: Sequence[str], now: int) -> list[CurrentRow]:
    """Scores leads in a process of its own, whose connections are closed again, so that the log can end."""
    engine = open_store_engine(database, must_exist=True)
    try:
        with closing(Transactions(engine)) as reading:
            score = partial(score_chunk, predictor=_predictor(bundle), lead_ids=lead_ids, now=now)
            return reading.run(score)
    finally:
        engine.dispose()


@cache
def _predictor(bundle: Path) -> Predictor:
    return load_predictor(bundle)
