"""What all plots of the report share."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.bootstrap import Estimate
from training.report.style import reach


def test_reach__has_no_length_below_zero() -> None:
    rounded = Estimate(value=0.3, low=np.nextafter(0.3, 1), high=0.5, n=9)

    assert reach([rounded]).tolist() == [[0.0], [pytest.approx(0.2)]]
