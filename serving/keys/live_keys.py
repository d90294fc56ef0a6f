"""The keys that the database holds now, and whether requests need one."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from serving.errors import StoreAwayError
from serving.keys.key_store import read_keys
from serving.keys.keys import KeyRing
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")


class LiveKeys:
    """Follows the keys of the database; while it is down, the last known keys stay valid.

    From the first key on every route but the open ones needs a key, even when all are revoked or expired:
    revoking a key must never open the server.

    Attributes:
        ring: the keys; replaced as a whole.
    """

    def __init__(self, store: Store) -> None:
        """Reads the keys.

        Raises:
            StoreAwayError: the database does not respond.
        """
        self._store = store
        self.ring = KeyRing(store.read(read_keys))
        self._is_keyless = not len(self.ring)

    @property
    def is_keyless(self) -> bool:
        """Whether no key was ever created."""
        return self._is_keyless

    async def follow(self, *, poll_seconds: float) -> None:
        """Reads the keys again and again, in a thread, so that requests go on."""
        while True:
            await asyncio.sleep(poll_seconds)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Reads the keys once more."""
        try:
            ring = KeyRing(self._store.read(read_keys))
        except StoreAwayError:
            return
        if self._is_keyless and len(ring):
            _LOG.warning("the first key was created: from now on every route but the open ones needs a key")
            self._is_keyless = False
        self.ring = ring
