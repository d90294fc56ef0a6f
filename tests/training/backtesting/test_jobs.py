from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.scorecard.scorecard import Term
from models.scorecard.scoring import log_odds
from tests.support.scorecards import TWO_CODES, two_bins
from training.backtesting.jobs import finite_log_odds


def test_finite_log_odds__bounds_hazards_that_no_double_holds() -> None:
    scorecard = two_bins()
    sure = replace(scorecard, terms=(Term((0,), np.array([[-2000.0, -2000.0], [0.0, 0.0], [0.0, 0.0]])),))

    assert log_odds(sure, TWO_CODES)[0] == -np.inf
    assert finite_log_odds(sure, TWO_CODES).tolist() == [-36.0, log_odds(sure, TWO_CODES)[1]]
    assert np.array_equal(finite_log_odds(scorecard, TWO_CODES), log_odds(scorecard, TWO_CODES))
