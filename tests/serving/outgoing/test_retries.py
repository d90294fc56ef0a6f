"""How long an answer asks to wait, however it says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from serving.outgoing.retries import retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        # Without a zone it is no instant.
        ("Mon, 01 Jan 2024 00:00:00 -0000", None),
        ("Mon, 01 Jan 9999999999999999999 00:00:00 GMT", None),
        ("32 Foo 2026", None),
    ],
)
def test_retry_after__reads_seconds_and_dates(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds


def test_retry_after__of_a_date_is_the_time_until_then() -> None:
    then = datetime.now(UTC) + timedelta(seconds=90)

    asked = retry_after({"Retry-After": format_datetime(then, usegmt=True)})

    # Dates of HTTP have whole seconds.
    assert asked is not None
    assert 60 < asked <= 90
