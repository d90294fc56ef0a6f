"""How long-running work reports its progress."""

from __future__ import annotations

from collections.abc import Callable

# Called with the name of the stage and the fraction of it that is done, from 0 to 1.
Progress = Callable[[str, float], None]


def silent(stage: str, done: float) -> None:
    """Ignores the progress: for callers that show none."""
