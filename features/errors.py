"""Errors of the feature room; every error of the project derives from `LeadOddsError`.

Each class takes the facts and writes the sentence: what was expected, what came, which item, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from features.problems import Problem


class LeadOddsError(Exception):
    """Root of all errors that tell a person what to change; `exit_code` is what a command returns."""

    exit_code = 2


class HistoryError(LeadOddsError):
    """A history that cannot be used for what it was read for; `problems` says why, one a line."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The history {source} cannot be used:\n{lines}")
