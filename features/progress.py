"""How long work tells how far it has come, without knowing who watches."""

from __future__ import annotations

from collections.abc import Callable

# Called with the name of the stage and the part of it that is done, from 0 to 1.
Progress = Callable[[str, float], None]


def silent(stage: str, done: float) -> None:
    """Watches nothing: for callers that show no progress."""
