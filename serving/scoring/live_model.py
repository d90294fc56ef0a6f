"""The model in use, and its replacement while requests run.

A request takes the predictor once and uses it to its end, so that no response mixes two versions. A new
model is loaded and has scored a lead before it replaces the old one by one assignment. A damaged one is
refused: the old one stays in use, and `refusal` says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError
from models.bundle.bundle import read_bundle
from models.home.home import Home, is_version, resolve_model
from serving.scoring.body_leads import warm
from serving.scoring.predictor import Predictor

_LOG: Final = logging.getLogger("leadodds.serving")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A version that the champion pointer names and that cannot be used.

    Attributes:
        version: that the pointer names.
        reason: kind of the error; the log says more.
    """

    version: str
    reason: str


def load_predictor(folder: Path, *, on_features: Callable[[float], None] | None = None) -> Predictor:
    """Reads a bundle and scores a lead with it, so that the first request is as fast as others.

    Args:
        folder: of the bundle.
        on_features: called from then on with the seconds that the features of each lead take.

    Raises:
        LeadOddsError: the bundle is refused.
    """
    predictor = Predictor.from_bundle(read_bundle(folder))
    warm(predictor)
    return replace(predictor, on_features=on_features)


class LiveModel:
    """Holds the predictor in use and follows the champion pointer.

    Attributes:
        home: whose pointer it follows.
        predictor: in use; replaced as a whole, never changed.
        folder: of its bundle.
        refusal: the version that the pointer names and that was refused; None otherwise.
    """

    def __init__(
        self, home: Home, *, model: str | None = None, load: Callable[[Path], Predictor] = load_predictor
    ) -> None:
        self.home = home
        self._load = load
        self._is_fixed = model is not None
        self._version = None if model is not None else home.champion()
        self.folder = resolve_model(home, model)
        self.predictor = load(self.folder)
        self.refusal: Refusal | None = None

    async def follow(self, *, poll_seconds: float) -> None:
        """Reads the champion pointer again and again; loads in a thread, so that requests go on."""
        while not self._is_fixed:
            await asyncio.sleep(poll_seconds)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Replaces the model where the pointer has changed.

        A refused version is tried again every time, because its files may still have been in transfer.
        """
        version: str | None = None
        try:
            version = self.home.champion()
            if version != self._version and version is not None:
                folder = self.home.stored_bundle(version)
                self.predictor, self.folder, self._version = self._load(folder), folder, version
                _LOG.info("version %s is in use", version)
            self.refusal = None
        except (LeadOddsError, OSError) as error:
            self._refuse(version or "", error, logged=str(error))
        except Exception as error:  # noqa: BLE001 - whatever a new bundle does, the old one stays in use
            self._refuse(version or "", error, logged=f"{type(error).__name__} while loading")

    def _refuse(self, version: str, error: Exception, *, logged: str) -> None:
        # /readyz needs no key: it shows neither where the home lies nor what else the pointer may hold.
        shown = version if is_version(version) else "unknown"
        refusal = Refusal(shown, f"{type(error).__name__}: the log of the server says more")
        if refusal != self.refusal:
            _LOG.error("version %s is refused, version %s stays in use: %s", version, self._version, logged)
        self.refusal = refusal
