"""The report of a check, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from features.findings.problems import Problem


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The verdict on a history.

    Attributes:
        source: name of the history, without a password.
        problems: all problems, by code, table and column.
    """

    source: str
    problems: tuple[Problem, ...]

    @property
    def can_score(self) -> bool:
        """Whether no problem stops everything."""
        return all(problem.stops != "everything" for problem in self.problems)

    @property
    def can_train(self) -> bool:
        """Whether no problem stops anything."""
        return all(problem.stops is None for problem in self.problems)

    @property
    def exit_code(self) -> int:
        """2 where the history cannot be used at all, else 0."""
        return 0 if self.can_score else 2

    def summary(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "history": self.source,
            "can_score": self.can_score,
            "can_train": self.can_train,
            "problems": [asdict(problem) for problem in self.problems],
        }

    def __str__(self) -> str:
        """The numbered list, and what the history can be used for."""
        return "\n".join([*map(str, self.problems), self._verdict()])

    def _verdict(self) -> str:
        if self.can_train:
            return f"{self.source} can be trained on and scored."
        if self.can_score:
            return f"{self.source} can be scored, but not trained on."
        return f"{self.source} cannot be used as it is."
