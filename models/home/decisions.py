"""Why each version answers: who promoted, rolled back or retrained, when, and for which reason.

A line is written before the pointer moves. Whatever a crash falls between, no switch is without its line; a
line whose switch never came is told by the next one, which began elsewhere.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from features.times import format_time, parse_time
from models.bundle.files import replace_text
from models.home.home import Home

FILE: Final = "decisions.jsonl"
Action = Literal["promote", "rollback", "pull", "retrain"]
# Those that move the pointer.
_SWITCHES: Final = ("promote", "rollback", "pull")
# Decisions kept; the oldest are dropped.
_REMEMBERED: Final = 2_000
_LONGEST_REASON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about which version answers.

    Attributes:
        at: microseconds UTC.
        action: what was decided.
        version: that answers from then on; of a retraining, the version that it trained, if any.
        before: the version that answered before; None where none did.
        by: name of the account that ran the command.
        reason: a sentence; empty where none was given.
        is_done: whether it took effect; False where the command was ended before.
    """

    at: int
    action: Action
    version: str | None
    before: str | None
    by: str
    reason: str
    is_done: bool = True

    def to_json(self) -> dict[str, Any]:
        """Turns it into an object for people and machines."""
        return {
            "at": format_time(self.at),
            "action": self.action,
            "version": self.version,
            "before": self.before,
            "by": self.by,
            "reason": self.reason,
            "done": self.is_done,
        }

    def __str__(self) -> str:
        """Writes it as a line."""
        what = f"{self.action} {self.version or ''}".strip()
        ended = "" if self.is_done else " (ended before it took effect)"
        return f"{format_time(self.at)[:19]}  {what}, by {self.by}{ended}: {self.reason or 'no reason given'}"


def user_name() -> str:
    """Name of the account that runs this process; its number where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def note_decision(
    home: Home, action: Action, version: str | None, *, at: int | None = None, reason: str = ""
) -> None:
    """Adds a decision to the log of a home.

    A switch to the version that answers already is none: it repeats one that was interrupted.

    Args:
        home: its folder.
        action: what is decided.
        version: see `Decision`.
        at: microseconds UTC; None: now.
        reason: a sentence.

    Raises:
        WriteError: the disk is full or refuses; nothing was switched yet.
    """
    before = home.champion()
    if action in _SWITCHES and before == version:
        return
    # An argument of bytes that are no UTF-8 cannot be written as text.
    reason = reason[:_LONGEST_REASON].encode("utf-8", "replace").decode("utf-8")
    at = time.time_ns() // 1_000 if at is None else at
    decision = Decision(at, action, version, before, user_name(), reason)
    facts = decision.to_json()
    del facts["done"]
    path = home.path / FILE
    kept = [*_lines(path), json.dumps(facts, ensure_ascii=False)][-_REMEMBERED:]
    replace_text(path, "\n".join([*kept, ""]))


def read_decisions(home: Home) -> tuple[Decision, ...]:
    """Reads the decisions of a home, the latest first; a line that cannot be read decides nothing."""
    found = [decision for line in _lines(home.path / FILE) if (decision := _read(line)) is not None]
    switches = [decision for decision in found if decision.action in _SWITCHES]
    undone = _undone(switches, home.champion())
    return tuple(replace(decision, is_done=decision not in undone) for decision in reversed(found))


def _undone(switches: Sequence[Decision], champion: str | None) -> list[Decision]:
    """Finds the switches after which another version still answered."""
    undone = [first for first, second in pairwise(switches) if second.before != first.version]
    return undone + [last for last in switches[-1:] if last.version != champion]


def _read(line: str) -> Decision | None:
    try:
        facts: Mapping[str, Any] = json.loads(line)
        at = parse_time(facts["at"], item="at")
        texts = [facts[name] for name in ("action", "version", "before", "by", "reason")]
        return Decision(at, *texts)
    except (ValueError, LookupError, TypeError):
        return None


def _lines(path: Path) -> list[str]:
    """Gives the lines; other line separators of Unicode may stand in the text of a reason."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line for line in text.split("\n") if line]
