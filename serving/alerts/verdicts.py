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
    """

    action: str
    text: str

    @property
    def identity(self) -> str:
        """Tells lines apart: the same line with other numbers is the same advice.

        >>> Verdict("retrain", "AUC fell to 0.61").identity
        'retrain: AUC fell to #'
        """
        return f"{self.action}: {_NUMBER.sub('#', self.text)}"


def read_verdicts(home: Home) -> list[Verdict] | None:
    """Reads the lines that advise to do something; None where there is no file that can be read."""
    path = home.path / PLACE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        written: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if isinstance(written, dict):
        written = next((written[name] for name in _LISTS if isinstance(written.get(name), list)), None)
    if not isinstance(written, list):
        return None
    lines = [line for line in written if isinstance(line, dict) and isinstance(line.get("action"), str)]
    found = [Verdict(line["action"], str(line.get("text", ""))[:_TEXT_LENGTH]) for line in lines]
    return [verdict for verdict in found if verdict.action != _QUIET][:_MOST_LINES]
