"""Reads what the last monitoring advises: the latest result that it keeps in the home.

Another command writes it, now or never: what is missing or unreadable is no advice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from models.home.home import Home
from models.home.latest_monitor import read_latest

# A line speaks where its limit is crossed. Its action tells nothing of that: of broken inputs it is to wait.
_CROSSED: Final = "crossed"
_MOST_LINES: Final = 50
_TEXT_LENGTH: Final = 1_000
_NUMBER: Final = re.compile(r"[-+]?\d+(?:[.,:]\d+)*")


class Verdict(NamedTuple):
    """One line of advice.

    Attributes:
        action: such as retrain.
        text: that says why.
        subject: the rule that failed, and of what; empty where the line does not say.
    """

    action: str
    text: str
    subject: str = ""

    @property
    def identity(self) -> str:
        """Tells lines apart: the same line with other numbers is the same advice.

        >>> Verdict("retrain", "AUC fell to 0.61").identity
        'retrain: AUC fell to #'
        """
        return f"{self.action}: {self.subject or _NUMBER.sub('#', self.text)}"


def read_verdicts(home: Home) -> list[Verdict] | None:
    """Reads the lines whose limit is crossed; None where there is no result that can be read."""
    latest = read_latest(home)
    if latest is None:
        return None
    lines = latest["verdict"].get("lines")
    crossed = [line for line in lines if _is_crossed(line)] if isinstance(lines, list) else []
    return [_read_line(line) for line in crossed[:_MOST_LINES]]


def _is_crossed(line: Any) -> bool:
    return isinstance(line, dict) and line.get("state") == _CROSSED


def _read_line(line: Mapping[str, Any]) -> Verdict:
    action, text = str(line.get("action", "")), str(line.get("sentence", ""))
    subject = " ".join(str(line[name]) for name in ("rule", "subject") if line.get(name))
    return Verdict(action.replace(" ", "_"), text[:_TEXT_LENGTH], subject[:_TEXT_LENGTH])
