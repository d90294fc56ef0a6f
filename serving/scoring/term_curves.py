"""Writes the terms of the model as what the page draws: a curve for each feature, a grid for each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from features.history.lead_history import Floats
from models.bundle.bundle import Bundle
from models.scorecard.curves import axis_label, code_names, curve_points
from models.scorecard.scorecard import Term
from serving.scoring.json_rows import JsonObject

_DISTRIBUTION = "training_distribution"


def describe_terms(bundle: Bundle) -> JsonObject:
    """Writes every term of the scorecard.

    Args:
        bundle: that answers.

    Returns:
        Curves, the one that moves most first, and pairs in the order of the scorecard. A feature has a
        `share` of the training examples for each code where the card holds them, null where it does not;
        `weight`, the mean absolute points over the training examples, is null then too.
    """
    terms = bundle.scorecard.terms
    curves = [_curve(bundle, term) for term in terms if len(term.features) == 1]
    return {
        "model_version": bundle.card.model_version,
        "horizon_days": bundle.scorecard.horizon_days,
        "curves": [told for _, told in sorted(curves, key=lambda one: -one[0])],
        "pairs": [_pair(bundle, term) for term in terms if len(term.features) == 2],
    }


def _curve(bundle: Bundle, term: Term) -> tuple[float, JsonObject]:
    """Writes a term of one feature, after the size by which curves are put in order."""
    (place,) = term.features
    points = curve_points(bundle.scorecard, term)
    share = _share(bundle, bundle.scorecard.bins[place].name, codes_count=len(points))
    weight = None if share is None else float((share * np.abs(points)).sum())
    size = float(np.abs(points).max()) if weight is None else weight
    told = {
        **_axis(bundle, place),
        "points": points.tolist(),
        "share": None if share is None else share.tolist(),
        "weight": weight,
    }
    return size, told


def _pair(bundle: Bundle, term: Term) -> JsonObject:
    return {
        "axes": [_axis(bundle, place) for place in term.features],
        "points": curve_points(bundle.scorecard, term).tolist(),
    }


def _axis(bundle: Bundle, place: int) -> JsonObject:
    bins = bundle.scorecard.bins[place]
    declared = {feature.name: feature for feature in bundle.feature_set.features}
    feature = declared.get(bins.name)
    return {
        "feature": bins.name,
        "label": axis_label(feature, bins.name),
        "missing": feature.missing if feature is not None else "",
        "bins": list(code_names(bins)),
    }


def _share(bundle: Bundle, name: str, *, codes_count: int) -> Floats | None:
    """Gives the part of the training examples with each code; None where the card does not hold it."""
    by_feature = bundle.card.evaluation.get(_DISTRIBUTION)
    shares = by_feature.get(name) if isinstance(by_feature, Mapping) else None
    if not isinstance(shares, Sequence) or len(shares) != codes_count:
        return None
    return np.array(shares, dtype=np.float64)
