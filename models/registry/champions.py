"""The champion: the alias that names it, and rollback to the champions before it.

The alias decides; the pointer file of the home repeats it for servers, which know no MLflow. A tag of the
registered model remembers the champions of the past, the latest last; the home's file of them is derived from
it. A promotion and a rollback write the tag first, then the alias, then the pointer. A rollback stands in the
tag until it is done, so that one that was interrupted at any of these steps is finished, not done twice, by
repeating the command.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from models.errors import NothingToRollBackError
from models.home.decisions import note_decision
from models.home.home import Home
from models.home.promotions import Promotion

# Characters of a tag in MLflow's database; beyond them the oldest champions are forgotten.
_LONGEST_TAG: Final = 5_000


class ChampionStore(Protocol):
    """The registered model whose versions are trained, wherever it is kept."""

    def champion(self) -> str | None:
        """The version that the alias names; None where none does."""

    def move(self, version: str) -> None:
        """Lets the alias name another version."""

    def past(self) -> str:
        """The tag of the champions of the past, as JSON."""

    def remember(self, text: str) -> None:
        """Replaces that tag."""


@dataclass(frozen=True, slots=True)
class _PastChampion:
    """A version that was the champion.

    Attributes:
        version: of the model.
        promoted_at: microseconds UTC; None where the home that replaced it did not answer with it.
        rolled_back_to: the version that a rollback from this one leads to, until that rollback is done.
    """

    version: str
    promoted_at: int | None = None
    rolled_back_to: str | None = None


def past_promotions(model: ChampionStore) -> list[Promotion]:
    """The champions of the past whose date is known, the latest last."""
    return _dated(_past(model))


def promote(model: ChampionStore, home: Home, version: str, *, reason: str = "") -> None:
    """Makes a registered version, whose bundle lies in the home, the champion; `reason` is a sentence."""
    note_decision(home, "promote", version, reason=reason)
    champion, past = model.champion(), _past(model)
    kept = _settled(past, champion)
    if champion is not None and champion != version:
        kept.append(_PastChampion(champion, home.promoted_at(champion)))
    if kept != past:
        _remember(model, kept)
    _point_to(model, home, version, past=kept)


def before_current(model: ChampionStore) -> str:
    """The champion before this one; where a rollback was interrupted, the version that it leads to.

    Raises:
        NothingToRollBackError: there was none.
    """
    champion = model.champion()
    past = _past(model) if champion is not None else []
    if (target := _interrupted_rollback(past, champion)) is not None:
        return target
    kept = _settled(past, champion)
    if not kept:
        raise NothingToRollBackError(champion)
    return kept[-1].version


def rollback_to(model: ChampionStore, home: Home, version: str, *, reason: str = "") -> None:
    """Makes the champion before this one, as `before_current` gave it, the champion again."""
    note_decision(home, "rollback", version, reason=reason)
    champion, past = str(model.champion()), _past(model)
    if _interrupted_rollback(past, champion) is None:
        left = _PastChampion(champion, home.promoted_at(champion), rolled_back_to=version)
        past = [*_settled(past, champion), left]
        _remember(model, past)
    _point_to(model, home, version, past=past)
    _remember(model, _settled(past, version))


def _point_to(model: ChampionStore, home: Home, version: str, *, past: Sequence[_PastChampion]) -> None:
    model.move(version)
    home.swap_champion(version, past=_dated(past))


def _interrupted_rollback(past: Sequence[_PastChampion], champion: str | None) -> str | None:
    """The version that an unfinished rollback from or to the champion leads to; None where there is none."""
    target = past[-1].rolled_back_to if past else None
    return target if target is not None and champion in {past[-1].version, target} else None


def _settled(past: Sequence[_PastChampion], champion: str | None) -> list[_PastChampion]:
    """The champions before this one, without what an interrupted command has noted of itself."""
    if past and champion is not None and past[-1].rolled_back_to == champion:
        latest = max((place for place, entry in enumerate(past[:-1]) if entry.version == champion), default=0)
        return list(past[:latest])
    kept = past[:-1] if past and past[-1].version == champion else past
    return [replace(entry, rolled_back_to=None) for entry in kept]


def _dated(past: Sequence[_PastChampion]) -> list[Promotion]:
    return [Promotion(entry.version, entry.promoted_at) for entry in past if entry.promoted_at is not None]


def _past(model: ChampionStore) -> list[_PastChampion]:
    """Reads the tag: a list of [version, promoted_at, rolled_back_to]; in older homes, of versions alone."""
    entries: list[Any] = json.loads(model.past())
    return [_PastChampion(*([entry] if isinstance(entry, str) else entry)) for entry in entries]


def _remember(model: ChampionStore, past: Sequence[_PastChampion]) -> None:
    entries = [
        [entry.version, entry.promoted_at] if entry.rolled_back_to is None
        else [entry.version, entry.promoted_at, entry.rolled_back_to]
        for entry in past
    ]  # fmt: skip
    while len(text := json.dumps(entries, separators=(",", ":"))) > _LONGEST_TAG:
        del entries[0]
    model.remember(text)
