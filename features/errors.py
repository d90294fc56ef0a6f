"""Errors of the feature room; every error of the project derives from `LeadOddsError`.

Each class takes the facts and writes the sentence: what was expected, what came, which item, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.findings.problems import Problem


class LeadOddsError(Exception):
    """Root of all errors that tell a person what to change; `exit_code` is what a command returns."""

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets it travel between processes whatever its class is made of: the sentence is already written."""
        return _rebuilt, (type(self), self.args, vars(self))


class HistoryError(LeadOddsError):
    """A history that cannot be used for what it was read for; `problems` says why, one a line."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The history {source} cannot be used:\n{lines}")


def _rebuilt(kind: type[LeadOddsError], args: tuple[Any, ...], facts: dict[str, Any]) -> LeadOddsError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(facts)
    return error
