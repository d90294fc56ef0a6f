"""Predictions and outcomes, made up so that the truth is known."""

from __future__ import annotations

import numpy as np

from features.times import US_PER_DAY
from models.scorecard.hazards import sigmoid
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.baselines.unrestricted import UNRESTRICTED
from training.examples.origins import Origin

DAY = US_PER_DAY


def origin(at_day: int, *, matured_day: int) -> Origin:
    """An origin with a test window of ten days."""
    return Origin(
        at=at_day * DAY, test_from=at_day * DAY, test_until=(at_day + 10) * DAY, matured_at=matured_day * DAY
    )


def backtest_predictions(seed: int = 0, *, n: int = 3_000, shift: float = 0.0) -> BacktestPredictions:
    """Three origins, two examples a lead; the scorecard predicts the truth, moved by a shift."""
    rng = np.random.default_rng(seed)
    lead = np.arange(n) // 2
    truth = rng.normal(-1.5, 1.0, n // 2)[lead]
    converted = rng.random(n // 2)[lead] < sigmoid(truth)
    rate = np.full(n, np.log(converted.mean() / (1 - converted.mean())))
    number = np.arange(n) * 3 // n
    return BacktestPredictions(
        origins=tuple(origin(day, matured_day=day + 40) for day in (100, 110, 120)),
        origin=number,
        lead=lead,
        as_of=number * DAY,
        converted=converted,
        from_creation=np.arange(n) % 2 == 0,
        is_unseen=lead % 3 == 0,
        log_odds={
            SCORECARD: truth + shift,
            BASE_RATE: rate,
            LOGISTIC: truth * 0.5 - 0.75,
            UNRESTRICTED: truth + rng.normal(0, 0.3, n) + shift,
        },
        shifts=(-shift, -shift, -shift),
        applied=(0.0, 0.0, 0.0),
        horizon_days=30.0,
    )
