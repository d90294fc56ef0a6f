"""The weeks that inputs are compared in: seven days each, back from the end of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.known import has_row, outcome_known
from features.history.lead_history import OPEN, Floats, Ints, LeadHistory
from features.times import US_PER_DAY

# The last week, and a quarter of a year before it.
WEEKS: Final = 13
# What was not there before these weeks is new: one look in them is enough to see it.
NEW_WEEKS: Final = 4
_WEEK_US: Final = 7 * US_PER_DAY


@dataclass(frozen=True, slots=True)
class Weeks:
    """Weeks of a history; week 0 is the last one.

    Attributes:
        until: the end of week 0, microseconds UTC.
        count: weeks that the history covers, at most `WEEKS`.
        open_leads: (count,) leads that were open when each began.
    """

    until: int
    count: int
    open_leads: Floats

    def of(self, moment: Ints) -> Ints:
        """(n,) week of each moment; at least `count` before the first."""
        return np.maximum(self.until - moment, 0) // _WEEK_US

    def end(self, week: int) -> int:
        """The end of a week, microseconds UTC."""
        return self.until - week * _WEEK_US

    def count_rows(self, moment: Ints, code: Ints, codes_count: int) -> Floats:
        """Counts rows by code and week: (codes_count, count)."""
        week = self.of(moment)
        kept = (week < self.count) & (code >= 0)
        counts = np.bincount(code[kept] * self.count + week[kept], minlength=codes_count * self.count)
        return counts.reshape(codes_count, self.count).astype(np.float64)


def weeks_of(history: LeadHistory) -> Weeks:
    """Finds the weeks of a history that is cut at its end."""
    until = history.observed_until
    covered = (until - int(history.created_at.min(initial=until))) // _WEEK_US
    count = int(min(WEEKS, max(covered, 1)))
    leads = np.arange(history.leads_count)
    open_leads = [
        (has_row(history, start) & (outcome_known(history, leads, start) == OPEN)).sum()
        for start in (until - (week + 1) * _WEEK_US for week in range(count))
    ]
    return Weeks(until, count, np.array(open_leads, dtype=np.float64))
