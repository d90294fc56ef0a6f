"""The usual baseline: an unrestricted ensemble on mature examples."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from features.history.lead_history import Floats
from training.baselines.baseline import Baseline, BaselineInputs, mature_examples, with_values

MATURE_BOOSTING: Final = "mature_only_boosting"


def mature_boosting_log_odds(inputs: BaselineInputs) -> Floats | None:
    """Fits the ensemble and predicts.

    Returns:
        (m,) log-odds; None where all mature examples have one outcome.
    """
    training, converted = mature_examples(inputs.labels, inputs.horizon_days, config=inputs.config)
    if len(np.unique(converted)) < 2:
        return None
    values, config = with_values(inputs.columns, training), inputs.config
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
        model.fit(values[training], converted)
        predicted: Floats = model.decision_function(values[inputs.test])
    return predicted


BASELINE: Final = Baseline(
    name=MATURE_BOOSTING,
    label="gradient boosting, mature examples only",
    predict=mature_boosting_log_odds,
)
