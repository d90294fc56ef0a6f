from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from training.fitting.coded_boosting import CodedBoostingClassifier


def test_coded_boosting_classifier__grows_the_trees_that_the_library_grows() -> None:
    rng = np.random.default_rng(1)
    codes = np.floor(rng.random((900, 5)) ** 2 * [60, 3, 254, 9, 1])
    codes[rng.random(codes.shape) < 0.1] = np.nan
    codes[:, 3] = np.nan_to_num(codes[:, 3])
    converted = rng.random(900) < 1 / (1 + np.exp(1 - 0.1 * np.nan_to_num(codes[:, 0])))
    # Codes that only the later rows have.
    codes[500:, 2] += 1
    settings: dict[str, Any] = {
        "max_iter": 12,
        "categorical_features": [3],
        "early_stopping": True,
        "n_iter_no_change": 50,
    }
    rows = {"X": codes[:500], "y": converted[:500], "sample_weight": 1 + rng.random(500)}
    later = {"X_val": codes[500:], "y_val": converted[500:]}

    ours = CodedBoostingClassifier(**settings).fit(**rows, **later)
    theirs = HistGradientBoostingClassifier(**settings).fit(**rows, **later)

    assert np.array_equal(ours.validation_score_, theirs.validation_score_)
    assert np.array_equal(ours.decision_function(codes), theirs.decision_function(codes))
