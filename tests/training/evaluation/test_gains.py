from __future__ import annotations

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.evaluation.evaluate import evaluate
from training.evaluation.gains import gains
from training.metrics.bootstrap import Bootstrap


def test_gains__at_ten_percent_is_the_lift_that_train_prints() -> None:
    predictions = backtest_predictions()

    found = gains(predictions, None, None, Bootstrap(3, 200))["at_10"]

    printed = evaluate(predictions, Bootstrap(3, 200)).metrics["lift_at_10"]
    assert found.lift.value == pytest.approx(printed.value)
    # The same draws; ranked in 2,000 groups here, in 200 there.
    assert (found.lift.low, found.lift.high) == pytest.approx((printed.low, printed.high), rel=0.03)
    assert found.conversions.value == pytest.approx(found.lift.value / 10)


def test_gains__revenue_counts_amounts() -> None:
    predictions = backtest_predictions(n=1_000)
    best = predictions.predicted >= np.quantile(predictions.predicted, 0.9)
    amount = np.where(predictions.converted, np.where(best, 100.0, 1.0), 0.0)

    found = gains(predictions, amount, None, Bootstrap(3, 200))["at_10"]

    assert found.revenue is not None
    assert found.revenue.value > 0.9 > found.conversions.value
