"""Two versions compared: declarations, configuration, figures and curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.bundle.bundle import Bundle
from models.scorecard.bins import FeatureBins, encode
from models.scorecard.curves import curve_points
from models.scorecard.scorecard import Scorecard

_CURVES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between a first version and a second.

    Attributes:
        versions: their numbers.
        added: names of features that only the second declares.
        removed: names of features that only the first declares.
        changed: names of features that the two declare differently.
        settings: both values of each configuration key that differs.
        figures: both figures `{value, low, high, n}` of the cards by metric; None where a card lacks it. They
            are of the test leads of each training, so they are comparable only if both versions were
            trained on the same history.
        curves: the largest difference in points of each feature that has a curve in both, largest first.
    """

    versions: tuple[str, str]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    settings: Mapping[str, tuple[Any, Any]]
    figures: Mapping[str, tuple[Any, Any]]
    curves: Mapping[str, float]

    def __str__(self) -> str:
        """The same for a person."""
        return "\n".join([f"Version {self.versions[0]} against version {self.versions[1]}", *self._lines()])

    def _lines(self) -> Iterator[str]:
        parts = {"added": self.added, "removed": self.removed, "declared otherwise": self.changed}
        for what, names in parts.items():
            yield f"  features {what}: {', '.join(names) or 'none'}"
        for key, (first, second) in self.settings.items():
            yield f"  {key}: {first} -> {second}"
        for name, (first, second) in self.figures.items():
            yield f"  {name}: {_figure_text(first)} -> {_figure_text(second)}"
        moved = [name for name, difference in self.curves.items() if difference > 0][:_CURVES_SHOWN]
        for name in moved:
            yield f"  curve of {name}: by up to {self.curves[name]:.2f} points"


def compare_bundles(first: Bundle, second: Bundle) -> Comparison:
    """Compares two versions.

    Args:
        first: the older one, as a rule.
        second: the newer one.
    """
    ours, theirs = _declared(first.feature_set), _declared(second.feature_set)
    settings, figures = (
        _side_by_side(getattr(first.card, part), getattr(second.card, part)) for part in ("config", "metrics")
    )
    return Comparison(
        versions=(first.version, second.version),
        added=tuple(name for name in theirs if name not in ours),
        removed=tuple(name for name in ours if name not in theirs),
        changed=tuple(name for name in ours if name in theirs and ours[name] != theirs[name]),
        settings={key: pair for key, pair in settings.items() if pair[0] != pair[1]},
        figures=figures,
        curves=_curve_differences(first.scorecard, second.scorecard),
    )


def _declared(feature_set: FeatureSet) -> dict[str, Any]:
    return {feature.name: feature for feature in feature_set.features}


def _side_by_side(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (first.get(name), second.get(name)) for name in dict.fromkeys([*first, *second])}


def _figure_text(figure: Any) -> str:
    """Formats a figure with its interval, if it has one."""
    if not isinstance(figure, Mapping):
        return "not measured"
    if figure.get("low") is None:
        return f"{figure['value']:.4f}"
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def _curve_differences(first: Scorecard, second: Scorecard) -> dict[str, float]:
    """Finds by how much each curve moved, evaluated in every bin of either."""
    ours, theirs = _curves(first), _curves(second)
    shared = [name for name in ours if name in theirs and ours[name][0].type == theirs[name][0].type]
    moved = {name: _difference(ours[name], theirs[name]) for name in shared}
    return dict(sorted(moved.items(), key=lambda item: -item[1]))


def _curves(scorecard: Scorecard) -> dict[str, tuple[FeatureBins, Floats]]:
    """Gives bins and points of every term of one feature."""
    return {
        scorecard.term_name(term): (scorecard.bins[term.features[0]], curve_points(scorecard, term))
        for term in scorecard.terms
        if len(term.features) == 1
    }


def _difference(first: tuple[FeatureBins, Floats], second: tuple[FeatureBins, Floats]) -> float:
    matrix = _values_of_both(first[0], second[0])
    ours, theirs = (points[encode([bins], matrix)[:, 0]] for bins, points in (first, second))
    return float(np.abs(ours - theirs).max())


def _values_of_both(first: FeatureBins, second: FeatureBins) -> FeatureMatrix:
    """Makes examples of one feature: one with a value in every bin of either, and one without a value."""
    if first.type == "category":
        categories = tuple(dict.fromkeys([*first.categories, *second.categories]))
        # And a value for which neither has a code.
        values = np.array([np.nan, *range(len(categories) + 1)])
        return FeatureMatrix((first.name,), values[np.newaxis], {first.name: (*categories, "")})
    edges = np.union1d(first.edges, second.edges)
    values = np.array([np.nan, -np.inf, *edges.tolist()])
    return FeatureMatrix((first.name,), values[np.newaxis], {})
