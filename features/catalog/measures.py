"""The measures: what can be computed of a lead at a moment, with the exact rule and the meaning of missing.

Rows are the interactions of the lead (or of its account) known at `as_of`. *Chosen* rows are those selected
by the kinds, direction, channel and window (age < window) of a declaration, as far as the measure uses them.
A tie in time never depends on the order of rows.
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
        rule: its exact definition, in one or two sentences.
        label: template for labels of features: "<label>: 3" reads well; `features.catalog.wording` fills it
            in.
        unit: unit of its values.
        missing: meaning of a missing value; empty where no value is missing.
        takes: fields of a declaration that it uses; setting any other field is an error.
        needs: fields that must be set.
        type: type of its values.
        of_interactions: whether it uses interactions, and so can be computed of an account.
        name: template for names of features, without window and scope.
        name_of_all: the same for features without kinds, direction and channel; empty: as `name`.
    """

    rule: str
    label: str
    unit: str = ""
    missing: str = ""
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    type: AttributeType = "number"
    of_interactions: bool = True
    name: str = "{what}_{measure}"
    name_of_all: str = ""


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "count": Measure(
            "Number of chosen rows.",
            "{plural}{window}",
            "interactions",
            takes=(*_WINDOWED, "except_kinds"),
        ),
        "share": Measure(
            "Chosen rows divided by all rows in the window.",
            "share of {plural} among all interactions{window}",
            "share",
            "no interaction in the window",
            takes=_WINDOWED,
        ),
        "days_since_last": Measure(
            "Age of the latest chosen row.",
            "days since the last {singular}",
            "days",
            "never happened",
            takes=_CHOICE,
            name="days_since_last_{what}",
            name_of_all="days_since_last_interaction",
        ),
        "days_since_first": Measure(
            "Age of the earliest chosen row.",
            "days since the first {singular}",
            "days",
            "never happened",
            takes=_CHOICE,
            name="days_since_first_{what}",
            name_of_all="days_since_first_interaction",
        ),
        "decayed_count": Measure(
            "Sum of 2^(-age / half-life) over the chosen rows.",
            "{plural}, recent ones counting more",
            "interactions",
            takes=(*_CHOICE, "half_life_days"),
            needs=("half_life_days",),
        ),
        "value_sum": Measure(
            "Sum of the values of the chosen rows.",
            "sum of the values of {plural}{window}",
            "",
            "no value known",
            takes=_WINDOWED,
        ),
        "value_mean": Measure(
            "Mean of the values of the chosen rows.",
            "mean value of {plural}{window}",
            "",
            "no value known",
            takes=_WINDOWED,
        ),
        "value_max": Measure(
            "Largest value of the chosen rows.",
            "largest value of {plural}{window}",
            "",
            "no value known",
            takes=_WINDOWED,
        ),
        "value_last": Measure(
            "Value of the latest chosen row that has one; of several at that instant the largest.",
            "value of the last {singular}",
            "",
            "no value known",
            takes=_CHOICE,
        ),
        "distinct_campaigns": Measure(
            "Number of different campaigns among the chosen rows; rows without one do not count.",
            "different campaigns of {plural}{window}",
            "campaigns",
            takes=_WINDOWED,
            name="{what}_campaigns",
        ),
        "distinct_channels": Measure(
            "Number of different channels among the chosen rows; rows without one do not count.",
            "different channels of {plural}{window}",
            "channels",
            takes=_WINDOWED,
            name="{what}_channels",
        ),
        "active_days": Measure(
            "Number of different UTC days among the chosen rows.",
            "days with {plural}{window}",
            "days",
            takes=_WINDOWED,
        ),
        "longest_silence": Measure(
            "Longest time between two chosen rows that follow each other, `as_of` counting as the last.",
            "longest time without {plural}, in days",
            "days",
            "never happened",
            takes=_CHOICE,
        ),
        "mean_gap": Measure(
            "Time from the first to the last chosen row, divided by one less than their number.",
            "days between {plural} on average",
            "days",
            "happened less than twice",
            takes=_CHOICE,
        ),
        "momentum": Measure(
            "r / (r + e / 3): r chosen rows of age < window, e those of window <= age < 4 windows. "
            "One half is a steady pace, more is a rising one.",
            "pace of {plural}: last {days} against the {days_before} before",
            "share",
            "nothing in four windows",
            takes=_WINDOWED,
            needs=("window_days",),
        ),
        "unanswered_outbound_streak": Measure(
            "Number of outbound rows (of the kinds) that occurred strictly after the last inbound row.",
            "{attempts} since they last came to us",
            "interactions",
            takes=("kinds",),
            name="unanswered_{what}_streak",
            name_of_all="unanswered_outbound_streak",
        ),
        "hours_to_first_reply": Measure(
            "Time from the first inbound row to the first outbound row strictly after it.",
            "hours until our first reply",
            "hours",
            "nothing to reply to, or no reply yet",
            name="hours_to_first_reply",
        ),
        "self_education_share": Measure(
            "Rows of the kinds that occurred strictly before the first row of `before_kinds` (all of them "
            "where there is none), divided by all rows.",
            "share of what they read before the first conversation",
            "share",
            "no interaction yet",
            takes=("kinds", "before_kinds"),
            needs=("kinds", "before_kinds"),
            name="self_education_share",
        ),
        "first_channel": Measure(
            "Channel of the earliest chosen row that has one; of several at that instant the first by name.",
            "channel of the first {singular}",
            "",
            "no channel known",
            takes=("kinds", "direction"),
            type="category",
            name="first_channel_of_{what}",
            name_of_all="first_channel",
        ),
        "last_channel": Measure(
            "Channel of the latest chosen row that has one; of several at that instant the first by name.",
            "channel of the last {singular}",
            "",
            "no channel known",
            takes=("kinds", "direction"),
            type="category",
            name="last_channel_of_{what}",
            name_of_all="last_channel",
        ),
        "waiting_hours": Measure(
            "Time since the earliest inbound row (not of `except_kinds`) that occurred strictly after the "
            "last outbound row.",
            "hours they have waited for our answer",
            "hours",
            "nobody waits for us",
            takes=("except_kinds",),
            name="waiting_hours",
        ),
        "attribute": Measure(
            "Value of the attribute known at `as_of`.",
            "{attribute}",
            "",
            "not known",
            takes=("attribute",),
            needs=("attribute",),
            of_interactions=False,
            name="{attribute}",
        ),
        "lead_age": Measure(
            "Time since the lead was created.",
            "days since the lead was created",
            "days",
            of_interactions=False,
            name="lead_age_days",
        ),
        "calendar": Measure(
            "Hour (0 to 23), weekday (1 Monday to 7 Sunday), day (1 to 31) or month (1 to 12) in UTC.",
            "{part} (UTC)",
            "",
            takes=("part",),
            needs=("part",),
            of_interactions=False,
            name="{part}",
        ),
    }
)
