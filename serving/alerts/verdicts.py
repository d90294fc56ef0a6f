"""Reads what the last monitoring advises: the file `monitor/latest.json` of the home.

Another command writes it, now or never: what is missing or unreadable is no advice.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from models.home.home import Home

PLACE: Final = Path("monitor") / "latest.json"
_LISTS: Final = ("verdict", "verdicts", "lines")
_TEXTS: Final = ("text", "sentence")
_SUBJECTS: Final = ("rule", "subject")
_QUIET: Final = "wait"
_MOST_BYTES: Final = 4_000_000
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
    """Reads the lines that advise to do something; None where there is no file that can be read."""
    path = home.path / PLACE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        written: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    verdicts = [_read_line(line) for line in _lines_in(written) if isinstance(line, dict)]
    return [own for own in verdicts if own is not None and own.action != _QUIET][:_MOST_LINES]


def _lines_in(written: Any) -> list[Any]:
    """Finds the list of lines: at the top, or under one of its names."""
    while isinstance(written, dict):
        written = next((written[name] for name in _LISTS if name in written), None)
    return written if isinstance(written, list) else []


def _read_line(line: dict[str, Any]) -> Verdict | None:
    action = line.get("action")
    if not isinstance(action, str):
        return None
    text = next((line[name] for name in _TEXTS if isinstance(line.get(name), str)), "")
    subject = " ".join(str(line[name]) for name in _SUBJECTS if line.get(name))
    return Verdict(action.replace(" ", "_"), text[:_TEXT_LENGTH], subject[:_TEXT_LENGTH])
