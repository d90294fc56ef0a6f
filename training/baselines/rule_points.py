"""The baseline of common lead-scoring tables: points per kind, halved every month, and per attribute value.

Known kinds have the points that such tables usually give them. Attribute values, and kinds that only this
company has, get points by how often past leads with them converted, compared with all leads. The points are
calibrated on past leads, so that they can be evaluated like a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.history.kinds import (
    CONTENT_KINDS,
    CONVERSATION_KINDS,
    DEMO_KINDS,
    DIRECTION_OF_KIND,
    PRICING_KINDS,
    QUOTE_KINDS,
)
from features.history.known import known_at
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.history.personal_data import may_be_feature
from models.scorecard.bins import ByteCodes, encode
from training.baselines.base_rate import base_rate_log_odds
from training.baselines.baseline import Baseline, mature_examples
from training.baselines.calibrators import isotonic_log_odds
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import label_examples
from training.fitting.binning import fit_bins
from training.sampling import spread_draw

RULE_POINTS: Final = "rule_points_with_decay"

_HALF_LIFE_DAYS: Final = 30.0
_KINDS_AT_MOST: Final = 30
_ATTRIBUTES_AT_MOST: Final = 12
_TRAINING_EXAMPLES: Final = 10_000
_TRAINING: Final = 9  # stream of the seeded draw
# Values of an attribute that have points of their own.
_VALUES_AT_MOST: Final = 8
_LEAST_EXAMPLES: Final = 50

# The first group that holds a kind decides.
_POINTS_OF_GROUP: Final[Sequence[tuple[tuple[str, ...], float]]] = (
    ((*PRICING_KINDS, *QUOTE_KINDS), 20.0),
    (DEMO_KINDS, 15.0),
    (CONVERSATION_KINDS, 10.0),
    (CONTENT_KINDS, 5.0),
    (("unsubscribed", "email_bounced"), -10.0),
    (tuple(kind for kind, direction in DIRECTION_OF_KIND.items() if direction > 0), 1.0),
    (tuple(DIRECTION_OF_KIND), 0.0),
)
# Points by the rate of conversion as a multiple of that of all leads, from the highest.
_POINTS_OF_RATIO: Final = ((1.5, 10.0), (1.2, 5.0), (0.8, 0.0), (0.67, -5.0), (0.0, -10.0))


def rule_points_log_odds(dataset: Dataset, test: Ints, at: int, config: TrainingConfig) -> Floats:
    """Predicts by points that were calibrated on the examples mature at an origin.

    Args:
        dataset: the history and its examples.
        test: (n,) positions of the examples to predict, among all that were drawn.
        at: the origin, microseconds UTC; nothing later is known.
        config: seed.

    Returns:
        (n,) log-odds at the main horizon; those of the base rate where only one outcome is mature.
    """
    labels = label_examples(dataset.history, dataset.examples.examples, observed_until=at)
    training, outcome = mature_examples(labels, dataset.horizon_days, config=config)
    keep = min(len(training), _TRAINING_EXAMPLES)
    drawn, _ = spread_draw(len(training), keep, rng=np.random.default_rng([config.seed, _TRAINING]))
    training, converted = training[drawn], outcome[drawn] == 1
    if not 0 < converted.sum() < len(converted):
        return np.full(len(test), base_rate_log_odds(labels, dataset.horizon_days))
    features = _features(known_at(dataset.history, at))
    examples = dataset.examples_at(np.concatenate([training, test]))
    points = _points(dataset.history, examples, converted, features, config=config)
    return isotonic_log_odds(points[: len(training)], converted, points[len(training) :])


def _features(history: LeadHistory) -> tuple[Feature, ...]:
    """Declares what has points: kinds, the most frequent first, and attributes."""
    kind = history.interactions.kind
    count = np.bincount(kind.codes[kind.codes >= 0], minlength=len(kind.values))
    order = np.argsort(-count, kind="stable")[:_KINDS_AT_MOST]
    decays = [
        declare("decayed_count", kinds=[kind.values[code]], half_life_days=_HALF_LIFE_DAYS) for code in order
    ]
    attributes = [each for each in history.attributes.items() if may_be_feature(*each, history.settings)]
    return (
        *decays,
        *(
            declare("attribute", attribute=name, type=attribute.type)
            for name, attribute in attributes[:_ATTRIBUTES_AT_MOST]
        ),
    )


def _points(
    history: LeadHistory,
    examples: Examples,
    converted: Bools,
    features: Sequence[Feature],
    *,
    config: TrainingConfig,
) -> Floats:
    """Sums the points of each example; the training examples come first, with their outcomes."""
    matrix = compute_features(compile_plan(FeatureSet(tuple(features))), history, examples)
    points = np.zeros(len(examples.lead))
    for feature in features:
        if feature.kinds:
            count = np.nan_to_num(matrix.column(feature.name))
            points += count * _points_of_kind(feature.kinds[0], count[: len(converted)] > 0, converted)
    attributes = FeatureSet(tuple(feature for feature in features if not feature.kinds))
    return points + _attribute_points(matrix, attributes, converted, config=config)


def _points_of_kind(kind: str, has_kind: Bools, converted: Bools) -> float:
    """Takes the usual points of a kind, or those of its rate of conversion where the kind is not known."""
    for kinds, points in _POINTS_OF_GROUP:
        if kind in kinds:
            return points
    return float(_points_by_code(has_kind.astype(np.uint8), converted, codes_count=2)[1])


def _attribute_points(
    matrix: FeatureMatrix, attributes: FeatureSet, converted: Bools, *, config: TrainingConfig
) -> Floats:
    """Sums the points of the attributes."""
    training: Ints = np.arange(len(converted))
    coarse = config.model_copy(update={"max_bins": _VALUES_AT_MOST, "min_bin_examples": _LEAST_EXAMPLES})
    bins = fit_bins(matrix, attributes, config=coarse, examples=training)
    codes: ByteCodes = encode(bins, matrix)
    points = np.zeros(len(codes))
    for position, feature_bins in enumerate(bins):
        codes_count = feature_bins.codes_count
        by_code = _points_by_code(codes[training, position], converted, codes_count=codes_count)
        points += by_code[codes[:, position]]
    return points


def _points_by_code(code: ByteCodes, converted: Bools, *, codes_count: int) -> Floats:
    """(codes,) points by the rate of conversion against that of all examples; 0 for rare codes."""
    count = np.bincount(code, minlength=codes_count)
    rate = np.bincount(code, converted, codes_count) / np.maximum(count, 1)
    ratio = rate / converted.mean()
    points = np.select(
        [ratio >= least for least, _ in _POINTS_OF_RATIO], [gain for _, gain in _POINTS_OF_RATIO]
    )
    return np.where(count >= _LEAST_EXAMPLES, points, 0.0)


BASELINE: Final = Baseline(
    name=RULE_POINTS,
    label="points with decay, as in a scoring table",
    predict_from_history=rule_points_log_odds,
)
