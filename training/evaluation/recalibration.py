"""Yardsticks of calibration: what isotonic and sigmoid recalibration would have made of the scorecard.

Each is fitted on the promises of those origins that had matured by the origin it is asked at: nothing looks
ahead. They stand in the report beside the level shift, and serve nothing.
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


def recalibrations(judged: BacktestPredictions) -> tuple[Mapping[str, Floats], Bools]:
    """Recalibrates the scorecard in three ways, and not at all.

    Args:
        judged: what was promised and what happened.

    Returns:
        (n,) log-odds by way; and (n,) whether something had matured by then: elsewhere all are the same, and
        a comparison says nothing.
    """
    raw = judged.log_odds[SCORECARD]
    promised = {NONE: raw, LEVEL_SHIFT: judged.promised, SIGMOID: raw.copy(), ISOTONIC: raw.copy()}
    could_learn = np.zeros(len(raw), dtype=np.bool_)
    for number, origin in enumerate(judged.origins):
        matured = [place for place, past in enumerate(judged.origins) if past.matured_at <= origin.at]
        past = np.isin(judged.origin, matured)
        if not 0 < judged.converted[past].sum() < past.sum():
            continue
        now = judged.origin == number
        could_learn |= now
        for name, learn in _WAYS.items():
            promised[name][now] = learn(raw[past], judged.converted[past], raw[now])
    return promised, could_learn


_WAYS: Final[Mapping[str, Callable[[Floats, Bools, Floats], Floats]]] = {
    SIGMOID: sigmoid_log_odds,
    ISOTONIC: isotonic_log_odds,
}
