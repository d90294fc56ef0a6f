"""The process that re-scores beside a server: `python -m serving.rescore`, started by the server."""

from __future__ import annotations

import logging.config
import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

from features.errors import LeadOddsError
from features.partitions.pool import cores_count
from models.home.home import Home
from serving.alerts.alerting import Alerting, open_alerting
from serving.clock import Clock, SteadyClock
from serving.http.logs import LOG_CONFIG
from serving.rescoring.given_scores import GivenScores
from serving.rescoring.process import SETTINGS_VARIABLE
from serving.rescoring.rescorer import Rescorer
from serving.rescoring.scoring_processes import ScoringProcesses
from serving.scoring.live_model import LiveModel
from serving.settings import ServerSettings
from serving.store.retention import KeptDays, Retention
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")

_POLL_SECONDS: Final = 0.25
_AFTER_FAULT_SECONDS: Final = 5.0
# Requests come first.
_NICENESS: Final = 10
# Between two steps of deleting old rows, and between two times when nothing was left to delete.
_STEP_SECONDS: Final = 0.2
_TIDY_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86_400.0


def main() -> None:
    """Re-scores until standard input ends."""
    settings = ServerSettings.model_validate_json(os.environ[SETTINGS_VARIABLE])
    logging.config.dictConfig(LOG_CONFIG)
    os.nice(_NICENESS)
    # Ctrl-C reaches all processes of a terminal: the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    is_closing = threading.Event()
    threading.Thread(target=_watch_input, args=(is_closing,), daemon=True).start()
    clock = SteadyClock()
    store = Store(settings.store_url, clock=clock, secret_file=settings.secret_path)
    live = LiveModel(Home(settings.home), model=settings.model)
    workers = cores_count()
    processes = ScoringProcesses(settings.store_url, workers) if workers > 1 else None
    rescorer = Rescorer(store, live, clock=clock, processes=processes)
    kept = KeptDays(
        audit=settings.audit_days,
        night_scores=settings.night_scores_days,
        scores_history=settings.history_days(live.predictor.longest_horizon_days),
        quarantine=settings.quarantine_days,
        changes=settings.changes_days,
        alerts=settings.alerts_days,
        hooks=settings.hook_days,
        messages=settings.message_days,
    )
    tidying = Tidying(Retention(store, kept, clock=clock), GivenScores(store, settings.home, clock=clock))
    alerting = _open_alerting(store, live, settings, clock)
    pause = 0.0
    while not is_closing.wait(pause):
        try:
            live.refresh()
            pause = 0.0 if rescorer.turn() else _POLL_SECONDS
            tidying.go_on()
            if alerting is not None:
                alerting.lead(is_leading=store.is_leader())
        except Exception as error:  # noqa: BLE001 - the scores grow old, and the server goes on
            fault = str(error) if isinstance(error, LeadOddsError) else type(error).__name__
            _LOG.error("leads were not scored again: %s", fault)
            rescorer.forget()
            pause = _AFTER_FAULT_SECONDS
    if alerting is not None:
        alerting.close()
    rescorer.close()
    store.close()


def _open_alerting(store: Store, live: LiveModel, settings: ServerSettings, clock: Clock) -> Alerting | None:
    """Starts the threads of alerts, if there are hooks."""
    alerting = open_alerting(store, live, settings, clock=clock)
    if alerting is not None:
        alerting.start()
    return alerting


class Tidying:
    """Deletes old rows and keeps given scores: a step between two turns, then nothing for a while."""

    def __init__(
        self, retention: Retention, given: GivenScores, *, seconds: Callable[[], float] = monotonic
    ) -> None:
        self._retention = retention
        self._given = given
        self._seconds = seconds
        self._next = seconds() + _TIDY_SECONDS
        self._next_day = seconds() + _DAY_SECONDS

    def go_on(self) -> None:
        """Deletes some rows, if it is time."""
        now = self._seconds()
        if now >= self._next_day:
            self._retention.begin()
            self._next_day = now + _DAY_SECONDS
        if now >= self._next:
            is_going_on = self._given.step() or self._retention.step()
            self._next = now + (_STEP_SECONDS if is_going_on else _TIDY_SECONDS)


def _watch_input(is_closing: threading.Event) -> None:
    sys.stdin.buffer.read()
    is_closing.set()


if __name__ == "__main__":
    main()
