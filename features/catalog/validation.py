"""Validation of a declaration: its fields have the right type, and its measure uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from features.catalog.measures import CALENDAR_PARTS, MEASURES, Measure
from features.errors import LeadOddsError
from features.history.lead_history import DIRECTIONS
from features.history.settings import HistorySettings
from features.times import LONGEST_DAYS

# Types by field; fields not here are text.
_TYPES: Final[Mapping[str, Any]] = {
    "kinds": tuple,
    "before_kinds": tuple,
    "except_kinds": tuple,
    "window_days": (int, float),
    "half_life_days": (int, float),
    "account_limit": int,
}
_CHOICES: Final[Mapping[str, Iterable[str]]] = {
    "measure": MEASURES,
    "type": ("number", "boolean", "category"),
    "direction": DIRECTIONS,
    "scope": ("lead", "account"),
    "part": CALENDAR_PARTS,
}
_NONE_FIELDS: Final = ("direction", "channel", "window_days", "half_life_days", "attribute", "part")
_MAY_BE_NONE: Final = (*_NONE_FIELDS, "account_limit")
_MEASURE_FIELDS: Final = ("kinds", "before_kinds", "except_kinds", *_NONE_FIELDS)


class FeatureDeclarationError(LeadOddsError):
    """A declaration that cannot be computed as written."""

    def __init__(self, name: str, fault: str, remedy: str) -> None:
        super().__init__(
            f"The feature {name!r} {fault}. {remedy}" if name else f"A feature {fault}. {remedy}"
        )


def check_declaration(declaration: Mapping[str, Any]) -> None:
    """Checks the fields of one feature against each other.

    Args:
        declaration: every field of `Feature`.

    Raises:
        FeatureDeclarationError: a field is invalid, the measure does not use it, or a needed field is not
            set.
    """
    for field, value in declaration.items():
        if value is not None or field not in _MAY_BE_NONE:
            _check_field(str(declaration["name"]), field, value)
    measure = MEASURES[declaration["measure"]]
    for field in _MEASURE_FIELDS:
        _check_use(declaration, measure, field)
    _check_scope_and_type(declaration, measure)


def check_attributes(attributes: Mapping[str, str], settings: HistorySettings) -> None:
    """Refuses features of attributes that the history keeps from models.

    Args:
        attributes: names of attributes by name of the feature.
        settings: of the history.

    Raises:
        FeatureDeclarationError: a feature uses such an attribute.
    """
    for name, attribute in attributes.items():
        said = settings.attribute(attribute)
        if said.is_feature:
            continue
        remedy = f'Leave the feature out, or write use = "feature" for {attribute!r} in history.toml.'
        if said.use == "protected":
            fault = f"uses the attribute {attribute!r}, which history.toml or protected_attributes protects"
            remedy = "Leave the feature out."
        elif said.use is not None:
            fault = f'uses the attribute {attribute!r}, whose use in history.toml is "{said.use}"'
        else:
            fault = f"uses the attribute {attribute!r}, which is known only as of the export by history.toml"
        raise FeatureDeclarationError(name, fault, remedy)


def list_names(start: str, names: Iterable[str]) -> str:
    """Writes a sentence that ends with a sorted list of names."""
    return f"{start} {', '.join(sorted(names))}."


def _check_field(name: str, field: str, value: Any) -> None:
    expected: Any = _TYPES.get(field, str)
    if not isinstance(value, expected) or isinstance(value, bool):
        remedy = "Write text in quotes, numbers without, kinds as a list."
        raise FeatureDeclarationError(name, f"has {field} = {value!r}, which is of the wrong type", remedy)
    if field in _CHOICES and value not in _CHOICES[field]:
        raise FeatureDeclarationError(
            name, f"has {field} = {value!r}", list_names("Use one of", _CHOICES[field])
        )
    if field in ("name", "label") and not value:
        raise FeatureDeclarationError(name, f"has an empty {field}", f"Give it a {field}.")
    if field.endswith("kinds") and not all(isinstance(kind, str) for kind in value):
        raise FeatureDeclarationError(name, f"has {field} = {value!r}", "Write kinds as a list of texts.")
    if field == "account_limit" and value < 1:
        raise FeatureDeclarationError(name, f"has {field} = {value}", "Use a number of interactions from 1.")
    if field.endswith("_days") and not 0 < value <= LONGEST_DAYS:
        remedy = f"Use days above 0, up to {LONGEST_DAYS}."
        raise FeatureDeclarationError(name, f"has {field} = {value}", remedy)


def _check_use(declaration: Mapping[str, Any], measure: Measure, field: str) -> None:
    is_set = declaration[field] not in (None, ())
    if is_set and field not in measure.takes:
        fault = f"sets {field}, which the measure {declaration['measure']} does not use"
        raise FeatureDeclarationError(declaration["name"], fault, f"Remove {field}.")
    if not is_set and field in measure.needs:
        fault = f"lacks {field}, which the measure {declaration['measure']} needs"
        raise FeatureDeclarationError(declaration["name"], fault, f"Add {field} = ...")


def _check_scope_and_type(declaration: Mapping[str, Any], measure: Measure) -> None:
    if declaration["scope"] == "account" and not measure.of_interactions:
        fault = f"has scope = account, but only leads have the measure {declaration['measure']}"
        raise FeatureDeclarationError(declaration["name"], fault, "Remove scope.")
    if declaration["account_limit"] is not None and declaration["scope"] != "account":
        fault = "sets account_limit without scope = account"
        raise FeatureDeclarationError(declaration["name"], fault, "Remove account_limit.")
    if declaration["measure"] != "attribute" and declaration["type"] != measure.type:
        fault = f"has the type {declaration['type']}, but its measure gives a {measure.type}"
        raise FeatureDeclarationError(declaration["name"], fault, f'Write type = "{measure.type}".')
