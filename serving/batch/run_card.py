"""The card of a scoring run: what was scored with which version, and what the history lacked.

It lies in the home, a file for each run, whatever the target is: a target holds scores alone, and is the
same to the byte however often a run is begun.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from features.times import format_time
from models.bundle.files import replace_text
from models.errors import WriteError

CARDS: Final = "score_runs"
# Some years of nights.
CARDS_KEPT: Final = 1_000


def run_name(target: str, scored_at: int) -> str:
    """Names a run by its moment and its target; the names sort by time."""
    return f"{moment_name(scored_at)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


def moment_name(moment: int) -> str:
    """Writes a moment, microseconds UTC, as a part of the name of a file.

    >>> moment_name(0)
    '19700101T000000Z'
    """
    return format_time(moment).replace(":", "").replace("-", "")


def write_run_card(home: Path, facts: Mapping[str, Any], *, target: str, scored_at: int) -> Path | None:
    """Writes the card of a run, in place of one of the same run; the oldest cards are removed.

    Args:
        home: the folder of all state.
        facts: that the card holds.
        target: of the scores, without a password.
        scored_at: microseconds UTC.

    Returns:
        The file; None where the home cannot be written, which costs no run its scores.
    """
    folder = home.absolute() / CARDS
    path = folder / f"{run_name(target, scored_at)}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        for old in sorted(folder.glob("*.json"))[:-CARDS_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, WriteError):
        return None
    return path
