"""Features, codes and curves of past scores, computed again from the history by the bundle of the version."""

from __future__ import annotations

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.lead_history import AttributeType, Floats, Ints, LeadHistory
from models.bundle.bundle import Bundle
from models.scorecard.bins import ByteCodes, encode
from models.scorecard.hazards import softplus
from models.scorecard.scoring import hazard_logits
from training.monitoring.own_curves import OwnCurves


def attribute_types_of(bundle: Bundle) -> dict[str, AttributeType]:
    """Gives the type that a version reads each attribute as, whatever the rows at hand."""
    return {feature.attribute: feature.type for feature in bundle.feature_set.features if feature.attribute}


def codes_of(bundle: Bundle, history: LeadHistory, lead: Ints, as_of: Ints) -> ByteCodes:
    """Computes the codes that a version reads: (n, features) as its scorecard takes them.

    Args:
        bundle: of the version.
        history: with the leads; rows that were not known at `as_of` change nothing.
        lead: (n,) rows of the history.
        as_of: (n,) microseconds UTC.
    """
    read = {bins.name for bins in bundle.scorecard.bins}
    declared = FeatureSet(tuple(f for f in bundle.feature_set.features if f.name in read))
    matrix = compute_features(compile_plan(declared), history, Examples(lead, as_of))
    return encode(bundle.scorecard.bins, matrix)


def recomputed_curves(bundle: Bundle, history: LeadHistory, lead: Ints, as_of: Ints) -> OwnCurves:
    """Computes the curves of scores that were stored without one; arguments as for `codes_of`."""
    codes = codes_of(bundle, history, lead, as_of)
    scorecard = bundle.scorecard
    hazard: Floats = np.cumsum(softplus(hazard_logits(scorecard, codes)), axis=1)
    start = np.zeros((len(lead), 1))
    edges = np.broadcast_to(scorecard.time_edges_days, (len(lead), len(scorecard.time_edges_days)))
    shift = np.full(len(lead), scorecard.level_shift)
    return OwnCurves(np.array(edges), np.hstack([start, hazard]), shift)
