"""When each version came to answer: the pointer's own date, and a line for every champion before it.

What is noted is the champion that leaves, before the pointer moves. So whatever a crash falls between, the
pointer and its date are right, and a line that was noted too early repeats them and is passed over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.times import TimeError, format_time, parse_time
from models.bundle.files import replace_text
from models.errors import PastChampionsError

# More are forgotten, the oldest first.
_REMEMBERED: Final = 1_000
_US_IN_NS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version that came to answer.

    Attributes:
        version: of the model.
        promoted_at: microseconds UTC.
    """

    version: str
    promoted_at: int


def present_champion(pointer: Path) -> Promotion | None:
    """Reads which version answers, and since when; None where none does."""
    try:
        version = pointer.read_text(encoding="utf-8").strip()
        promoted_at = pointer.stat().st_mtime_ns // _US_IN_NS
    except FileNotFoundError:
        return None
    return Promotion(version, promoted_at) if version else None


def note_past_champion(past: Path, champion: Promotion) -> None:
    """Notes the champion that is about to leave; the lines before are kept as they are.

    Args:
        past: one JSON object a line, the latest last.
        champion: that another one will replace.

    Raises:
        WriteError: the disk is full or refuses; the old file stays.
    """
    lines = _lines(past)
    line = json.dumps({"version": champion.version, "promoted_at": format_time(champion.promoted_at)})
    if lines[-1:] != [line]:
        replace_text(past, "\n".join([*lines[-_REMEMBERED + 1 :], line, ""]))


def read_promotions(pointer: Path, past: Path) -> tuple[Promotion, ...]:
    """Reads every promotion that is remembered, the latest first.

    Raises:
        PastChampionsError: a line of the past is not as it was written.
    """
    told = [_promotion(past, number, line) for number, line in enumerate(_lines(past), start=1)]
    present = present_champion(pointer)
    if present is not None and present not in told[-1:]:
        told.append(present)
    return tuple(reversed(told))


def _lines(past: Path) -> list[str]:
    return past.read_text(encoding="utf-8").splitlines() if past.exists() else []


def _promotion(past: Path, number: int, line: str) -> Promotion:
    try:
        told = json.loads(line)
        return Promotion(str(told["version"]), parse_time(told["promoted_at"], item="promoted_at"))
    except (ValueError, LookupError, TypeError, TimeError):
        raise PastChampionsError(past, number=number) from None
