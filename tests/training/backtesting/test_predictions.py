from __future__ import annotations

import numpy as np
import pytest

from tests.support.backtests import origin
from training.backtesting.predictions import level_shifts


def test_level_shifts__an_origin_uses_only_those_that_had_matured_by_then() -> None:
    # Matured at days 130, 131 and 150: the last origin, at day 130, knows the first one's shift to the tick.
    origins = (
        origin(100, matured_day=130),
        origin(110, matured_day=131),
        origin(130, matured_day=150),
    )
    log_odds = [np.zeros(4)] * 3
    converted = [np.array([True, True, True, False])] * 3  # log(3) each

    shifts, applied = level_shifts(origins, log_odds, converted)

    assert shifts == pytest.approx((np.log(3),) * 3)
    assert applied == pytest.approx((0.0, 0.0, np.log(3) / 2))


def test_level_shifts__an_origin_without_conversions_has_none() -> None:
    origins = (origin(100, matured_day=101), origin(110, matured_day=150))

    shifts, applied = level_shifts(origins, [np.zeros(3)] * 2, [np.zeros(3, dtype=np.bool_)] * 2)

    assert shifts == (None, None)
    assert applied == (0.0, 0.0)
