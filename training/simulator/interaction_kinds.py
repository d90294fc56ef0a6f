"""The kinds of interactions at the made-up company, their rates, and when its systems record them.

Only the first kinds, on days after the creation, depend on the mood. Everything else follows from what the
company knows already, or is noise.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np

from features.history.lead_history import Floats
from training.simulator.arrivals import daytime
from training.simulator.world import DAYS, DEPTHS, weekday_pace


class Kind(NamedTuple):
    """One kind of interaction: its source, the share that is recorded late, and the mean delay in hours."""

    name: str
    source: str
    direction: str | None
    channel: str
    late_share: float = 0.0
    late_hours: float = 1.0


KINDS: Final = (
    Kind("page_view", "web", "inbound", "web", 0.08, 6),
    Kind("pricing_page_view", "web", "inbound", "web", 0.08, 6),
    Kind("content_downloaded", "web", "inbound", "web", 0.05, 6),
    Kind("email_clicked", "mailing", "inbound", "email", 0.15, 10),
    Kind("email_opened", "mailing", "inbound", "email", 0.25, 8),
    Kind("call_inbound", "phone", "inbound", "phone", 0.35, 30),
    Kind("form_submitted", "web", "inbound", "web"),
    Kind("demo_requested", "web", "inbound", "web"),
    Kind("trial_started", "product", "inbound", "product"),
    Kind("quote_requested", "crm", "inbound", "email"),
    Kind("meeting_booked", "crm", "inbound", "meeting"),
    Kind("unsubscribed", "mailing", "inbound", "email"),
    Kind("email_sent", "mailing", "outbound", "email", 0.05, 6),
    Kind("call_outbound", "phone", "outbound", "phone", 0.40, 20),
    Kind("call_missed", "phone", "outbound", "phone", 0.40, 20),
    Kind("demo_held", "crm", None, "meeting", 0.30, 20),
    Kind("webinar_attended", "webinars", "inbound", "event", 0.90, 20),
)
CODES: Final = {kind.name: code for code, kind in enumerate(KINDS)}

# Daily interactions of the first kinds (rows) while active at each depth, and the share of them when quiet.
ENGAGEMENT: Final = 6
_ACTIVE_RATES: Final = np.array(
    [
        [0.28, 0.28, 0.25, 0.22],
        [0.03, 0.08, 0.14, 0.10],
        [0.07, 0.06, 0.04, 0.03],
        [0.07, 0.07, 0.07, 0.07],
        [0.12, 0.12, 0.12, 0.12],
        [0.00, 0.03, 0.09, 0.15],
    ]
)
QUIET_SHARES: Final = np.array([0.06, 0.03, 0.05, 0.06, 0.12, 0.03])
# (kinds, states), 0 where a journey is over or has not begun.
ENGAGEMENT_RATES: Final = np.hstack(
    [_ACTIVE_RATES, _ACTIVE_RATES * QUIET_SHARES[:, None], np.zeros((ENGAGEMENT, 3))]
)


def expected_engagement(days: int = DAYS) -> Floats:
    """Expected number of a lead's interactions of a day that are known at the end: (mood, depth, day)."""
    known = np.stack([known_share(kind.late_share, kind.late_hours, days) for kind in KINDS[:ENGAGEMENT]])
    rates = ENGAGEMENT_RATES[:, : 2 * DEPTHS].reshape(ENGAGEMENT, 2, DEPTHS)
    expected: Floats = np.einsum("kmd,kt->mdt", rates, known) * weekday_pace(np.arange(days))
    return expected


@cache
def known_share(late_share: float, late_hours: float, days: int = DAYS) -> Floats:
    """Share of each day's interactions that is known at the end, (days,), with exponential delays of some."""
    # Equal parts of a day's interactions; their times by the inverse of the triangular distribution.
    part = (np.arange(2_000) + 0.5) / 2_000
    hours = daytime(part)
    left = 24.0 * (days - np.arange(days))[:, None] - hours
    share: Floats = 1 - late_share * np.exp(-left / late_hours).mean(axis=1)
    share.flags.writeable = False
    return share
