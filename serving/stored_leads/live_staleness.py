"""How far the current scores are behind, read again and again, so that no route waits for the database."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from serving.alerts.counts import HookCounts, read_counts
from serving.database.engine import read_size
from serving.scoring.live_model import LiveModel
from serving.store.staleness import Staleness, read_staleness
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")

# It counts all leads, which takes a fifth of a second for a million.
_POLL_SECONDS: Final = 10.0


class LiveStaleness:
    """Holds how far the current scores are behind.

    Attributes:
        found: as it was read last; None where the database does not respond.
        database_bytes: size of the database, its log included; None likewise.
        alerts: what waits for each hook; None likewise.
    """

    def __init__(self, store: Store, live: LiveModel) -> None:
        self._store = store
        self._live = live
        self.found: Staleness | None = None
        self.database_bytes: int | None = None
        self.alerts: list[HookCounts] | None = None

    async def follow(self) -> None:
        """Reads again and again, in a thread, so that requests go on."""
        while True:
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(_POLL_SECONDS)

    def refresh(self) -> None:
        """Reads once more."""
        version = self._live.predictor.model_version
        try:
            self.found = self._store.read(lambda connection: read_staleness(connection, version))
            self.database_bytes = self._store.read(read_size)
            self.alerts = self._store.read(read_counts)
        except Exception as error:  # noqa: BLE001 - whatever the database does, it is asked again
            if self.found is not None:
                _LOG.error("how current the scores are cannot be read: %s", type(error).__name__)
            self.found = None
            self.database_bytes = None
            self.alerts = None
