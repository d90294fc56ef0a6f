"""The formulas between logit hazards, hazards and probabilities, at both ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.scorecard.hazards import logit_of_hazard, sigmoid, softplus


@pytest.mark.parametrize("logit", [-700.0, -40.0, -1e-9, 0.0, 3.0, 40.0, 700.0])
def test_softplus__exact_at_both_ends(logit: float) -> None:
    expected = math.log1p(math.exp(logit)) if logit < 30 else logit + math.exp(-logit)

    assert softplus(np.array([logit]))[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("hazard", [1e-300, 1e-12, 0.5, 3.0, 40.0, 700.0])
def test_logit_of__exact_at_both_ends(hazard: float) -> None:
    expected = (
        math.log(hazard) if hazard < 1e-10 else math.log(math.expm1(hazard)) if hazard < 100 else hazard
    )

    assert logit_of_hazard(np.array([hazard]))[0] == pytest.approx(expected, rel=1e-12)


def test_sigmoid__no_overflow() -> None:
    assert sigmoid(np.array([-1e6, 0.0, 1e6])).tolist() == [pytest.approx(0.0, abs=1e-300), 0.5, 1.0]
