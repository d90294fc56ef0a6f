"""Directions that the configuration holds features to: whether there are such features, and can be held."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from features.catalog.spec import FeatureSet
from features.errors import LeadOddsError


class MonotonicError(LeadOddsError):
    """A direction for a feature that is not there, or that has no order."""

    def __init__(self, name: str, *, fault: str, remedy: str) -> None:
        super().__init__(f"monotonic names {name}, which {fault}. {remedy}")


def check_monotonic(monotonic: Mapping[str, str], feature_set: FeatureSet) -> None:
    """Refuses directions that could not be held.

    Args:
        monotonic: direction by name of feature.
        feature_set: every feature that any origin may use.

    Raises:
        MonotonicError: a name is no feature, or a category.
    """
    types = {feature.name: feature.type for feature in feature_set.features}
    for name in monotonic:
        if name not in types:
            near = ", ".join(get_close_matches(name, types)) or "see leadodds features HISTORY"
            raise MonotonicError(name, fault="is no feature of this history", remedy=f"Near to it: {near}.")
        if types[name] == "category":
            raise MonotonicError(name, fault="is a category", remedy="Categories neither rise nor fall.")
