"""Calibrators: what turns points or log-odds of past examples into log-odds, and answers for others."""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from features.history.lead_history import Bools, Floats


def isotonic_log_odds(past: Floats, converted: Bools, asked: Floats) -> Floats:
    """Learns the rising steps that fit best, and asks them.

    Half a conversion is left to either side, so that nothing is promised with certainty: one surprise would
    then cost an infinite loss.

    Args:
        past: (n,) what orders the examples: log-odds or points.
        converted: (n,) what happened; both outcomes occur.
        asked: (m,) of the examples asked about.

    Returns:
        (m,) log-odds.
    """
    edge = 0.5 / len(past)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    share: Floats = model.fit(past, converted.astype(np.float64)).predict(asked)
    log_odds: Floats = np.log(share / (1 - share))
    return log_odds


def sigmoid_log_odds(past: Floats, converted: Bools, asked: Floats) -> Floats:
    """Learns a line through the log-odds (Platt), and asks it; arguments as above."""
    model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(past[:, None], converted)
    log_odds: Floats = model.decision_function(asked[:, None])
    return log_odds
