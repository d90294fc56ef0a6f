"""The terms of a scorecard for people: what each code adds, and its name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.catalog.spec import Feature
from features.history.lead_history import Floats
from models.scorecard.bins import FeatureBins
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard, Term
from models.scorecard.scoring import bin_weights


@dataclass(frozen=True, slots=True)
class Curve:
    """What one feature adds.

    Attributes:
        codes: of its bins or categories, for people, "missing" first.
        points: (codes,) log-odds at the main horizon against the average lead.
    """

    codes: tuple[str, ...]
    points: Floats


def find_curve(scorecard: Scorecard, name: str) -> Curve | None:
    """Finds the curve of one feature, without its part in pairs.

    Args:
        scorecard: the model.
        name: of the feature.

    Returns:
        None where the feature has no term of its own.
    """
    for term in scorecard.terms:
        if scorecard.term_name(term) == name:
            return Curve(code_names(scorecard.bins[term.features[0]]), curve_points(scorecard, term))
    return None


def curve_points(scorecard: Scorecard, term: Term) -> Floats:
    """Computes what a term adds to the log-odds at the main horizon, against the average lead.

    Near the average lead each time bin is weighted by its part of the hazard below the horizon, like the
    slope of the log-odds. The points of one lead, taken along the line from the average, differ slightly.

    Args:
        scorecard: with the average hazards.
        term: of the scorecard.

    Returns:
        (codes_a[, codes_b]) log-odds.
    """
    until = bin_weights(scorecard, scorecard.horizon_days) * sigmoid(scorecard.average)
    points: Floats = np.asarray((term.table * (until / until.sum())).sum(axis=-1))
    return points


def axis_label(feature: Feature | None, name: str) -> str:
    """Gives label and unit of a feature; its name where it is not declared.

    >>> axis_label(Feature("f", "lead_age", "Age of the lead", "days"), "f")
    'Age of the lead (days)'
    """
    if feature is None:
        return name
    return f"{feature.label} ({feature.unit})" if feature.unit else feature.label


def code_names(bins: FeatureBins) -> tuple[str, ...]:
    """Names every code for people.

    >>> code_names(FeatureBins("lead_age_days", "number", np.array([1.0, 7.0])))
    ('missing', '< 1', '≥ 1', '≥ 7')
    """
    if bins.type == "category":
        return ("missing", *bins.categories, "all others")
    if bins.type == "boolean":
        return ("missing", "no", "yes")
    if not len(bins.edges):
        return ("missing", "any")
    edges = [f"{edge:g}" for edge in bins.edges]
    return ("missing", f"< {edges[0]}", *(f"≥ {edge}" for edge in edges))
