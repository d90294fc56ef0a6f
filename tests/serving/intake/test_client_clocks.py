"""The clock of a sender is corrected by `sentAt`, where nobody did so before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.times import US_PER_HOUR, format_time
from serving.intake.client_clocks import clock_shift
from tests.support.builders import at

NOON = at(10)
AN_HOUR_EARLIER = format_time(NOON - US_PER_HOUR)


@pytest.mark.parametrize(
    ("message", "shift"),
    [
        # By the client's clock it was sent an hour ago: its clock is an hour behind ours.
        ({"timestamp": "2026-01-01T00:00:00Z", "sentAt": AN_HOUR_EARLIER}, US_PER_HOUR),
        ({"originalTimestamp": "2026-01-01T00:00:00Z", "sentAt": AN_HOUR_EARLIER}, US_PER_HOUR),
        ({"sentAt": format_time(NOON + 1)}, -1),
        # A null is no time.
        ({"timestamp": "2026-01-01T00:00:00Z", "originalTimestamp": None, "sentAt": format_time(NOON)}, 0),
        ({"timestamp": None, "originalTimestamp": "x", "sentAt": AN_HOUR_EARLIER}, US_PER_HOUR),
        # Corrected by Segment, or chosen by the caller of a library of RudderStack.
        ({"timestamp": "x", "originalTimestamp": "y", "sentAt": AN_HOUR_EARLIER}, 0),
        ({"timestamp": "x", "receivedAt": "y", "sentAt": AN_HOUR_EARLIER}, 0),
        # Sent before it happened: by another clock.
        ({"timestamp": AN_HOUR_EARLIER, "sentAt": "1970-01-01T00:00:00Z"}, 0),
        ({"timestamp": None, "originalTimestamp": format_time(NOON), "sentAt": AN_HOUR_EARLIER}, 0),
        ({"timestamp": "2026-01-01T00:00:00Z"}, 0),
        ({"sentAt": None}, 0),
        ({"sentAt": "noon"}, 0),
        ({"sentAt": 5}, 0),
        (7, 0),
    ],
)
def test_clock_shift__is_receipt_less_sending(message: Any, shift: int) -> None:
    assert clock_shift(message, NOON) == shift


@given(age=st.integers(0, 10**12), skew=st.integers(-(10**12), 10**12))
def test_clock_shift__takes_any_constant_skew_away(age: int, skew: int) -> None:
    happened, sent = NOON - age, NOON
    message = {"timestamp": format_time(happened + skew), "sentAt": format_time(sent + skew)}

    assert happened + skew + clock_shift(message, NOON) == happened
