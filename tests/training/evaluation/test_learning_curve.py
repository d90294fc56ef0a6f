from __future__ import annotations

import pytest

from training.evaluation.learning_curve import LearningPoint, conclude
from training.metrics.bootstrap import Estimate


@pytest.mark.parametrize(
    ("low", "high", "conclusion"),
    [
        (0.001, 0.003, "More leads would probably help: going from 50 to 100 leads"),
        (-0.0001, 0.0004, "More leads of the same kind would change little"),
        (-0.001, 0.003, "cannot be told"),
    ],
)
def test_conclude__says_whether_more_leads_would_help(low: float, high: float, conclusion: str) -> None:
    loss = Estimate(0.1, 0.09, 0.11, 500)
    half = LearningPoint(0.5, 50, 5, loss, Estimate((low + high) / 2, low, high, 500))
    whole = LearningPoint(1.0, 100, 10, loss, Estimate(0.0, 0.0, 0.0, 500))

    assert conclusion in conclude([half, whole])
