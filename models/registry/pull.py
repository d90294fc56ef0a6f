"""Updates a home to the champion of a remote registry; the only process that talks to it.

A server never waits for the registry. It follows the pointer of its home, which moves only after the
registered bundle is in the home and verified. While the registry cannot be reached, or its champion is
refused, the last verified bundle answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import LeadOddsError
from models.errors import NoRemoteChampionError, RegistryError
from models.home.decisions import note_decision
from models.home.home import Home
from models.registry.connection import answering_soon
from models.registry.names import is_unmade
from models.registry.registry import open_registry


@dataclass(frozen=True, slots=True)
class Pulled:
    """Result of one update.

    Attributes:
        version: the champion of the registry, which answers now.
        previous: the version that answered before; None where none did.
    """

    version: str
    previous: str | None

    def summary(self) -> dict[str, Any]:
        """As an object for machines."""
        return {"champion": self.version, "previous": self.previous, "changed": self.version != self.previous}


def pull_champion(home: Path) -> Pulled:
    """Fetches the champion of the registry into the home, verifies it, and makes it the home's champion.

    Args:
        home: its pointer moves last, in one step; an error before that leaves the champion.

    Raises:
        RegistryError: the registry cannot be asked.
        NoRemoteChampionError: it has no champion.
        ForeignModelError: its champion would run code, or is not a model of ours.
        BundleError: what was fetched is faulty.
        AnotherModelError: another model lies in the home under its number.
    """
    place = Home(home)
    if is_unmade(place):
        raise NoRemoteChampionError
    previous = place.champion()
    # The next request follows soon.
    with answering_soon():
        registry = open_registry(place)
        version = registry.install_champion()
        if version is None:
            raise NoRemoteChampionError
        if version != previous:
            note_decision(place, "pull", version)
            place.swap_champion(version, past=registry.past_promotions())
    return Pulled(version, previous)


def follow_registry(
    home: Path, *, seconds: float, wait: Callable[[float], object] = time.sleep
) -> Iterator[dict[str, Any]]:
    """Asks the registry at intervals and yields each change and each new refusal.

    Args:
        home: whose pointer follows the registry.
        seconds: between two requests.
        wait: sleeps until the next request.
    """
    last: dict[str, Any] = {}
    while True:
        try:
            facts = pull_champion(home).summary()
        except LeadOddsError as error:
            facts = {"champion": Home(home).champion(), "refused": str(error)}
        except Exception as error:  # noqa: BLE001 - the next request follows whatever the registry did
            reason = RegistryError("asked", reason=type(error).__name__)
            facts = {"champion": Home(home).champion(), "refused": str(reason)}
        if facts.get("changed") or facts.get("refused") != last.get("refused") or not last:
            yield facts
        last = facts
        wait(seconds)
