"""What a version reads of a history, from its bundle alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from features.catalog.spec import Feature
from features.checks.model_inputs import ModelInputs, inputs_of_features
from models.bundle.bundle import Bundle
from models.scorecard.bins import MISSING_CODE, FeatureBins

_SINCE: Final = frozenset({"days_since_last", "days_since_first"})


def inputs_of_bundle(bundle: Bundle) -> ModelInputs:
    """Collects what the features of the scorecard read."""
    bins = {each.name: each for each in bundle.scorecard.bins}
    features = [feature for feature in bundle.feature_set.features if feature.name in bins]
    shares: dict[str, float] = {}
    for feature in features:
        for kind in feature.kinds if len(feature.kinds) == 1 else ():
            shares[kind] = max(shares.get(kind, 0.0), _share_with_a_row(bundle, feature, bins[feature.name]))
    inputs = inputs_of_features(
        features,
        categories={name: each.categories for name, each in bins.items() if each.type == "category"},
        kind_shares={kind: share for kind, share in shares.items() if share > 0},
    )
    return replace(inputs, training_rows=_rows_a_lead(bundle))


def _rows_a_lead(bundle: Bundle) -> dict[str, float]:
    """Gives how many rows a lead of the training had, as `InputCounts.rows` counts them; empty: unknown."""
    trained_on = bundle.card.trained_on
    leads, rows = trained_on.get("leads"), trained_on.get("input_rows")
    if not isinstance(leads, int) or not leads or not isinstance(rows, dict):
        return {}
    return {name: count / leads for name, count in rows.items() if isinstance(count, int)}


def _share_with_a_row(bundle: Bundle, feature: Feature, bins: FeatureBins) -> float:
    """Gives the share of the training examples with at least one row of a feature; 0 where it is unknown."""
    shares = bundle.training_shares(feature.name, codes_count=bins.codes_count)
    if shares is None or feature.scope != "lead":
        return 0.0
    if feature.measure in _SINCE:
        return float(1.0 - shares[MISSING_CODE])
    nothing = bins.code_of_number(0.0)
    if feature.measure == "count" and bins.code_of_number(1.0) > nothing:
        return float(shares[nothing + 1 :].sum())
    return 0.0
