"""The peers of the scorecard: what one would build in an afternoon on the same features and mature examples.

Each takes numbers with NaN where nothing is known, and categories as categories. LightGBM and CatBoost choose
their number of trees on the later quarter of the conversions and are fitted once more on all examples; the
explainable boosting machine draws validation rows for each of its bags, as its library does it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from features.history.lead_history import Bools, Floats
from training.baselines.mature_boosting import MatureExamples

_MOST_TREES: Final = 600
_PATIENCE: Final = 30
_TREES: Final = 150  # where the later examples are too few to choose
# By default an EBM has 14 bags and three times as many pairs as features: hours, on 150 features.
_BAGS: Final = 4
_PAIRS: Final = 10


class PeerModel(Protocol):
    """A fitted peer."""

    def log_odds(self, values: Floats) -> Floats:
        """(n,) predicted for (n, features)."""
        ...

    def reasons(self, values: Floats) -> Any:
        """What each feature adds to the log-odds of (n, features)."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """A library, and how it is fitted.

    Attributes:
        name: for the tables.
        how: what was set, for the page.
        fit: of the mature examples, with a seed.
    """

    name: str
    how: str
    fit: Callable[[MatureExamples, int], PeerModel]


@dataclass(frozen=True, slots=True)
class _LightGbm:
    booster: Any

    def log_odds(self, values: Floats) -> Floats:
        return np.asarray(self.booster.predict(values, raw_score=True, num_threads=1))

    def reasons(self, values: Floats) -> Any:
        return self.booster.predict(values, pred_contrib=True, num_threads=1)


def fit_lightgbm(mature: MatureExamples, seed: int) -> PeerModel:
    """Fits LightGBM; reasons are its own TreeSHAP."""
    import lightgbm

    categories = np.flatnonzero(mature.is_category).tolist()
    settings = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": 50,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "verbosity": -1,
    }

    def rows(chosen: Any, reference: Any = None) -> Any:
        return lightgbm.Dataset(
            mature.values[chosen],
            mature.converted[chosen],
            categorical_feature=categories,
            reference=reference,
            params={"verbosity": -1},
        )

    trees, split = _TREES, mature.split()
    if split is not None:
        early = rows(split[0])
        stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
        later = rows(split[1], early)
        tried = lightgbm.train(settings, early, _MOST_TREES, valid_sets=[later], callbacks=[stop])
        trees = max(1, tried.best_iteration)
    return _LightGbm(lightgbm.train(settings, rows(mature.training), trees))


@dataclass(frozen=True, slots=True)
class _CatBoost:
    model: Any
    is_category: Bools

    def log_odds(self, values: Floats) -> Floats:
        return np.asarray(self.model.predict(self._pool(values), prediction_type="RawFormulaVal"))

    def reasons(self, values: Floats) -> Any:
        return self.model.get_feature_importance(self._pool(values), type="ShapValues", thread_count=1)

    def _pool(self, values: Floats) -> Any:
        return _pool(values, None, self.is_category)


def fit_catboost(mature: MatureExamples, seed: int) -> PeerModel:
    """Fits CatBoost; reasons are its own TreeSHAP."""
    import catboost

    settings: dict[str, Any] = {
        "learning_rate": 0.06,
        # By default it starts from even odds, and a hundred trees do not reach those of a rare conversion.
        "boost_from_average": True,
        "thread_count": 1,
        "random_seed": seed,
        "logging_level": "Silent",
        "allow_writing_files": False,
    }
    pool = {
        name: _pool(mature.values[chosen], mature.converted[chosen], mature.is_category)
        for name, chosen in zip(
            ("all", "early", "late"), (mature.training, *(mature.split() or ())), strict=False
        )
    }
    trees = _TREES
    if "late" in pool:
        tried = catboost.CatBoostClassifier(iterations=_MOST_TREES, **settings)
        tried.fit(pool["early"], eval_set=pool["late"], early_stopping_rounds=_PATIENCE)
        trees = tried.tree_count_
    model = catboost.CatBoostClassifier(iterations=max(1, trees), **settings).fit(pool["all"])
    return _CatBoost(model, mature.is_category)


def _pool(values: Floats, converted: Floats | None, is_category: Bools) -> Any:
    """Makes rows as CatBoost takes them: categories as text."""
    import catboost
    import pandas as pd

    columns: Mapping[int, Any] = {
        place: np.nan_to_num(column, nan=-1).astype(np.int64).astype(str) if is_category[place] else column
        for place, column in enumerate(values.T)
    }
    return catboost.Pool(
        pd.DataFrame(columns), converted, cat_features=np.flatnonzero(is_category).tolist(), thread_count=1
    )


@dataclass(frozen=True, slots=True)
class _Ebm:
    model: Any

    def log_odds(self, values: Floats) -> Floats:
        return np.asarray(self.model.decision_function(values))

    def reasons(self, values: Floats) -> Any:
        return self.model.eval_terms(values)


def fit_ebm(mature: MatureExamples, seed: int) -> PeerModel:
    """Fits InterpretML's explainable boosting machine; reasons are its local terms."""
    from interpret.glassbox import ExplainableBoostingClassifier

    kinds = ["nominal" if category else "continuous" for category in mature.is_category]
    model = ExplainableBoostingClassifier(
        feature_types=kinds, outer_bags=_BAGS, interactions=_PAIRS, n_jobs=1, random_state=seed
    )
    with warnings.catch_warnings():
        # Its plots do not show missing values; no plot is made.
        warnings.filterwarnings("ignore", "Missing values detected", UserWarning)
        return _Ebm(model.fit(mature.values[mature.training], mature.converted))


PEERS: Final = (
    Peer("LightGBM", "15 leaves, learning rate 0.05, trees chosen on later examples", fit_lightgbm),
    Peer("CatBoost", "depth 6, learning rate 0.06, trees chosen on later examples", fit_catboost),
    Peer("EBM", f"{_BAGS} outer bags and {_PAIRS} pairs, everything else by default", fit_ebm),
)
