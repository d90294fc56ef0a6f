"""The keys that the database holds now, and whether requests need one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

import sqlalchemy as sa

from features.times import US_PER_DAY
from serving.errors import StoreAwayError
from serving.keys.key_store import read_keys
from serving.keys.keys import KeyRing
from serving.keys.sessions import Session, read_ended_sessions
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")


class LiveKeys:
    """Follows the keys of the database; while they cannot be read, the last known ones stay valid for a time.

    From the first key on every route but the open ones needs a key, even when all are revoked or expired:
    revoking a key must never open the server. Whatever stops the keys from being read is logged and counted,
    and reading goes on; after `valid_seconds` without success no key is believed any more, because one of
    them may have been revoked.

    Attributes:
        ring: the keys; replaced as a whole.
        ended: sessions that were ended before their time, with the end of that, by id.
        failures: how often they could not be read.
    """

    def __init__(
        self, store: Store, *, valid_seconds: float, seconds: Callable[[], float] = monotonic
    ) -> None:
        """Reads the keys.

        Raises:
            StoreAwayError: the database does not respond.
        """
        self._store = store
        self._valid_seconds = valid_seconds
        self._seconds = seconds
        self._read_at = seconds()
        self._is_failing = False
        self.failures = 0
        self._ended_here: dict[str, int] = {}
        self.ring, self.ended = store.read(_read)
        self._is_keyless = not len(self.ring)

    @property
    def is_keyless(self) -> bool:
        """Whether no key was ever created."""
        return self._is_keyless

    @property
    def read_age_seconds(self) -> float:
        """How long ago the keys were read from the database, which then responded."""
        return self._seconds() - self._read_at

    @property
    def are_outdated(self) -> bool:
        """Whether the keys could not be read for so long that none is believed."""
        return self.read_age_seconds > self._valid_seconds

    async def follow(self, *, poll_seconds: float) -> None:
        """Reads the keys again and again, in a thread, so that requests go on."""
        while True:
            await asyncio.sleep(poll_seconds)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Reads the keys once more."""
        began = self._seconds()
        try:
            ring, ended = self._store.read(_read)
        except StoreAwayError:
            self._fail("the database does not respond")
            return
        except Exception as error:  # noqa: BLE001 - whatever a row holds, later revocations must be seen
            self._fail(type(error).__name__)
            return
        if self._is_failing:
            _LOG.warning("the keys are read again")
        if self._is_keyless and len(ring):
            _LOG.warning("the first key was created: from now on every route but the open ones needs a key")
            self._is_keyless = False
        # What ended here since it was read is not forgotten.
        self.ended = ended | self._ended_here
        self._is_failing, self._read_at, self.ring = False, began, ring

    def end(self, session: Session) -> None:
        """Ends a session in this process at once; the others read it."""
        over = session.expires_at - US_PER_DAY
        here = {id_: ends_at for id_, ends_at in self._ended_here.items() if ends_at > over}
        self._ended_here = {**here, session.session_id: session.expires_at}
        self.ended = {**self.ended, **self._ended_here}

    def _fail(self, reason: str) -> None:
        """Counts a failure, and logs the first of a row."""
        self.failures += 1
        if not self._is_failing:
            _LOG.error(
                "the keys cannot be read (%s): changes are not seen, and after %g s no key is accepted",
                reason,
                self._valid_seconds,
            )
        self._is_failing = True


def _read(connection: sa.Connection) -> tuple[KeyRing, dict[str, int]]:
    return KeyRing(read_keys(connection)), read_ended_sessions(connection)
