"""Reads and writes the settings of a history: `history.toml`, or the table `history_settings` of a database.

They are stored with the history because they define the meaning of its cells for every reader.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from features.errors import LeadOddsError
from features.history.settings import (
    NUMBER_FORMATS,
    TIME_FORMATS,
    Format,
    HistorySettings,
    SettingError,
    toml_key,
    toml_value,
)
from features.history.text_rule import MISSING
from features.tables.schema import NUMBER_COLUMNS, REQUIRED, TIME_COLUMNS

SETTINGS_FILE: Final = "history.toml"
SETTINGS_TABLE: Final = "history_settings"
# Columns of the table: a key, and its value as TOML.
SETTINGS_COLUMNS: Final = ("key", "value")


class HistorySettingsError(LeadOddsError):
    """Settings of a history that cannot be used."""

    def __init__(self, place: str, *, fault: str) -> None:
        super().__init__(f"The settings of the history in {place} cannot be used: {fault}")


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
    """Reads rows of the table `history_settings`: keys, dotted where they are nested, and values as TOML.

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

    >>> parse_settings('missing = ["unknown"]', "history.toml").text_rule.missing
    ('unknown',)
    """
    try:
        record = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HistorySettingsError(place, fault=f"they are not TOML, {error}.") from None
    try:
        settings = HistorySettings.from_json(record)
    except SettingError as error:
        raise HistorySettingsError(place, fault=str(error)) from None
    for table, columns in settings.formats.items():
        if table not in REQUIRED:
            fault = f"formats.{table} is no table; the tables are {', '.join(REQUIRED)}."
            raise HistorySettingsError(place, fault=fault)
        for column, format_ in columns.items():
            _check_format(table, column, format_, place)
    return settings


def _check_format(table: str, column: str, format_: Format, place: str) -> None:
    """Refuses a format of times for a column of numbers, and the other way round."""
    is_time, is_number = (column in of.get(table, ()) for of in (TIME_COLUMNS, NUMBER_COLUMNS))
    choices = TIME_FORMATS if is_time else NUMBER_FORMATS if is_number else (*NUMBER_FORMATS, *TIME_FORMATS)
    if format_ not in choices:
        listed = ", ".join(f'"{choice}"' for choice in choices)
        raise HistorySettingsError(place, fault=f"formats.{table}.{column} should be one of {listed}.")


def write_settings(folder: Path, settings: HistorySettings) -> None:
    """Writes `history.toml` into a folder, for `read_settings`; an existing file is replaced."""
    (folder / SETTINGS_FILE).write_text(settings_text(settings), encoding="utf-8")


def settings_text(settings: HistorySettings) -> str:
    """Writes settings as TOML, in a fixed order: a line for a key, a section for each table and attribute.

    >>> made = HistorySettings(zone="UTC", formats={"outcomes": {"occurred_at": "date"}})
    >>> print(settings_text(made), end="")
    zone = "UTC"
    <BLANKLINE>
    [formats.outcomes]
    occurred_at = "date"
    """
    sections: dict[tuple[str, ...], list[str]] = {(): []}
    for path, value in _entries(settings):
        sections.setdefault(path[:-1], []).append(f"{_key(path[-1:])} = {value}\n")
    texts = [
        "".join(lines) if not path else f"[{_key(path)}]\n{''.join(lines)}"
        for path, lines in sections.items()
    ]
    return "\n".join(text for text in texts if text)


def settings_rows(settings: HistorySettings) -> list[tuple[str, str]]:
    """Writes settings as rows of the table `history_settings`, which `settings_of_rows` reads.

    >>> settings_rows(HistorySettings(zone="UTC", formats={"outcomes": {"occurred_at": "date"}}))
    [('zone', '"UTC"'), ('formats.outcomes.occurred_at', '"date"')]
    """
    return [(_key(path), value) for path, value in _entries(settings)]


def _entries(settings: HistorySettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Gives every key as its path, and its value as TOML; what is not said is left out."""
    record = settings.to_json()
    if "exported_at" in record:
        # A time of TOML stands without quotes.
        yield ("exported_at",), record.pop("exported_at")
    if settings.text_rule.missing != MISSING:
        record = {"missing": list(settings.text_rule.missing), **record}
    yield from _flat(record, ())


def _flat(record: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*path, name))
        else:
            yield (*path, name), toml_value(value)


def _key(path: Iterable[str]) -> str:
    return ".".join(map(toml_key, path))
