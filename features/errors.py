"""Errors of the feature room; every error of the project derives from `LeadOddsError`.

Each class takes the facts and writes the sentence: what was expected, what came, which item, what to do.
"""

from __future__ import annotations

from typing import Any


class LeadOddsError(Exception):
    """Root of all errors that tell a person what to change; `exit_code` is what a command returns."""

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets it travel between processes whatever its class is made of: the sentence is already written."""
        return _rebuilt, (type(self), self.args, vars(self))


def _rebuilt(kind: type[LeadOddsError], args: tuple[Any, ...], facts: dict[str, Any]) -> LeadOddsError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(facts)
    return error
