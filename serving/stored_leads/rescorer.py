"""Keeps the current scores current: changed leads at once, others as time passes or the model changes.

It runs in a thread of the server. After every few leads it rests three times as long as it worked, and ten
times that while the server is busy, so that requests do not wait for it. A lead that waits keeps its older
row, which states its moment and its version.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.times import US_PER_HOUR
from serving.clock import Clock
from serving.database.schema import STORE
from serving.scoring.live_model import LiveModel
from serving.scoring.predictor import Predictor
from serving.store.store import Store
from serving.stored_leads.current_scores import aged_leads, changed_leads, score_current, write_current

_LOG: Final = logging.getLogger("leadodds.serving")

# Scores change slowly with time alone.
REFRESH_HOURS: Final = 6.0

_LEADS_PER_TURN: Final = 32
# Scored in one pass between two rests; kept small, because a request waits for the pass to end.
_LEADS_AT_ONCE: Final = 4
_POLL_SECONDS: Final = 0.25
_REST: Final = 3.0
_MOST_RESTS: Final = 10
_BUSY_SHARE: Final = 0.5
_AFTER_FAULT_SECONDS: Final = 5.0


class Rescorer:
    """Scores the leads that need it, in turns; one process of a service does it for all."""

    def __init__(self, store: Store, live: LiveModel, *, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._pending: dict[str, None] = {}
        self._scanned: int | None = None
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="leadodds-rescorer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finishes the leads of this turn and ends."""
        self._is_closing.set()
        if self._thread is not None:
            self._thread.join()

    def catch_up(self) -> None:
        """Works without rest until no lead needs a new score."""
        while self.turn():
            pass

    def turn(self, *, rest: Callable[[float], object] = bool) -> int:
        """Scores some leads and writes their rows.

        Args:
            rest: called after a few leads with the seconds they took; by default it does nothing.

        Returns:
            Number of leads in this turn; 0 where none needs a new score, or another process leads.
        """
        if not self._store.is_leader():
            self._pending, self._scanned = {}, None
            return 0
        predictor, now = self._live.predictor, self._clock()
        taken = self._store.read(lambda connection: self._take(connection, predictor, now))
        parts = [taken[start : start + _LEADS_AT_ONCE] for start in range(0, len(taken), _LEADS_AT_ONCE)]
        rows = [row for part in parts for row in self._score(predictor, part, now, rest)]
        if taken:
            rescored = None if self._pending else self._scanned
            self._store.write(partial(write_current, rows=rows, rescored=rescored)).result()
        return len(taken)

    def _take(self, connection: sa.Connection, predictor: Predictor, now: int) -> list[str]:
        """Takes the next leads: those that changed, and where none did those that aged."""
        sequence, rescored = connection.execute(sa.select(STORE.c.sequence, STORE.c.rescored)).one()
        since = rescored if self._scanned is None else self._scanned
        if sequence > since:
            self._pending.update(dict.fromkeys(changed_leads(connection, predictor, since=since)))
        self._scanned = sequence
        if not self._pending:
            before = now - round(REFRESH_HOURS * US_PER_HOUR)
            version = predictor.model_version
            return aged_leads(connection, version=version, before=before, limit=_LEADS_PER_TURN)
        taken = list(self._pending)[:_LEADS_PER_TURN]
        for lead_id in taken:
            del self._pending[lead_id]
        return taken

    def _score(
        self, predictor: Predictor, lead_ids: list[str], now: int, rest: Callable[[float], object]
    ) -> list[dict[str, Any]]:
        began = time.perf_counter()
        try:
            return self._store.read(partial(score_current, predictor=predictor, lead_ids=lead_ids, now=now))
        finally:
            rest(time.perf_counter() - began)

    def _run(self) -> None:
        pause = 0.0
        while not self._is_closing.wait(pause):
            try:
                pause = 0.0 if self.turn(rest=self._rest) else _POLL_SECONDS
            except Exception as error:  # noqa: BLE001 - the scores grow old, and the server goes on
                fault = str(error) if isinstance(error, LeadOddsError) else type(error).__name__
                _LOG.error("leads were not scored again: %s", fault)
                self._pending, self._scanned = {}, None
                pause = _AFTER_FAULT_SECONDS

    def _rest(self, seconds: float) -> None:
        """Rests, and rests again while requests take most of a processor."""
        rest = seconds * _REST
        for _ in range(_MOST_RESTS):
            began = time.process_time()
            if self._is_closing.wait(rest) or time.process_time() - began < rest * _BUSY_SHARE:
                return
