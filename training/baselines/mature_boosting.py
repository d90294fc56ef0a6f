"""The usual baseline: an unrestricted ensemble on mature examples, tuned as one would tune it by hand.

Its settings and number of trees are those with the least log loss on the later examples, fitted on those
whose outcome was final before them. Categories are categories, not numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from features.catalog.spec import FeatureSet
from features.history.lead_history import Bools, Floats, Ints
from training.baselines.baseline import Baseline, BaselineInputs, are_informative, mature_examples
from training.config import TrainingConfig
from training.examples.labels import Labels, edges_us

MATURE_BOOSTING: Final = "mature_only_boosting"

# What is tried beside the settings of the scorecard: leaves, regularization and size of a leaf as libraries
# have them by default, and between.
_TRIED: Final[tuple[Mapping[str, Any], ...]] = (
    {"max_leaf_nodes": 8, "l2_regularization": 1.0, "learning_rate": 0.1, "min_samples_leaf": 50},
    {"max_leaf_nodes": 31, "l2_regularization": 10.0, "learning_rate": 0.1, "min_samples_leaf": 50},
)
_MOST_TREES: Final = 400
_PATIENCE: Final = 20
# Part of the conversions that lie in the later examples, and how many either part needs.
_LATE_SHARE: Final = 0.25
_LEAST_CONVERSIONS: Final = 60
# Categories that are told apart, the most frequent first; all others are one.
_MOST_CATEGORIES: Final = 200


@dataclass(frozen=True, slots=True)
class MatureExamples:
    """The examples of a fit whose outcome is final, and those to predict, in rows of one table.

    Attributes:
        values: (n + m, features) numbers, and numbers of categories.
        is_category: (features,)
        converted: (n,) 1 or 0 of the first n rows, which are fitted on.
        since_us: (n,) time from each of them to the origin.
        horizon_us: of the outcome.
    """

    values: Floats
    is_category: Bools
    converted: Floats
    since_us: Ints
    horizon_us: int

    @property
    def training(self) -> Ints:
        """(n,) rows that are fitted on."""
        return np.arange(len(self.converted))

    def split(self) -> tuple[Ints, Ints] | None:
        """Splits the rows at the moment after which a quarter of the conversions lie.

        Returns:
            Rows whose outcome was final by then, and rows after it; None where either has too few
            conversions.
        """
        if not self.converted.any():
            return None
        moment = np.quantile(self.since_us[self.converted == 1], _LATE_SHARE, method="lower")
        early = np.flatnonzero(self.since_us >= moment + self.horizon_us)
        late = np.flatnonzero(self.since_us < moment)
        fewest = min(self.converted[early].sum(), self.converted[late].sum())
        return (early, late) if fewest >= _LEAST_CONVERSIONS else None


def gather_mature(inputs: BaselineInputs) -> MatureExamples | None:
    """Gathers the examples of a fit; None where all mature ones have one outcome."""
    labels: Labels = inputs.labels
    training, converted = mature_examples(labels, inputs.horizon_days, config=inputs.config)
    if len(np.unique(converted)) < 2:
        return None
    columns = inputs.columns(np.concatenate([training, inputs.test]))
    values, is_category = _number_categories(columns, inputs.feature_set, rows_count=len(training))
    horizon = int(edges_us([inputs.horizon_days])[0])
    return MatureExamples(values, is_category, converted, labels.observed_us[training], horizon)


def tune_mature_boosting(inputs: BaselineInputs) -> Mapping[str, Any] | None:
    """Chooses settings and number of trees; None where all mature examples have one outcome."""
    mature = gather_mature(inputs)
    if mature is None:
        return None
    with threadpool_limits(limits=1):
        return _tune(mature, config=inputs.config)


def mature_boosting_log_odds(inputs: BaselineInputs) -> Floats | None:
    """Fits the ensemble with the settings of an earlier origin, or tunes it first, and predicts.

    Returns:
        (m,) log-odds; None where all mature examples have one outcome.
    """
    mature = gather_mature(inputs)
    if mature is None:
        return None
    with threadpool_limits(limits=1):
        settings = inputs.settings.get(MATURE_BOOSTING) or _tune(mature, config=inputs.config)
        used = are_informative(mature.values, mature.training)
        model = _ensemble(settings, mature.is_category[used], seed=inputs.config.seed)
        model.fit(mature.values[: len(mature.converted), used], mature.converted)
        predicted: Floats = model.decision_function(mature.values[len(mature.converted) :, used])
    return predicted


def _tune(mature: MatureExamples, *, config: TrainingConfig) -> Mapping[str, Any]:
    """Chooses settings and number of trees; those of the scorecard where the later examples are too few."""
    own = {
        "max_leaf_nodes": config.max_leaves,
        "l2_regularization": config.l2_regularization,
        "learning_rate": config.learning_rate,
        "min_samples_leaf": config.min_leaf_rows,
    }
    split = mature.split() if config.is_searching else None
    if split is None:
        return {**own, "max_iter": config.iterations}
    early, late = split
    used = are_informative(mature.values, early)
    tried: list[tuple[float, Mapping[str, Any]]] = []
    for settings in (own, *_TRIED):
        model = _ensemble({**settings, "max_iter": _MOST_TREES}, mature.is_category[used], seed=config.seed)
        model.set_params(early_stopping=True, n_iter_no_change=_PATIENCE, tol=0.0)
        model.fit(
            mature.values[np.ix_(early, used)],
            mature.converted[early],
            X_val=mature.values[np.ix_(late, used)],
            y_val=mature.converted[late],
        )
        trees = int(np.argmax(model.validation_score_))
        tried.append((-float(model.validation_score_[trees]), {**settings, "max_iter": max(1, trees)}))
    return min(tried, key=lambda trial: trial[0])[1]


def _ensemble(
    settings: Mapping[str, Any], is_category: Bools, *, seed: int
) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        **settings, categorical_features=is_category, early_stopping=False, random_state=seed
    )


def _number_categories(columns: Floats, feature_set: FeatureSet, *, rows_count: int) -> tuple[Floats, Bools]:
    """Numbers the categories of the first rows by how often they occur, the others together.

    Returns:
        (n, features), and (features,) whether each is a category.
    """
    is_category = np.array([feature.type == "category" for feature in feature_set.features], dtype=np.bool_)
    for place in np.flatnonzero(is_category):
        present = ~np.isnan(columns[:, place])
        code = columns[present, place].astype(np.int64)
        count = np.bincount(code[: int(present[:rows_count].sum())], minlength=int(code.max(initial=0)) + 1)
        rank = np.argsort(np.argsort(-count, kind="stable"), kind="stable")
        columns[present, place] = np.minimum(rank, _MOST_CATEGORIES)[code]
    return columns, is_category


BASELINE: Final = Baseline(
    name=MATURE_BOOSTING,
    label="gradient boosting, mature examples only",
    predict=mature_boosting_log_odds,
    tune=tune_mature_boosting,
)
