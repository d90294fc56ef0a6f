"""Keeps the scores that a service gave, once a day, and removes erased leads from those of the home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from serving.batch.given_scores import Erasing
from serving.clock import Clock
from serving.database.schema import ERASED
from serving.intake.erasures import erased_leads
from serving.store.given_scores import add_some, is_due
from serving.store.store import Store

# Rows of one transaction: the server's own writer waits for no longer than these take.
_ROWS: Final = 500


class GivenScores:
    """Works in steps; one process of a service does it for all."""

    def __init__(self, store: Store, home: Path, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._erasing = Erasing(home, self._erased_among)
        # The lead up to which the current scores are added; None where they all are.
        self._lead_id: str | None = None

    def step(self) -> bool:
        """Adds some scores once a day, then looks for erased leads; returns whether more is to do."""
        if not self._store.is_leader():
            self._lead_id = None
            return False
        if self._lead_id is None and self._store.read(lambda found: is_due(found, self._clock())):
            self._lead_id = ""
        if self._lead_id is not None:
            self._lead_id = add_some(self._store, self._lead_id, rows=_ROWS)
        if self._lead_id is not None:
            return True
        self._erasing.sweep(self._store.read(_count_erased))
        return False

    def _erased_among(self, lead_ids: Sequence[str]) -> set[str]:
        return self._store.read(lambda found: erased_leads(found, self._store.salt, lead_ids))


def _count_erased(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(ERASED)).scalar_one()
