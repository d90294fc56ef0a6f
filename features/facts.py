"""Features of the lead itself and of the calendar: attributes, age, hour, weekday, day, month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from features.columns import Floats, Ints, LeadHistory
from features.errors import LeadOddsError
from features.known import attribute_values
from features.matrix import Examples
from features.spec import Feature
from features.times import US_PER_DAY, US_PER_HOUR

# 1970-01-01 was a Thursday: three days after a Monday.
_DAYS_AFTER_MONDAY: Final = 3


class AttributeTypeError(LeadOddsError):
    """An attribute that is text where the model learnt numbers, or the other way round."""

    def __init__(self, name: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"The attribute {name} is a {found} here, but the feature was declared for a {expected}. "
            f"Correct its values, or declare the attribute as a {found} and train again."
        )


def measure_fact(feature: Feature, history: LeadHistory, examples: Examples) -> Floats:
    """Gives (examples,) values of one feature of the lead or of the calendar.

    Raises:
        AttributeTypeError: the attribute holds categories where numbers are declared, or the reverse.
    """
    if feature.measure == "attribute":
        return _attribute(feature, history, examples)
    if feature.measure == "lead_age":
        return (examples.as_of - history.created_at[examples.lead]) / US_PER_DAY
    moment, _, unit = (feature.part or "").rpartition("_")
    us = examples.as_of if moment == "as_of" else history.created_at[examples.lead]
    return _UNITS[unit](us).astype(np.float64)


def _attribute(feature: Feature, history: LeadHistory, examples: Examples) -> Floats:
    attribute = history.attributes.get(feature.attribute or "")
    if attribute is None:
        return np.full(len(examples.lead), np.nan)
    values = attribute_values(attribute, examples.lead, examples.as_of)
    is_mixed = (attribute.type == "category") != (feature.type == "category")
    if is_mixed and not np.isnan(values).all():
        raise AttributeTypeError(feature.attribute or "", expected=feature.type, found=attribute.type)
    return values


def _hour(us: Ints) -> Ints:
    return us // US_PER_HOUR % 24


def _weekday(us: Ints) -> Ints:
    return (us // US_PER_DAY + _DAYS_AFTER_MONDAY) % 7 + 1


def _day(us: Ints) -> Ints:
    day = us.astype("datetime64[us]").astype("datetime64[D]")
    since_first: Ints = (day - day.astype("datetime64[M]")).astype(np.int64)
    return since_first + 1


def _month(us: Ints) -> Ints:
    months = us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return months % 12 + 1


_UNITS: Final[Mapping[str, Callable[[Ints], Ints]]] = MappingProxyType(
    {"hour": _hour, "weekday": _weekday, "day": _day, "month": _month}
)
