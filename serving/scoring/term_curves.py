"""Describes the terms of the model as the page draws them: a curve per feature, a grid per pair."""

from __future__ import annotations

import numpy as np

from models.bundle.bundle import Bundle
from models.scorecard.curves import axis_label, code_names, curve_points
from models.scorecard.scorecard import Term
from serving.scoring.json_rows import JsonObject


def describe_terms(bundle: Bundle) -> JsonObject:
    """Describes every term of the scorecard.

    Args:
        bundle: of the version in use.

    Returns:
        Curves, the strongest first, and pairs in the order of the scorecard. `share` is the share of the
        training examples with each code, and `weight` the mean absolute points over them; both are null where
        the card does not hold the distribution.
    """
    terms = bundle.scorecard.terms
    curves = [_curve(bundle, term) for term in terms if len(term.features) == 1]
    return {
        "model_version": bundle.card.model_version,
        "horizon_days": bundle.scorecard.horizon_days,
        "curves": [curve for _, curve in sorted(curves, key=lambda sized: -sized[0])],
        "pairs": [_pair(bundle, term) for term in terms if len(term.features) == 2],
    }


def _curve(bundle: Bundle, term: Term) -> tuple[float, JsonObject]:
    """Describes a term of one feature, after the size that curves are sorted by."""
    (place,) = term.features
    points = curve_points(bundle.scorecard, term)
    share = bundle.training_shares(bundle.scorecard.bins[place].name, codes_count=len(points))
    weight = None if share is None else float((share * np.abs(points)).sum())
    size = float(np.abs(points).max()) if weight is None else weight
    curve = {
        **_axis(bundle, place),
        "points": points.tolist(),
        "share": None if share is None else share.tolist(),
        "weight": weight,
    }
    return size, curve


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
