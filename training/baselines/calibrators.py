"""Calibrators: fitted on points or log-odds of past examples, they turn those of others into log-odds."""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from features.history.lead_history import Bools, Floats


def isotonic_log_odds(past: Floats, converted: Bools, new: Floats) -> Floats:
    """Fits the rising steps closest to the past outcomes, and predicts with them.

    Half a conversion is left to either side, so that no prediction is certain: a single contrary outcome
    would have an infinite loss.

    Args:
        past: (n,) log-odds or points of past examples.
        converted: (n,) their outcomes; both occur.
        new: (m,) log-odds or points of the examples to predict.

    Returns:
        (m,) log-odds.
    """
    edge = 0.5 / len(past)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    share: Floats = model.fit(past, converted.astype(np.float64)).predict(new)
    log_odds: Floats = np.log(share / (1 - share))
    return log_odds


def sigmoid_log_odds(past: Floats, converted: Bools, new: Floats) -> Floats:
    """Fits a line through the log-odds (Platt), and predicts with it; as `isotonic_log_odds`."""
    model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(past[:, None], converted)
    log_odds: Floats = model.decision_function(new[:, None])
    return log_odds
