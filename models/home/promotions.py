"""When each version came to answer: the pointer's own date, and a line for every champion before it.

The registry's tag remembers the champions of the past; the lines repeat it for servers. They are written
before the pointer moves: whatever a crash falls between, the pointer and its date are right, and a line that
was written too early repeats them and is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.times import TimeError, format_time, parse_time
from models.bundle.files import replace_text
from models.errors import PastChampionsError

# Promotions kept; the oldest are dropped.
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


def note_past_champions(file: Path, champions: Sequence[Promotion]) -> None:
    """Adds the champions of the past that the file lacks; the lines in it are kept as they are.

    Args:
        file: one JSON object a line.
        champions: the latest last.

    Raises:
        WriteError: the disk is full or refuses; the old file stays.
    """
    noted = [
        json.dumps({"version": champion.version, "promoted_at": format_time(champion.promoted_at)})
        for champion in champions
    ]
    lines = _lines(file)
    missing = [line for line in noted if line not in lines]
    if missing:
        replace_text(file, "\n".join([*[*lines, *missing][-_REMEMBERED:], ""]))


def read_promotions(pointer: Path, past: Path) -> tuple[Promotion, ...]:
    """Reads every promotion that is remembered, the latest first.

    Raises:
        PastChampionsError: a line of the past is not as it was written.
    """
    promotions = [_promotion(past, number, line) for number, line in enumerate(_lines(past), start=1)]
    present = present_champion(pointer)
    if present is not None and present not in promotions:
        promotions.append(present)
    return tuple(sorted(promotions, key=lambda promotion: promotion.promoted_at, reverse=True))


def _lines(past: Path) -> list[str]:
    return past.read_text(encoding="utf-8").splitlines() if past.exists() else []


def _promotion(past: Path, number: int, line: str) -> Promotion:
    try:
        entry = json.loads(line)
        return Promotion(str(entry["version"]), parse_time(entry["promoted_at"], item="promoted_at"))
    except (ValueError, LookupError, TypeError, TimeError):
        raise PastChampionsError(past, number=number) from None
