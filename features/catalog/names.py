"""How a feature is called in code, from its declaration alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.catalog.spec import Feature

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
