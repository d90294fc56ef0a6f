"""What a history says of itself: how its cells are written, when it was exported, what its attributes are.

It stands beside the tables, in `history.toml` or the table `history_settings`: `features.sources` reads and
writes both. It travels with the history through every door and is kept in the model card.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from features.errors import LeadOddsError
from features.history.text_rule import TEXT_RULE, TextRule
from features.times import format_time, parse_time, to_us

# When the values of an attribute in `leads` were known: at the creation of each lead, at the creation with
# the rest in `attribute_changes`, or only when the tables were exported.
Known = Literal["creation", "changes", "export"]
# What an attribute is for: features; to be shown; to compare groups of leads; or nothing.
Use = Literal["feature", "display", "protected", "ignore"]
# How the numbers of a column are written, shown by the number 1234.5.
NumberFormat = Literal["1,234.5", "1.234,5"]
# The order of a date in a column; `date` is any time of which only the day counts.
TimeFormat = Literal["day/month/year", "month/day/year", "date"]
Format = NumberFormat | TimeFormat

NUMBER_FORMATS: Final[tuple[NumberFormat, NumberFormat]] = get_args(NumberFormat)
TIME_FORMATS: Final[tuple[TimeFormat, ...]] = get_args(TimeFormat)


@dataclass(frozen=True, slots=True)
class AttributeSettings:
    """What is said of one attribute.

    Attributes:
        known: when its values in `leads` were known; None: nothing is said, and they count from creation on.
        use: what it is for; None: nothing is said.
    """

    known: Known | None = None
    use: Use | None = None

    @property
    def is_read(self) -> bool:
        """Whether its values belong to the history in memory; others stay in the tables."""
        return self.use not in ("display", "ignore")

    @property
    def is_feature(self) -> bool:
        """Whether a model may use it; what is known only as of the export has to be allowed by name."""
        return self.use == "feature" or (self.use is None and self.known != "export")

    def to_json(self) -> dict[str, str]:
        """Gives what is said, by key."""
        said = {"known": self.known, "use": self.use}
        return {key: value for key, value in said.items() if value is not None}


# Rules by which rows count as machine-made, and the number where all count: see
# `features.history.machine_made`, which applies them.
MACHINE_RULES: Final = 1
COUNT_ALL: Final = 0

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_UNSAID: Final = AttributeSettings()


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The settings of a history.

    Attributes:
        text_rule: rule by which its cells become texts, with its spellings of a missing cell.
        exported_at: when the tables were exported, microseconds UTC; None where it is not said.
        zone: IANA name of the zone of times that carry none; None: such times are refused.
        formats: by table and column, how numbers or times are written.
        attributes: by name of the attribute.
        machine_rules: number of the rules by which rows are left out as machine-made; see
            `features.history.machine_made`. It is no key of `history.toml`: the model says it.
    """

    text_rule: TextRule = TEXT_RULE
    exported_at: int | None = None
    zone: str | None = None
    formats: Mapping[str, Mapping[str, Format]] = field(default_factory=dict)
    attributes: Mapping[str, AttributeSettings] = field(default_factory=dict)
    machine_rules: int = MACHINE_RULES

    @property
    def displayed(self) -> tuple[str, ...]:
        """Names of the attributes that are shown only, in their order."""
        return tuple(name for name, said in self.attributes.items() if said.use == "display")

    @property
    def protected(self) -> frozenset[str]:
        """Names of the attributes that are only compared by, and are neither features nor in any list."""
        return frozenset(name for name, said in self.attributes.items() if said.use == "protected")

    def with_protected(self, names: Iterable[str]) -> HistorySettings:
        """Makes attributes protected, whatever is said of their use."""
        said = {name: replace(self.attribute(name), use="protected") for name in names}
        return replace(self, attributes={**self.attributes, **said}) if said else self

    def attribute(self, name: str) -> AttributeSettings:
        """Gives what is said of an attribute."""
        return self.attributes.get(name, _UNSAID)

    def is_read(self, name: str) -> bool:
        """Tells whether an attribute belongs to the history in memory."""
        return self.attribute(name).is_read

    def is_feature(self, name: str) -> bool:
        """Tells whether a model may use an attribute."""
        return self.attribute(name).is_feature

    def format_of(self, table: str, column: str) -> Format | None:
        """Gives how a column is written; None where it is not said."""
        return self.formats.get(table, {}).get(column)

    def for_model(self, model: HistorySettings) -> HistorySettings:
        """Gives the settings by which a model reads this history.

        Missing cells and attributes are those of the model. How cells are written is a property of these
        tables: what they do not say of themselves is as in the tables of the training.
        """
        formats = {
            table: {**model.formats.get(table, {}), **self.formats.get(table, {})}
            for table in dict.fromkeys([*model.formats, *self.formats])
        }
        return replace(model, exported_at=self.exported_at, zone=self.zone or model.zone, formats=formats)

    def with_formats(self, decided: Mapping[str, Mapping[str, Format]]) -> HistorySettings:
        """Adds how columns are written; what is stated already stays."""
        formats = {table: dict(columns) for table, columns in self.formats.items()}
        for table, columns in decided.items():
            if columns:
                formats[table] = {**columns, **formats.get(table, {})}
        return replace(self, formats=formats)

    def to_json(self) -> dict[str, Any]:
        """Converts all but the two rules to JSON, without what is not said; {} where nothing is."""
        attributes = {name: self.attributes[name].to_json() for name in sorted(self.attributes)}
        record = {
            "exported_at": None if self.exported_at is None else format_time(self.exported_at),
            "zone": self.zone,
            "formats": {table: dict(self.formats[table]) for table in sorted(self.formats)},
            "attributes": {name: said for name, said in attributes.items() if said},
        }
        return {key: value for key, value in record.items() if value}

    @classmethod
    def from_json(cls, record: Mapping[str, Any], text_rule: TextRule = TEXT_RULE) -> HistorySettings:
        """Reads the JSON of `to_json`, or the same keys and `missing` as TOML gives them.

        Raises:
            SettingError: a key or value is invalid.
        """
        read: dict[str, Any] = {}
        for key, value in record.items():
            if key not in _READERS:
                raise SettingError.of_key(key, key, _READERS)
            read[key] = _READERS[key](value, key)
        missing = read.pop("missing", None)
        rule = text_rule if missing is None else TextRule(text_rule.number, missing)
        return cls(rule, **read)


def stated_line(table: str, column: str, format_: Format) -> str:
    """Gives the line of `history.toml` that states how a column is written.

    >>> stated_line("leads", "annual revenue", "1,234.5")
    'formats.leads."annual revenue" = "1,234.5"'
    """
    return f'formats.{table}.{toml_key(column)} = "{format_}"'


def toml_key(name: str) -> str:
    """Writes one key of TOML, in quotes where it needs them."""
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)


def toml_value(value: str | list[str]) -> str:
    """Writes a text, or a list of texts, as TOML."""
    # JSON texts are valid TOML, except for one character that TOML requires to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class SettingError(LeadOddsError):
    """A key or value that is no setting of a history."""

    @classmethod
    def of_key(cls, path: str, key: str, known: Mapping[str, object]) -> SettingError:
        """Says which key may be meant, else which keys there are."""
        near = get_close_matches(key, known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}."
        return cls(f"{path} is no setting; {remedy}")

    @classmethod
    def of_value(cls, key: str, expected: str) -> SettingError:
        """Says what the value of a key should be."""
        return cls(f"{key} should be {expected}.")


def _texts(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise SettingError.of_value(key, 'a list of texts, such as ["NULL", "n/a"]')
    return tuple(value)


def _instant(value: object, key: str) -> int:
    expected = "a time with a zone, such as 2026-05-01T12:00:00Z"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return to_us(value.astimezone(UTC))
    try:
        return parse_time(value if isinstance(value, str) else "")
    except LeadOddsError:
        raise SettingError.of_value(key, expected) from None


def _zone(value: object, key: str) -> str:
    # Imported here: a server, which reads times with a zone only, does not need it.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = 'the name of a zone, such as "Europe/Amsterdam" or "UTC"'
        raise SettingError.of_value(key, expected) from None
    return str(value)


def _formats(value: object, key: str) -> dict[str, dict[str, Format]]:
    return {
        table: {
            column: _one_of(format_, f"{key}.{table}.{column}", (*NUMBER_FORMATS, *TIME_FORMATS))
            for column, format_ in _table(columns, f"{key}.{table}").items()
        }
        for table, columns in _table(value, key).items()
    }


def _attributes(value: object, key: str) -> dict[str, AttributeSettings]:
    return {name: _attribute(said, f"{key}.{name}") for name, said in _table(value, key).items()}


def _attribute(value: object, key: str) -> AttributeSettings:
    said = _table(value, key)
    for name in said:
        if name not in _CHOICES:
            raise SettingError.of_key(f"{key}.{name}", name, _CHOICES)
    return AttributeSettings(**{name: _one_of(said[name], f"{key}.{name}", _CHOICES[name]) for name in said})


def _table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingError.of_value(key, "a table of keys")
    return value


def _one_of(value: object, key: str, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise SettingError.of_value(key, "one of " + ", ".join(f'"{choice}"' for choice in choices))
    return value


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"known": get_args(Known), "use": get_args(Use)}
)
_READERS: Final[Mapping[str, Callable[[object, str], Any]]] = MappingProxyType(
    {
        "missing": _texts,
        "exported_at": _instant,
        "zone": _zone,
        "formats": _formats,
        "attributes": _attributes,
    }
)
