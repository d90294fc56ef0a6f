"""Declarations of features: what is measured of which interactions over which window.

A declaration holds no data. A feature set is the ordered tuple of them; its version is the hash of what they
say, so that a model and the features it was trained on cannot drift apart unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Literal

from features.catalog.validation import FeatureDeclarationError, check_declaration, words
from features.history.lead_history import AttributeType

Direction = Literal["inbound", "outbound"]
Scope = Literal["lead", "account"]


# Names no other feature may begin with.
SALES_PREFIX: Final = "sales_side_"


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared column.

    Attributes:
        name: `<what>_<measure>_<window>`, unique in its set.
        measure: a key of `features.catalog.measures.MEASURES`.
        label: for people, without a final stop: "Calls in the last 7 days".
        unit: of the values.
        missing: what a missing value says.
        type: number, boolean (0 or 1) or category (codes).
        kinds: only interactions of these kinds; empty: of every kind.
        direction: only interactions of this direction.
        channel: only interactions by this channel.
        window_days: only interactions of age below it; None: all that is known.
        half_life_days: age at which an interaction counts for one half.
        scope: interactions of the lead, or of every lead of its account.
        attribute: name of the attribute.
        part: of the calendar.
        before_kinds: kinds that end what is measured (`self_education_share`).

    Raises:
        FeatureDeclarationError: the measure is unknown, or does not go with the fields that are set.
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

    def __post_init__(self) -> None:
        check_declaration({field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True)
class FeatureSet:
    """Features in their order.

    Raises:
        FeatureDeclarationError: two features have one name.
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
        """Names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Row of each name in a matrix of these features."""
        return {name: row for row, name in enumerate(self.names)}

    def to_json(self) -> str:
        """Writes the declarations as canonical JSON: fields sorted, those that say nothing left out.

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


def feature_of_record(record: Mapping[str, Any]) -> Feature:
    """Makes a feature of a record of its fields.

    Args:
        record: fields as JSON or TOML hold them: lists for tuples, those that say nothing left out.

    Raises:
        FeatureDeclarationError: a field is unknown, missing or of the wrong type.
    """
    name = str(record.get("name", ""))
    known = {field.name for field in fields(Feature)}
    for key in record:
        if key not in known:
            raise FeatureDeclarationError(
                name, f"has a field {key!r} that is not known", words("Fields are", known)
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
