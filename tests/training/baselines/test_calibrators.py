from __future__ import annotations

import numpy as np
import pytest

from training.baselines.calibrators import isotonic_log_odds


def test_isotonic_log_odds__are_never_certain() -> None:
    log_odds = isotonic_log_odds(np.array([0.0, 1.0]), np.array([False, True]), np.array([-9.0, 0.0, 9.0]))

    # Half a conversion of two to either side: 1 in 4 and 3 in 4.
    assert log_odds == pytest.approx(np.log([1 / 3, 1 / 3, 3]))
