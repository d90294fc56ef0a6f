"""What a person reads of a feature, and how it is declared in few words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from features.catalog.measures import MEASURES
from features.catalog.spec import Feature, feature_of_record
from features.catalog.validation import FeatureDeclarationError, words
from features.history.kinds import LABELS_OF_KIND

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
    label = MEASURES[feature.measure].label.format(
        once=once,
        often=often,
        attempts=often if feature.kinds else _DIRECTION_WORDS["outbound"][1],
        window=_window(feature),
        days=_days(feature.window_days),
        days_before=f"{3 * (feature.window_days or 0.0):g} days",
        attribute=_plain(feature.attribute or ""),
        part=_moment_part(feature.part or ""),
    )
    label += f" (half-life {_days(feature.half_life_days)})" if feature.half_life_days else ""
    label += ", whole account" if feature.scope == "account" else ""
    return _capitalised(label)


def _capitalised(label: str) -> str:
    first = 1 if label.startswith("“") else 0
    return label[:first] + label[first : first + 1].upper() + label[first + 1 :]


def _said(feature: Feature) -> tuple[str, str]:
    pairs = [LABELS_OF_KIND.get(kind, (f"“{_plain(kind)}”",) * 2) for kind in feature.kinds]
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
    return "24 hours" if days == 1 else f"{days or 0.0:g} days"


def _moment_part(part: str) -> str:
    """Says which part of which moment, such as created_hour, a calendar feature is."""
    moment, _, unit = part.rpartition("_")
    return f"{_PARTS.get(unit, unit)} of {'creation' if moment == 'created' else 'the prediction'}"


_PARTS: Final[Mapping[str, str]] = {
    "hour": "hour",
    "weekday": "weekday",
    "day": "day of the month",
    "month": "month",
}

# Number of kinds a name spells out; further ones are counted.
_KINDS_IN_A_NAME: Final = 2
_EVERYTHING: Final = "interactions"


def name_of(feature: Feature) -> str:
    """Names a feature `<what>_<measure>_<window>`.

    >>> name_of(Feature("x", "count", "x", kinds=("Email Opened",), window_days=7))
    'email_opened_count_7d'
    """
    what = _slug(feature)
    measure = MEASURES[feature.measure]
    template = (measure.name_of_all if what == _EVERYTHING else "") or measure.name
    name = template.format(
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
