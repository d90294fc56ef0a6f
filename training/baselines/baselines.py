"""Yardsticks beside the scorecard: what a base rate, a regression or an unreadable ensemble would promise.

All are fitted at the same origins, with what was known then, and answer in log-odds at the main horizon.
Those that cannot use young leads learn from mature examples only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats, Ints
from training.config import TrainingConfig
from training.examples.labels import Labels, converted_within
from training.sampling import spread_draw

# Names of the yardsticks in figures, card and report.
BASE_RATE: Final = "base_rate"
LOGISTIC: Final = "logistic_regression"
MATURE_BOOSTING: Final = "mature_only_boosting"
UNRESTRICTED: Final = "unrestricted_hazard"
RULE_POINTS: Final = "rule_points_with_decay"

_MATURE: Final = 7  # stream of the seeded draw
_MATURE_ROWS: Final = 25_000  # examples of different leads tell more than many of the same ones
_PENALTY: Final = (
    0.1  # inverse strength; among 1, 0.1 and 0.01 the choice moved log loss by less than its error
)


def base_rate_log_odds(labels: Labels, horizon_days: float) -> float:
    """Gives the log-odds of the share of mature examples that converted.

    Half a conversion is added to either side, so that they are finite.

    Args:
        labels: as known at the origin.
        horizon_days: the main horizon.
    """
    outcome = converted_within(labels, horizon_days)
    mature = outcome[~np.isnan(outcome)]
    return float(np.log((mature.sum() + 0.5) / (len(mature) - mature.sum() + 0.5)))


def mature_examples(labels: Labels, horizon_days: float, *, config: TrainingConfig) -> tuple[Ints, Floats]:
    """Chooses the examples that a model of mature examples learns from.

    Args:
        labels: as known at the origin.
        horizon_days: the main horizon.
        config: seed, max_rows.

    Returns:
        (n,) positions, spread evenly where there are too many, and (n,) 1 where converted.
    """
    outcome = converted_within(labels, horizon_days)
    mature = np.flatnonzero(~np.isnan(outcome))
    keep = min(len(mature), config.max_rows, _MATURE_ROWS)
    drawn, _ = spread_draw(len(mature), keep, rng=np.random.default_rng([config.seed, _MATURE]))
    chosen = mature[drawn]
    return chosen, outcome[chosen]


def logistic_log_odds(
    matrix: FeatureMatrix, feature_set: FeatureSet, *, learn: Ints, converted: Floats, test: Ints
) -> Floats:
    """Fits a logistic regression as one would write it in an afternoon, and asks it.

    Numbers are compressed by a signed logarithm and scaled, missing ones are the median and have an
    indicator; categories become indicators.

    Args:
        matrix: (features, examples).
        feature_set: the features to use.
        learn: (n,) positions of mature examples.
        converted: (n,) 1 or 0; both occur.
        test: (m,) positions of the examples asked about.

    Returns:
        (m,) log-odds.
    """
    values = _columns(matrix, feature_set)
    is_category = np.array([feature.type == "category" for feature in feature_set.features], dtype=np.bool_)
    # Sums over several BLAS threads would differ in the last bit with their number.
    with threadpool_limits(limits=1):
        model = _logistic_pipeline(np.flatnonzero(~is_category), np.flatnonzero(is_category))
        model.fit(values[learn], converted)
        answers: Floats = model.decision_function(values[test])
    return answers


def mature_boosting_log_odds(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    *,
    learn: Ints,
    converted: Floats,
    test: Ints,
    config: TrainingConfig,
) -> Floats:
    """Fits the unrestricted ensemble that most would write, and asks it; arguments as above."""
    values = _columns(matrix, feature_set)
    model = HistGradientBoostingClassifier(
        learning_rate=config.learning_rate,
        max_iter=config.iterations,
        max_leaf_nodes=config.max_leaves,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.l2_regularization,
        early_stopping=False,
        random_state=config.seed,
    )
    with threadpool_limits(limits=1):
        model.fit(values[learn], converted)
        answers: Floats = model.decision_function(values[test])
    return answers


def _columns(matrix: FeatureMatrix, feature_set: FeatureSet) -> Floats:
    """Takes (examples, features) of a feature set; a view where the memory allows it."""
    row_of = {name: row for row, name in enumerate(matrix.names)}
    rows = [row_of[name] for name in feature_set.names]
    values: Floats = matrix.values[rows].T
    return values


def _logistic_pipeline(numbers: Ints, categories: Ints) -> Pipeline:
    """Prepares numbers and categories, then fits."""
    compress = FunctionTransformer(_compress)
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    spell = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=50)
    prepared = make_column_transformer(
        (make_pipeline(compress, fill, StandardScaler()), numbers), (spell, categories), sparse_threshold=0.0
    )
    return make_pipeline(prepared, LogisticRegression(C=_PENALTY, solver="newton-cholesky"))


def _compress(values: Floats) -> Floats:
    """Takes the signed logarithm, so that counts and sums of money do not rule alone."""
    compressed: Floats = np.sign(values) * np.log1p(np.abs(values))
    return compressed
