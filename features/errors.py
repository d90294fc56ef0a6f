"""Errors of the feature room; every error of the project derives from `LeadOddsError`.

Each class takes the facts and writes the sentence: what was expected, what came, which item, what to do.
"""

from __future__ import annotations


class LeadOddsError(Exception):
    """Root of all errors that tell a person what to change; `exit_code` is what a command returns."""

    exit_code = 2
