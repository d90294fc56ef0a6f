"""Settings of a history: `history.toml` beside its tables, or the table `history_settings` of a database.

They are stored with the history because they define the meaning of its cells for every reader.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from features.errors import LeadOddsError
from features.history.text_rule import MISSING, TEXT_RULE, TextRule

SETTINGS_FILE: Final = "history.toml"
SETTINGS_TABLE: Final = "history_settings"
# Columns of the table: a key, and its value as TOML.
SETTINGS_COLUMNS: Final = ("key", "value")


class HistorySettingsError(LeadOddsError):
    """Settings of a history that cannot be used."""

    def __init__(self, place: str, *, fault: str) -> None:
        super().__init__(f"The settings of the history in {place} cannot be used: {fault}")


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The settings of a history.

    Attributes:
        missing: spellings of a missing cell.
    """

    missing: tuple[str, ...] = MISSING

    @property
    def text_rule(self) -> TextRule:
        """Rule by which the cells of the history are read."""
        return TextRule(TEXT_RULE.number, self.missing)


def read_settings(folder: Path) -> HistorySettings:
    """Reads `history.toml` of a folder; the defaults where there is none.

    Raises:
        HistorySettingsError: the file is not UTF-8 or not TOML, or a key or value in it is invalid.
    """
    path = folder / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return HistorySettings()
    except (OSError, UnicodeDecodeError) as error:
        raise HistorySettingsError(SETTINGS_FILE, fault=f"{error}.") from None
    return parse_settings(text, SETTINGS_FILE)


def settings_of_rows(rows: Iterable[tuple[str, str]]) -> HistorySettings:
    """Reads rows of the table `history_settings`: keys, and their values as TOML.

    Raises:
        HistorySettingsError: a value is not TOML, or a key or value is invalid.
    """
    text = "\n".join(f"{key} = {value}" for key, value in rows)
    return parse_settings(text, SETTINGS_TABLE)


def parse_settings(text: str, place: str) -> HistorySettings:
    """Reads settings written as TOML.

    Args:
        text: the settings.
        place: name of their file or table, for messages.

    Raises:
        HistorySettingsError: as `read_settings`.

    >>> parse_settings('missing = ["unknown"]', "history.toml")
    HistorySettings(missing=('unknown',))
    """
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HistorySettingsError(place, fault=f"they are not TOML, {error}.") from None
    read: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in _READERS:
            near = get_close_matches(key, _READERS, n=1) or sorted(_READERS)
            raise HistorySettingsError(place, fault=f"{key} is no setting; did you mean {near[0]}?")
        try:
            read[key] = _READERS[key](value)
        except ValueError as error:
            raise HistorySettingsError(place, fault=f"{key} should be {error}.") from None
    return HistorySettings(**read)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError('a list of texts, such as ["NULL", "n/a"]')
    return tuple(value)


_READERS: Final[Mapping[str, Callable[[object], Any]]] = {"missing": _texts}
