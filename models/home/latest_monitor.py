"""The latest result of the monitor, kept in the home for server and retraining; it names no lead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from models.bundle.files import replace_text
from models.home.home import Home


def write_latest(home: Home, result: Mapping[str, Any]) -> None:
    """Replaces the latest result in one step; a reader sees the old one or the new one.

    Raises:
        WriteError: the disk is full or refuses; the old one stays.
    """
    replace_text(home.monitor_file, json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n")


def read_latest(home: Home) -> Mapping[str, Any] | None:
    """Reads the latest result; None where there is none, or what is there is no result."""
    try:
        found = json.loads(home.monitor_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("verdict"), dict) else None
