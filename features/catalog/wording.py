"""What a person reads of a feature, and how it is declared in few words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from features.catalog.measures import MEASURES
from features.catalog.spec import Feature, feature_of_record
from features.catalog.validation import FeatureDeclarationError, words
from features.history.kinds import WORDS_OF_KIND

_DIRECTION_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "inbound": ("time they came to us", "times they came to us"),
    "outbound": ("time we went to them", "times we went to them"),
}


def declare(measure: str, **fields: Any) -> Feature:
    """Declares a feature; name, label, unit and the meaning of a missing value are filled in unless given.

    Args:
        measure: a key of `MEASURES`.
        **fields: further fields of `Feature`; lists will do for tuples.

    Raises:
        FeatureDeclarationError: what was given does not make a feature.

    >>> declare("count", kinds=["call_outbound"], window_days=7).label
    'Calls to them in the last 7 days'
    >>> declare("days_since_last", kinds=["email_opened"]).name
    'days_since_last_email_opened'
    """
    if measure not in MEASURES:
        raise FeatureDeclarationError(
            fields.get("name", ""), f"has the unknown measure {measure!r}", words("Use", MEASURES)
        )
    rule = MEASURES[measure]
    worded = {"unit": rule.unit, "missing": rule.missing, "type": rule.type, "measure": measure, **fields}
    feature = feature_of_record({"name": "unnamed", "label": "unlabelled", **worded})
    return feature_of_record({"name": name_of(feature), "label": label_of(feature), **worded})


def label_of(feature: Feature) -> str:
    """Says what a feature is, so that "<label>: 3" reads well.

    >>> label_of(Feature("x", "share", "x", direction="inbound", window_days=30))
    'Share of times they came to us among all interactions in the last 30 days'
    """
    once, often = _said(feature)
    template = _LABELS[feature.measure]
    if callable(template):
        return template(feature)
    label = template.format(
        once=once,
        often=often,
        attempts=often if feature.kinds else _DIRECTION_WORDS["outbound"][1],
        window=_window(feature),
    )
    label += f" (half-life {_days(feature.half_life_days)})" if feature.half_life_days else ""
    label += ", whole account" if feature.scope == "account" else ""
    return _capitalised(label)


def _capitalised(label: str) -> str:
    first = 1 if label.startswith("“") else 0
    return label[:first] + label[first : first + 1].upper() + label[first + 1 :]


def _said(feature: Feature) -> tuple[str, str]:
    pairs = [WORDS_OF_KIND.get(kind, (f"“{_plain(kind)}”",) * 2) for kind in feature.kinds]
    if not pairs:
        pairs = [_DIRECTION_WORDS.get(feature.direction or "", ("interaction", "interactions"))]
    elif feature.direction:
        side = " from them" if feature.direction == "inbound" else " to them"
        pairs = [(once + side, often + side) for once, often in pairs]
    channel = f" by {_plain(feature.channel)}" if feature.channel else ""
    return " or ".join(once for once, _ in pairs) + channel, " or ".join(
        often for _, often in pairs
    ) + channel


def _plain(text: str) -> str:
    return text.replace("_", " ")


def _window(feature: Feature) -> str:
    return f" in the last {_days(feature.window_days)}" if feature.window_days else " so far"


def _days(days: float | None) -> str:
    if days == 1:
        return "24 hours"
    return f"{days:g} days"


def _momentum(feature: Feature) -> str:
    days = feature.window_days or 0.0
    account = ", whole account" if feature.scope == "account" else ""
    often = _said(feature)[1]
    return f"Pace of {often}: last {_days(days)} against the {3 * days:g} days before{account}"


def _attribute(feature: Feature) -> str:
    return _capitalised(_plain(feature.attribute or ""))


def _calendar(feature: Feature) -> str:
    moment, _, unit = (feature.part or "").rpartition("_")
    of = "creation" if moment == "created" else "the prediction"
    return f"{_PARTS[unit]} of {of} (UTC)"


_PARTS: Final[Mapping[str, str]] = {
    "hour": "Hour",
    "weekday": "Weekday",
    "day": "Day of the month",
    "month": "Month",
}

_LABELS: Final[Mapping[str, str | Callable[[Feature], str]]] = MappingProxyType(
    {
        "count": "{often}{window}",
        "share": "share of {often} among all interactions{window}",
        "days_since_last": "days since the last {once}",
        "days_since_first": "days since the first {once}",
        "decayed_count": "{often}, recent ones counting more",
        "value_sum": "sum of the values of {often}{window}",
        "value_mean": "mean value of {often}{window}",
        "value_max": "largest value of {often}{window}",
        "value_last": "value of the last {once}",
        "distinct_campaigns": "different campaigns of {often}{window}",
        "distinct_channels": "different channels of {often}{window}",
        "active_days": "days with {often}{window}",
        "longest_silence": "longest time without {often}, in days",
        "mean_gap": "days between {often} on average",
        "momentum": _momentum,
        "unanswered_outbound_streak": "{attempts} since they last came to us",
        "hours_to_first_reply": "hours until our first reply",
        "self_education_share": "share of what they read before the first conversation",
        "first_channel": "channel of the first {once}",
        "last_channel": "channel of the last {once}",
        "waiting_hours": "hours they have waited for our answer",
        "attribute": _attribute,
        "lead_age": "days since the lead was created",
        "calendar": _calendar,
    }
)


# Number of kinds a name spells out; further ones are counted.
_KINDS_IN_A_NAME: Final = 2
_EVERYTHING: Final = "interactions"

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "days_since_last": "days_since_last_{what}",
        "days_since_first": "days_since_first_{what}",
        "distinct_campaigns": "{what}_campaigns",
        "distinct_channels": "{what}_channels",
        "unanswered_outbound_streak": "unanswered_{what}_streak",
        "hours_to_first_reply": "hours_to_first_reply",
        "waiting_hours": "waiting_hours",
        "self_education_share": "self_education_share",
        "first_channel": "first_channel_of_{what}",
        "last_channel": "last_channel_of_{what}",
        "attribute": "{attribute}",
        "lead_age": "lead_age_days",
        "calendar": "{part}",
    }
)
_NAMES_OF_EVERYTHING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "days_since_last": "days_since_last_interaction",
        "days_since_first": "days_since_first_interaction",
        "unanswered_outbound_streak": "unanswered_outbound_streak",
        "first_channel": "first_channel",
        "last_channel": "last_channel",
    }
)


def name_of(feature: Feature) -> str:
    """Names a feature `<what>_<measure>_<window>`.

    >>> name_of(Feature("x", "count", "x", kinds=("Email Opened",), window_days=7))
    'email_opened_count_7d'
    """
    what = _slug(feature)
    names = _NAMES if what != _EVERYTHING else {**_NAMES, **_NAMES_OF_EVERYTHING}
    name = names.get(feature.measure, "{what}_{measure}").format(
        what=what, measure=feature.measure, attribute=_snake(feature.attribute or ""), part=feature.part
    )
    if feature.window_days is not None:
        name += f"_{feature.window_days:g}d"
    if feature.half_life_days is not None:
        name += f"_{feature.half_life_days:g}d"
    return f"account_{name}" if feature.scope == "account" else name


def _slug(feature: Feature) -> str:
    kinds = [_snake(kind) for kind in feature.kinds]
    if len(kinds) > _KINDS_IN_A_NAME:
        kinds = [*kinds[: _KINDS_IN_A_NAME - 1], f"{len(kinds) - _KINDS_IN_A_NAME + 1}_more"]
    channel = f"by_{_snake(feature.channel)}" if feature.channel else ""
    parts = [feature.direction or "", "_or_".join(kinds), channel]
    return "_".join(part for part in parts if part) or _EVERYTHING


def _snake(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_") or "unnamed"
