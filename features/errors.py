"""The root of all errors of the project.

An error class takes the facts and writes the message: what was expected, what came, which item, what to do.
"""

from __future__ import annotations

from typing import Any


class LeadOddsError(Exception):
    """Root of all errors whose message names a remedy; `exit_code` is the exit code of a command."""

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        """Makes every subclass picklable, whatever its constructor takes: the message is already written."""
        return _rebuilt, (type(self), self.args, vars(self))


def _rebuilt(kind: type[LeadOddsError], args: tuple[Any, ...], facts: dict[str, Any]) -> LeadOddsError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(facts)
    return error
