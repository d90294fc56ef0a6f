"""Keeps a home at the champion of a registry elsewhere: the one process that talks to it.

A server never waits for the registry. It follows the pointer of its home, which moves only once a bundle lies
there that is data alone and is the registered one; while the registry is away, or has something that is
refused, the last good bundle goes on answering.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from features.errors import LeadOddsError
from models.errors import NoRemoteChampionError, RegistryError
from models.home.home import Home
from models.registry.registry import open_registry

# MLflow tries seven times with growing pauses, some minutes; the next look comes soon enough.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a look at the registry came to.

    Attributes:
        version: the champion of the registry, which answers now.
        previous: what answered before; None where nothing did.
    """

    version: str
    previous: str | None

    def summary(self) -> dict[str, Any]:
        """As an object for machines."""
        return {"champion": self.version, "previous": self.previous, "changed": self.version != self.previous}


def pull_champion(home: Path) -> Pulled:
    """Sets the champion of the registry down in the home, verified, and lets it answer.

    Args:
        home: its pointer moves last, in one step; whatever fails before changes nothing that answers.

    Raises:
        RegistryError: the registry cannot be asked.
        NoRemoteChampionError: it has no champion.
        ForeignModelError: its champion would run code, or is not a model of ours.
        BundleError: what was fetched is faulty.
        AnotherModelError: another model lies in the home under its number.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    place = Home(home)
    previous = place.champion()
    registry = open_registry(place)
    version = registry.install_champion()
    if version is None:
        raise NoRemoteChampionError
    if version != previous:
        place.swap_champion(version, past=registry.past_promotions())
    return Pulled(version, previous)


def follow_registry(
    home: Path, *, seconds: float, wait: Callable[[float], object] = time.sleep
) -> Iterator[dict[str, Any]]:
    """Looks at the registry again and again; gives what happened whenever it is news.

    Args:
        home: whose pointer follows.
        seconds: between two looks.
        wait: until the next one.
    """
    last: dict[str, Any] = {}
    while True:
        try:
            facts = pull_champion(home).summary()
        except LeadOddsError as error:
            facts = {"champion": Home(home).champion(), "refused": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever a registry does, the next look comes
            reason = RegistryError("asked", reason=type(error).__name__)
            facts = {"champion": Home(home).champion(), "refused": str(reason)}
        if facts.get("changed") or facts.get("refused") != last.get("refused") or not last:
            yield facts
        last = facts
        wait(seconds)
