"""Features of the lead itself and of the calendar: attributes, age, hour, weekday, day, month."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from features.catalog.spec import Feature
from features.engine.matrix import Examples
from features.errors import LeadOddsError
from features.history.known import attribute_values, created_known
from features.history.lead_history import Floats, Ints, LeadHistory
from features.history.subset import attribute_as
from features.times import US_PER_DAY, US_PER_HOUR

# Built once: parsing their names takes as long as using them.
_US, _DAYS, _MONTHS = (np.dtype(f"datetime64[{unit}]") for unit in ("us", "D", "M"))
# Moments that a feature may describe.
_CREATED, _AS_OF = 0, 1


class AttributeTypeError(LeadOddsError):
    """An attribute that is a category where the feature declares numbers, or the reverse."""

    def __init__(self, name: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"The attribute {name} is a {found} here, but the feature was declared for a {expected}. "
            f"Correct its values, or declare the attribute as a {found} and train again."
        )


@dataclass(frozen=True, slots=True)
class LeadFactPlan:
    """Features of the lead and the calendar, in the order of computation: clocks, ages, dates, attributes.

    Attributes:
        order: (features,) position of each feature among those that were planned.
        moments: (clocks,) moment that each clock (hour or weekday) describes.
        clocks: (clocks, 4, 1) unit in microseconds, added units, modulus, added at the end.
        ages: number of features that are the age of the lead.
        dates: features that are a day or month.
        attributes: features that are an attribute.
    """

    order: Ints
    moments: Ints
    clocks: Ints
    ages: int
    dates: tuple[Feature, ...]
    attributes: tuple[Feature, ...]


def plan_lead_facts(features: Sequence[Feature]) -> LeadFactPlan:
    """Plans features of the lead and of the calendar."""
    groups: list[list[int]] = [[], [], [], []]
    for position, feature in enumerate(features):
        groups[_group_of(feature)].append(position)
    clocks, ages, dates, attributes = groups
    parts = [_part_of(features[position]) for position in clocks]
    return LeadFactPlan(
        np.array([position for group in groups for position in group], dtype=np.int64),
        np.array([moment for moment, _ in parts], dtype=np.int64),
        np.array([_CLOCKS[unit] for _, unit in parts], dtype=np.int64).reshape(-1, 4).T[:, :, None],
        len(ages),
        tuple(features[position] for position in dates),
        tuple(features[position] for position in attributes),
    )


def compute_lead_facts(plan: LeadFactPlan, history: LeadHistory, examples: Examples, out: Floats) -> None:
    """Fills in (features, examples) values of features of the lead and of the calendar.

    Raises:
        AttributeTypeError: an attribute holds categories where numbers are declared, or the reverse.
    """
    moments = np.empty((2, len(examples.lead)), dtype=np.int64)
    moments[_CREATED] = created_known(history, examples.lead, examples.as_of)
    moments[_AS_OF] = examples.as_of
    filled = len(plan.moments)
    if filled:
        unit, added, modulus, first = plan.clocks
        time = moments.take(plan.moments, axis=0)
        time //= unit
        time += added
        time %= modulus
        np.add(time, first, out=out[:filled])
    if plan.ages:
        np.divide(moments[_AS_OF] - moments[_CREATED], US_PER_DAY, out=out[filled : filled + plan.ages])
        filled += plan.ages
    for feature in plan.dates:
        moment, unit_name = _part_of(feature)
        out[filled] = _DATES[unit_name](moments[moment])
        filled += 1
    if len(examples.lead) == 1:
        out[filled:, 0] = [_attribute(feature, history, examples) for feature in plan.attributes]
    else:
        for feature in plan.attributes:
            out[filled] = _attribute(feature, history, examples)
            filled += 1


def _group_of(feature: Feature) -> int:
    if feature.measure == "attribute":
        return 3
    if feature.measure == "lead_age":
        return 1
    return 0 if _part_of(feature)[1] in _CLOCKS else 2


def _part_of(feature: Feature) -> tuple[int, str]:
    moment, _, unit = (feature.part or "").rpartition("_")
    return _AS_OF if moment == "as_of" else _CREATED, unit


def _attribute(feature: Feature, history: LeadHistory, examples: Examples) -> Floats | float:
    attribute = history.attributes.get(feature.attribute or "")
    if attribute is None:
        return np.nan
    if attribute.written is not None:
        attribute = attribute_as(attribute, feature.type, history.text_rule)
    values: Floats | float
    if len(examples.lead) > 1:
        values = attribute_values(attribute, examples.lead, examples.as_of)
    elif attribute.changes is None:
        values = attribute.values.item(examples.lead.item())
    else:
        values = attribute_values(attribute, examples.lead, examples.as_of).item()
    is_mixed = (attribute.type == "category") != (feature.type == "category")
    if is_mixed and not np.isnan(values).all():
        raise AttributeTypeError(feature.attribute or "", expected=feature.type, found=attribute.type)
    return values


def _day(us: Ints) -> Ints:
    day = us.astype(_US).astype(_DAYS)
    since_first: Ints = (day - day.astype(_MONTHS)).astype(np.int64)
    return since_first + 1


def _month(us: Ints) -> Ints:
    months = us.astype(_US).astype(_MONTHS).astype(np.int64)
    return months % 12 + 1


# Unit, added units, modulus, added at the end: 1970-01-01 was a Thursday, three days after a Monday.
_CLOCKS: Final[Mapping[str, tuple[int, int, int, int]]] = MappingProxyType(
    {"hour": (US_PER_HOUR, 0, 24, 0), "weekday": (US_PER_DAY, 3, 7, 1)}
)
_DATES: Final[Mapping[str, Callable[[Ints], Ints]]] = MappingProxyType({"day": _day, "month": _month})
