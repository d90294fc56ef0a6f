"""Declarations of features: which measure of which interactions over which window.

A declaration holds no data. A feature set is an ordered tuple of declarations. Its version is a hash of them:
a model always names the exact features it was trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Literal

from features.catalog.validation import FeatureDeclarationError, check_declaration, list_names
from features.history.lead_history import AttributeType, Direction

Scope = Literal["lead", "account"]


# Reserved: only features of the sales side have names with this prefix.
SALES_PREFIX: Final = "sales_side_"


@dataclass(frozen=True, slots=True)
class Feature:
    """The declaration of one feature.

    Attributes:
        name: `<what>_<measure>_<window>`, unique in its set.
        measure: a key of `features.catalog.measures.MEASURES`.
        label: for people, without a final stop: "Calls in the last 7 days".
        unit: unit of the values.
        missing: meaning of a missing value.
        type: number, boolean (0 or 1) or category (codes).
        kinds: only interactions of these kinds; empty: of every kind.
        except_kinds: no interactions of these kinds.
        direction: only interactions of this direction.
        channel: only interactions of this channel.
        window_days: only interactions with an age below it; None: all known interactions.
        half_life_days: age at which the weight of an interaction is one half.
        scope: interactions of the lead, or of all leads of its account.
        account_limit: of an account of which more interactions are known, the feature is missing: it is
            hardly one company, and a score must not read all of its rows; None: no limit.
        attribute: name of the attribute.
        part: part of the calendar.
        before_kinds: kinds whose first interaction ends the period (`self_education_share`).

    Raises:
        FeatureDeclarationError: the measure is unknown, or does not use a field that is set.
    """

    name: str
    measure: str
    label: str
    unit: str = ""
    missing: str = ""
    type: AttributeType = "number"
    kinds: tuple[str, ...] = ()
    direction: Direction | None = None
    channel: str | None = None
    window_days: float | None = None
    half_life_days: float | None = None
    scope: Scope = "lead"
    attribute: str | None = None
    part: str | None = None
    before_kinds: tuple[str, ...] = ()
    except_kinds: tuple[str, ...] = ()
    account_limit: int | None = None

    def __post_init__(self) -> None:
        check_declaration({field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True)
class FeatureSet:
    """An ordered set of features.

    Raises:
        FeatureDeclarationError: two features have the same name.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for feature in self.features:
            if feature.name in seen:
                raise FeatureDeclarationError(
                    feature.name, "is declared twice", "Give each feature a name of its own."
                )
            seen.add(feature.name)

    @cached_property
    def version(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def attribute_types(self) -> Mapping[str, AttributeType]:
        """Type of each attribute that these features read; of several, that of the first feature."""
        types: dict[str, AttributeType] = {}
        for feature in self.features:
            if feature.attribute is not None:
                types.setdefault(feature.attribute, feature.type)
        return types

    @cached_property
    def account_limit(self) -> int | None:
        """Known interactions of an account above which no feature of accounts has a value; None: no limit."""
        limits = [feature.account_limit for feature in self.features if feature.scope == "account"]
        known = [limit for limit in limits if limit is not None]
        return max(known) if known and len(known) == len(limits) else None

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Row of each feature in a matrix of these features, by name."""
        return {name: row for row, name in enumerate(self.names)}

    def to_json(self) -> str:
        """Writes the declarations as canonical JSON: fields are sorted, and fields at their default left out.

        >>> FeatureSet((Feature("calls_7d", "count", "Calls", kinds=("call",), window_days=7),)).to_json()
        '[{"kinds":["call"],"label":"Calls","measure":"count","name":"calls_7d","window_days":7.0}]'
        """
        declarations = [_to_record(feature) for feature in self.features]
        return json.dumps(
            declarations, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    @classmethod
    def from_json(cls, text: str) -> FeatureSet:
        """Reads what `to_json` wrote.

        Raises:
            FeatureDeclarationError: the text is not a list of declarations, or one of them is faulty.
        """
        try:
            declarations = json.loads(text)
        except json.JSONDecodeError as error:
            raise FeatureDeclarationError("", f"cannot be read: {error}", "Restore the file.") from None
        if not isinstance(declarations, list) or not all(isinstance(record, dict) for record in declarations):
            raise FeatureDeclarationError("", "is not in a list of declarations", "Restore the file.")
        return cls(tuple(feature_of_record(record) for record in declarations))


def attributes_of(features: Iterable[Feature]) -> dict[str, str]:
    """Gives the attributes that features use, by name of the feature."""
    return {feature.name: feature.attribute for feature in features if feature.attribute is not None}


def feature_of_record(record: Mapping[str, Any]) -> Feature:
    """Builds a feature from a record of its fields.

    Args:
        record: fields as in JSON or TOML: lists for tuples, fields at their default left out.

    Raises:
        FeatureDeclarationError: a field is unknown, missing or of the wrong type.
    """
    name = str(record.get("name", ""))
    known = {field.name for field in fields(Feature)}
    for key in record:
        if key not in known:
            raise FeatureDeclarationError(
                name, f"has a field {key!r} that is not known", list_names("Fields are", known)
            )
    for key in ("name", "measure", "label"):
        if key not in record:
            raise FeatureDeclarationError(name, f"has no {key}", f"Add {key} = ...")
    values: dict[str, Any] = {key: _frozen(value) for key, value in record.items()}
    return Feature(**values)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _to_record(feature: Feature) -> dict[str, object]:
    values = ((field, getattr(feature, field.name)) for field in fields(Feature))
    return {
        field.name: float(value) if field.name.endswith("_days") else value
        for field, value in values
        if value not in (None, (), "") and value != field.default
    }
