"""The thread that maps the bodies of hooks once they are acknowledged; what waits lies in the database."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from serving.hooks.mapping import map_waiting
from serving.hooks.setup import HookSetup
from serving.intake.hook_bodies import wake_all_early
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")

# How often bodies are looked for that another process took, or that waited for their lead.
_LOOK_SECONDS: Final = 1.0
_AFTER_FAULT_SECONDS: Final = 5.0
# How often bodies are looked for whose lead was stored otherwise meanwhile.
_EARLY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class HookReception:
    """The hooks of a server.

    Attributes:
        setup: what they need beside their tokens.
        worker: maps their bodies.
    """

    setup: HookSetup
    worker: HookWorker


class HookWorker:
    """Maps a few bodies at a time, the oldest first; those of before a crash when it starts."""

    def __init__(self, store: Store, setup: HookSetup) -> None:
        self._store = store
        self._setup = setup
        self._has_news = threading.Event()
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="leadodds-hooks", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Says that a body waits."""
        self._has_news.set()

    def run_once(self) -> None:
        """Maps all bodies that wait."""
        while map_waiting(self._store, self._setup.map_of):
            pass

    def close(self) -> None:
        """Ends the thread after the bodies in hand; the others wait for the next start."""
        self._is_closing.set()
        self._has_news.set()
        if self._thread is not None:
            self._thread.join()

    def wake_early(self) -> None:
        """Lets the bodies wait again whose leads are stored now."""
        self._store.write(lambda connection, _: wake_all_early(connection)).result()

    def _run(self) -> None:
        look_at = 0.0
        while not self._is_closing.is_set():
            self._has_news.clear()
            try:
                if time.monotonic() >= look_at:
                    self.wake_early()
                    look_at = time.monotonic() + _EARLY_SECONDS
                while not self._is_closing.is_set() and map_waiting(self._store, self._setup.map_of):
                    pass
            except Exception as error:  # noqa: BLE001 - the bodies stay, and are mapped later
                _LOG.error("hooks were not mapped: %s", type(error).__name__)
                self._is_closing.wait(_AFTER_FAULT_SECONDS)
            self._has_news.wait(_LOOK_SECONDS)
