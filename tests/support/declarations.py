"""Declared features that use every measure, every field and both scopes, for tests of the engine."""

from __future__ import annotations

from features.catalog.measures import CALENDAR_PARTS, MEASURES
from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare

_CHOICES: tuple[dict[str, object], ...] = (
    {},
    {"kinds": ["email_opened", "own kind"]},
    {"kinds": ["call_outbound"], "direction": "inbound"},
    {"direction": "outbound"},
    {"direction": "inbound", "channel": "phone"},
    {"except_kinds": ["email_opened", "own kind"]},
    {"except_kinds": ["page_view"], "direction": "inbound"},
)
_NEEDED: dict[str, dict[str, object]] = {
    "self_education_share": {
        "kinds": ["page_view", "email_opened"],
        "before_kinds": ["call_inbound", "call_outbound"],
    },
}
_SPECIAL = ("attribute", "calendar", "lead_age")


def every_feature() -> FeatureSet:
    """Every measure with every choice of interactions, window, half-life and scope that it takes."""
    features = [feature for measure in MEASURES if measure not in _SPECIAL for feature in _variants(measure)]
    features.append(declare("lead_age"))
    features.append(declare("attribute", attribute="size"))
    features.append(declare("attribute", attribute="country", type="category"))
    features += [declare("calendar", part=part) for part in CALENDAR_PARTS]
    return FeatureSet(tuple(features))


def _variants(measure: str) -> list[Feature]:
    takes = MEASURES[measure].takes
    choices = [choice for choice in _CHOICES if set(choice) <= set(takes)]
    if measure in _NEEDED:
        choices = [_NEEDED[measure]]
    windows: tuple[float | None, ...] = (None, 1, 7) if "window_days" in takes else (None,)
    half_lives: tuple[float | None, ...] = (7, 0.5) if "half_life_days" in takes else (None,)
    if measure == "momentum":
        windows = (1, 7)
    variants: list[Feature] = []
    for scope in ("lead", "account"):
        for choice in choices:
            for window in windows:
                for half_life in half_lives:
                    fields = choice | {"scope": scope}
                    fields |= {} if window is None else {"window_days": window}
                    fields |= {} if half_life is None else {"half_life_days": half_life}
                    name = f"f{len(variants)}_{measure}"
                    variants.append(declare(measure, name=name, **fields))
    return variants
