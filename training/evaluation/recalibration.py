"""Other ways to recalibrate the scorecard, beside its level shift: isotonic, sigmoid, and not at all.

At each origin they are fitted on the predictions of the origins that had matured by then, so that nothing
looks ahead. They are for comparison in the report; no served probability uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from features.history.lead_history import Bools, Floats
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions
from training.baselines.calibrators import isotonic_log_odds, sigmoid_log_odds

NONE: Final = "none"
LEVEL_SHIFT: Final = "level_shift"
SIGMOID: Final = "sigmoid"
ISOTONIC: Final = "isotonic"


def recalibrations(predictions: BacktestPredictions) -> tuple[Mapping[str, Floats], Bools]:
    """Recalibrates the scorecard in three ways, and not at all.

    Args:
        predictions: of the test examples, with what was observed.

    Returns:
        (n,) log-odds by way; and (n,) whether an origin had matured by then: elsewhere all ways are the same,
        and a comparison means nothing.
    """
    raw = predictions.log_odds[SCORECARD]
    predicted = {NONE: raw, LEVEL_SHIFT: predictions.predicted, SIGMOID: raw.copy(), ISOTONIC: raw.copy()}
    could_learn = np.zeros(len(raw), dtype=np.bool_)
    for number, origin in enumerate(predictions.origins):
        matured = [place for place, past in enumerate(predictions.origins) if past.matured_at <= origin.at]
        outcome = predictions.outcome_known_at(number)
        past = np.isin(predictions.origin, matured) & ~np.isnan(outcome)
        if not 0 < outcome[past].sum() < past.sum():
            continue
        now = predictions.origin == number
        could_learn |= now
        for name, recalibrate in _WAYS.items():
            predicted[name][now] = recalibrate(raw[past], outcome[past] == 1, raw[now])
    return predicted, could_learn


_WAYS: Final[Mapping[str, Callable[[Floats, Bools, Floats], Floats]]] = {
    SIGMOID: sigmoid_log_odds,
    ISOTONIC: isotonic_log_odds,
}
