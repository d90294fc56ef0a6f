"""Catalogues written by hand as TOML.

[[feature]]
measure = "count"
each_kind = ["call_outbound", "email_opened"]   # one feature for each kind
window_days = [7, 30]                           # and each window

[[feature]]
measure = "attribute"
attribute = ["country", "industry"]
type = "category"

[[feature]]
name = "days_since_last_contact"                # name and label are derived where they are left out
label = "Days since we last spoke"
measure = "days_since_last"
kinds = ["call_outbound", "call_inbound", "meeting_held"]   # one feature of all these kinds
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from features.catalog.measures import MEASURES
from features.catalog.spec import SALES_PREFIX, Feature, FeatureSet
from features.catalog.validation import FeatureDeclarationError, list_names
from features.catalog.wording import declare
from features.errors import LeadOddsError

# Fields whose list means one feature for each entry, and the field of the feature.
_EACH: Final[Mapping[str, str]] = {
    "each_kind": "kinds",
    "direction": "direction",
    "channel": "channel",
    "window_days": "window_days",
    "half_life_days": "half_life_days",
    "attribute": "attribute",
    "part": "part",
    "scope": "scope",
}


class CatalogueFileError(LeadOddsError):
    """A catalogue that cannot be read."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"The catalogue {path} {fault}. Write each feature below a line [[feature]].")


def load_catalogue(path: str | Path) -> FeatureSet:
    """Reads a catalogue.

    Args:
        path: a TOML file with a `[[feature]]` for each declaration, or for several at once.

    Raises:
        CatalogueFileError: the file does not exist, is not TOML, or holds no feature.
        FeatureDeclarationError: a declaration is faulty, or two features have the same name.
    """
    tables = _read_tables(Path(path))
    features = tuple(feature for table in tables for feature in _expand(table))
    for feature in features:
        if feature.name.startswith(SALES_PREFIX):
            fault = f"has a name that begins with {SALES_PREFIX}, which is reserved for the sales side"
            raise FeatureDeclarationError(feature.name, fault, "Choose another name.")
    return FeatureSet(features)


def write_catalogue(path: str | Path, feature_set: FeatureSet) -> None:
    """Writes a catalogue that `load_catalogue` reads back as the same feature set.

    Args:
        path: the TOML file; an existing file is replaced.
        feature_set: such as the default catalogue of a history with a feature of your own.
    """
    Path(path).write_text("\n".join(map(_declaration, feature_set.features)), encoding="utf-8")


def _declaration(feature: Feature) -> str:
    """Writes one feature without the fields that its measure implies."""
    rule = MEASURES[feature.measure]
    implied: dict[str, object] = {field.name: field.default for field in fields(Feature)}
    # The type of an attribute is always written.
    of_type = None if feature.measure == "attribute" else rule.type
    implied |= {"unit": rule.unit, "missing": rule.missing, "type": of_type}
    values = {name: getattr(feature, name) for name in implied}
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value != implied[name]]
    return "\n".join(["[[feature]]", *lines, ""])


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # JSON texts and numbers are valid TOML, except for one character that TOML requires to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read_tables(path: Path) -> list[dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueFileError(path, f"cannot be opened: {error.strerror}") from None
    except ValueError as error:
        raise CatalogueFileError(path, f"is not TOML in UTF-8: {error}") from None
    tables = content.get("feature")
    if set(content) != {"feature"} or not isinstance(tables, list) or not tables:
        raise CatalogueFileError(
            path, list_names("must hold a list named feature, but holds", content or ["nothing"])[:-1]
        )
    return tables


def _expand(table: Mapping[str, Any]) -> Iterator[Feature]:
    name, measure = str(table.get("name", "")), table.get("measure")
    if not isinstance(measure, str):
        raise FeatureDeclarationError(name, "has no measure", 'Add measure = "count" or another one.')
    if measure == "attribute" and "type" not in table:
        raise FeatureDeclarationError(name, "has no type", 'Add type = "number", "boolean" or "category".')
    if "each_kind" in table and "kinds" in table:
        raise FeatureDeclarationError(name, "has both kinds and each_kind", "Keep one of them.")
    lists = {key: table[key] for key in _EACH if isinstance(table.get(key), list)}
    several = [key for key, values in lists.items() if len(values) != 1]
    if several and not {"name", "label"}.isdisjoint(table):
        fault = f"has one name or label, but several features by {several[0]}"
        raise FeatureDeclarationError(
            name, fault, "Leave name and label out, or write one [[feature]] for each."
        )
    fixed = {
        key: _listed(key, value) for key, value in table.items() if key not in lists and key != "measure"
    }
    for combination in itertools.product(*lists.values()):
        each = {_EACH[key]: _listed(key, value) for key, value in zip(lists, combination, strict=True)}
        yield declare(measure, **fixed, **each)


def _listed(key: str, value: object) -> object:
    # A single kind may be written without brackets.
    return [value] if key.endswith(("kinds", "each_kind")) and isinstance(value, str) else value
