"""Names and labels of features, and the short way to declare one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from features.catalog.measures import MEASURES
from features.catalog.spec import Feature, feature_of_record
from features.catalog.validation import FeatureDeclarationError, list_names
from features.history.kinds import LABELS_OF_KIND

_DIRECTION_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "inbound": ("time they came to us", "times they came to us"),
    "outbound": ("time we went to them", "times we went to them"),
}


def declare(measure: str, **fields: Any) -> Feature:
    """Declares a feature; name, label, unit and the meaning of missing are derived where they are not given.

    Args:
        measure: a key of `MEASURES`.
        **fields: further fields of `Feature`; lists are accepted for tuples.

    Raises:
        FeatureDeclarationError: the fields are not a valid declaration.

    >>> declare("count", kinds=["call_outbound"], window_days=7).label
    'Calls to them in the last 7 days'
    >>> declare("days_since_last", kinds=["email_opened"]).name
    'days_since_last_email_opened'
    """
    if measure not in MEASURES:
        raise FeatureDeclarationError(
            fields.get("name", ""), f"has the unknown measure {measure!r}", list_names("Use", MEASURES)
        )
    rule = MEASURES[measure]
    record = {"unit": rule.unit, "missing": rule.missing, "type": rule.type, "measure": measure, **fields}
    feature = feature_of_record({"name": "unnamed", "label": "unlabelled", **record})
    return feature_of_record({"name": name_of(feature), "label": label_of(feature), **record})


def label_of(feature: Feature) -> str:
    """Writes the label of a feature, such that "<label>: 3" reads well.

    >>> label_of(Feature("x", "share", "x", direction="inbound", window_days=30))
    'Share of times they came to us among all interactions in the last 30 days'
    """
    singular, plural = _nouns(feature)
    label = MEASURES[feature.measure].label.format(
        singular=singular,
        plural=plural,
        attempts=plural if feature.kinds else _DIRECTION_LABELS["outbound"][1],
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


def _nouns(feature: Feature) -> tuple[str, str]:
    """Names the interactions that a feature selects: singular and plural."""
    pairs = [LABELS_OF_KIND.get(kind, (f"“{_plain(kind)}”",) * 2) for kind in feature.kinds]
    if not pairs:
        pairs = [_DIRECTION_LABELS.get(feature.direction or "", ("interaction", "interactions"))]
    elif feature.direction:
        side = " from them" if feature.direction == "inbound" else " to them"
        pairs = [(singular + side, plural + side) for singular, plural in pairs]
    channel = f" by {_plain(feature.channel)}" if feature.channel else ""
    channel += f" other than {' or '.join(map(_plain, feature.except_kinds))}" if feature.except_kinds else ""
    singular, plural = (" or ".join(names) + channel for names in zip(*pairs, strict=True))
    return singular, plural


def _plain(text: str) -> str:
    return text.replace("_", " ")


def _window(feature: Feature) -> str:
    return f" in the last {_days(feature.window_days)}" if feature.window_days else " so far"


def _days(days: float | None) -> str:
    return "24 hours" if days == 1 else f"{days or 0.0:g} days"


def _moment_part(part: str) -> str:
    """Writes the calendar part of a feature, such as created_hour, in words."""
    moment, _, unit = part.rpartition("_")
    return f"{_PARTS.get(unit, unit)} of {'creation' if moment == 'created' else 'the prediction'}"


_PARTS: Final[Mapping[str, str]] = {
    "hour": "hour",
    "weekday": "weekday",
    "day": "day of the month",
    "month": "month",
}

# Number of kinds that a name lists; further kinds are only counted.
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
    others = f"except_{'_or_'.join(map(_snake, feature.except_kinds))}" if feature.except_kinds else ""
    parts = [feature.direction or "", "_or_".join(kinds), channel, others]
    return "_".join(part for part in parts if part) or _EVERYTHING


def _snake(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_") or "unnamed"
