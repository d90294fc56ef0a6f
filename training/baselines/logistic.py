"""The plain baseline: a logistic regression on mature examples."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from features.history.lead_history import Floats, Ints
from training.baselines.baseline import Baseline, BaselineInputs, mature_examples

LOGISTIC: Final = "logistic_regression"

_PENALTY: Final = (
    0.1  # inverse strength; among 1, 0.1 and 0.01 the choice moved log loss by less than its error
)


def logistic_log_odds(inputs: BaselineInputs) -> Floats | None:
    """Fits the regression and predicts.

    Numbers are compressed by a signed logarithm and scaled, missing ones are the median and have an
    indicator; categories become indicators.

    Returns:
        (m,) log-odds; None where all mature examples have one outcome.
    """
    training, converted = mature_examples(inputs.labels, inputs.horizon_days, config=inputs.config)
    if len(np.unique(converted)) < 2:
        return None
    is_category = np.array(
        [feature.type == "category" for feature in inputs.feature_set.features], dtype=np.bool_
    )
    # Sums over several BLAS threads would differ in the last bit with their number.
    with threadpool_limits(limits=1):
        model = _pipeline(np.flatnonzero(~is_category), np.flatnonzero(is_category))
        model.fit(inputs.columns(training), converted)
        predicted: Floats = model.decision_function(inputs.columns(inputs.test))
    return predicted


def _pipeline(numbers: Ints, categories: Ints) -> Pipeline:
    """Prepares numbers and categories, then fits."""
    compress = FunctionTransformer(_compress)
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=50)
    prepared = make_column_transformer(
        (make_pipeline(compress, fill, StandardScaler()), numbers), (encode, categories), sparse_threshold=0.0
    )
    return make_pipeline(prepared, LogisticRegression(C=_PENALTY, solver="newton-cholesky"))


def _compress(values: Floats) -> Floats:
    """Takes the signed logarithm, so that large counts and amounts do not dominate."""
    compressed: Floats = np.sign(values) * np.log1p(np.abs(values))
    return compressed


BASELINE: Final = Baseline(
    name=LOGISTIC, label="logistic regression, mature examples only", predict=logistic_log_odds
)
