"""The feature set of each origin, derived from what was known then, and the union that is computed once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from features.catalog.catalog_files import load_catalogue
from features.catalog.default_catalog import default_catalogue
from features.catalog.spec import Feature, FeatureSet, attributes_of
from features.catalog.validation import check_attributes
from features.errors import LeadOddsError
from features.history.known import current_at
from features.history.lead_history import LeadHistory
from training.config import TrainingConfig


def catalogues_known_at(
    history: LeadHistory, moments: Sequence[int], declared: FeatureSet | None, *, config: TrainingConfig
) -> tuple[FeatureSet, ...]:
    """Takes the configured catalogue, or derives the default one from what was known at each moment."""
    if config.catalogue is not None:
        declared = load_catalogue(config.catalogue) if declared is None else declared
        check_attributes(attributes_of(declared.features), history.settings)
        return (declared,) * len(moments)
    return default_catalogues_known_at(history, moments)


def default_catalogues_known_at(history: LeadHistory, moments: Sequence[int]) -> tuple[FeatureSet, ...]:
    """Derives the default catalogue from what was known at each moment, rising."""
    return with_stable_names([default_catalogue(current_at(history, moment)) for moment in moments])


def with_stable_names(feature_sets: Sequence[FeatureSet]) -> tuple[FeatureSet, ...]:
    """Gives equal declarations of several moments one name, that of the last moment.

    Two kinds whose names are spelt alike have numbered names, and an early moment may know only one of them.

    Args:
        feature_sets: at each moment, rising.
    """
    names: dict[Feature, str] = {}
    taken: set[str] = set()
    for feature_set in reversed(feature_sets):
        for feature in feature_set.features:
            declared = replace(feature, name="unnamed")
            if declared not in names:
                names[declared] = next(name for name in _numbered(feature.name) if name not in taken)
                taken.add(names[declared])
    return tuple(
        FeatureSet(
            tuple(
                replace(feature, name=names[replace(feature, name="unnamed")])
                for feature in feature_set.features
            )
        )
        for feature_set in feature_sets
    )


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def union_of(feature_sets: Iterable[FeatureSet]) -> FeatureSet:
    """Lists every feature once; a name is the same declaration wherever it was derived."""
    by_name: dict[str, Feature] = {}
    for feature_set in feature_sets:
        by_name |= {feature.name: feature for feature in feature_set.features}
    return FeatureSet(tuple(by_name.values()))


class MonotonicError(LeadOddsError):
    """A direction for a feature that the history does not have, or whose values have no order."""

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
