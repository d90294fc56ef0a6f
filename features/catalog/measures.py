"""What can be measured of a lead at a moment: every measure with its rule and what a missing value means.

Rows are the interactions of the lead (or of its account) known at `as_of`. *Chosen* rows are those that a
declaration's kinds, direction, channel and window (age < window) leave, as far as the measure heeds them.
Ties in time never depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from features.history.lead_history import AttributeType

_CHOICE: Final = ("kinds", "direction", "channel")
_WINDOWED: Final = (*_CHOICE, "window_days")

CALENDAR_PARTS: Final = (
    "created_hour",
    "created_weekday",
    "created_day",
    "created_month",
    "as_of_hour",
    "as_of_weekday",
    "as_of_day",
    "as_of_month",
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        rule: exactly what it is, in one sentence or two.
        unit: of its values.
        missing: what a missing value says; empty where there is none.
        takes: fields of a declaration it heeds; any other field set is an error.
        needs: those that must be set.
        type: of its values.
        of_interactions: whether it reads interactions, and so can be had of an account.
    """

    rule: str
    unit: str = ""
    missing: str = ""
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    type: AttributeType = "number"
    of_interactions: bool = True


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "count": Measure("Number of chosen rows.", "interactions", takes=_WINDOWED),
        "share": Measure(
            "Chosen rows divided by all rows in the window.",
            "share",
            "no interaction in the window",
            takes=_WINDOWED,
        ),
        "days_since_last": Measure("Age of the latest chosen row.", "days", "never happened", takes=_CHOICE),
        "days_since_first": Measure(
            "Age of the earliest chosen row.", "days", "never happened", takes=_CHOICE
        ),
        "decayed_count": Measure(
            "Sum of 2^(-age / half-life) over the chosen rows.",
            "interactions",
            takes=(*_CHOICE, "half_life_days"),
            needs=("half_life_days",),
        ),
        "value_sum": Measure("Sum of the values of the chosen rows.", "", "no value known", takes=_WINDOWED),
        "value_mean": Measure(
            "Mean of the values of the chosen rows.", "", "no value known", takes=_WINDOWED
        ),
        "value_max": Measure("Largest value of the chosen rows.", "", "no value known", takes=_WINDOWED),
        "value_last": Measure(
            "Value of the latest chosen row that has one; of several at that instant the largest.",
            "",
            "no value known",
            takes=_CHOICE,
        ),
        "distinct_campaigns": Measure(
            "Number of different campaigns among the chosen rows; rows without one do not count.",
            "campaigns",
            takes=_WINDOWED,
        ),
        "distinct_channels": Measure(
            "Number of different channels among the chosen rows; rows without one do not count.",
            "channels",
            takes=_WINDOWED,
        ),
        "active_days": Measure(
            "Number of different UTC days among the chosen rows.", "days", takes=_WINDOWED
        ),
        "longest_silence": Measure(
            "Longest time between two chosen rows that follow each other, `as_of` counting as the last.",
            "days",
            "never happened",
            takes=_CHOICE,
        ),
        "mean_gap": Measure(
            "Time from the first to the last chosen row, divided by one less than their number.",
            "days",
            "happened less than twice",
            takes=_CHOICE,
        ),
        "momentum": Measure(
            "r / (r + e / 3): r chosen rows of age < window, e those of window <= age < 4 windows. "
            "One half is a steady pace, more is a rising one.",
            "share",
            "nothing in four windows",
            takes=_WINDOWED,
            needs=("window_days",),
        ),
        "unanswered_outbound_streak": Measure(
            "Number of outbound rows (of the kinds) that occurred strictly after the last inbound row.",
            "interactions",
            takes=("kinds",),
        ),
        "hours_to_first_reply": Measure(
            "Time from the first inbound row to the first outbound row strictly after it.",
            "hours",
            "nothing to reply to, or no reply yet",
        ),
        "self_education_share": Measure(
            "Rows of the kinds that occurred strictly before the first row of `before_kinds` (all of them "
            "where there is none), divided by all rows.",
            "share",
            "no interaction yet",
            takes=("kinds", "before_kinds"),
            needs=("kinds", "before_kinds"),
        ),
        "first_channel": Measure(
            "Channel of the earliest chosen row that has one; of several at that instant the first by name.",
            "",
            "no channel known",
            takes=("kinds", "direction"),
            type="category",
        ),
        "last_channel": Measure(
            "Channel of the latest chosen row that has one; of several at that instant the first by name.",
            "",
            "no channel known",
            takes=("kinds", "direction"),
            type="category",
        ),
        "waiting_hours": Measure(
            "Time since the earliest inbound row that occurred strictly after the last outbound row.",
            "hours",
            "nobody waits for us",
        ),
        "attribute": Measure(
            "Value of the attribute known at `as_of`.",
            "",
            "not known",
            takes=("attribute",),
            needs=("attribute",),
            of_interactions=False,
        ),
        "lead_age": Measure("Time since the lead was created.", "days", of_interactions=False),
        "calendar": Measure(
            "Hour (0 to 23), weekday (1 Monday to 7 Sunday), day (1 to 31) or month (1 to 12) in UTC.",
            "",
            takes=("part",),
            needs=("part",),
            of_interactions=False,
        ),
    }
)
