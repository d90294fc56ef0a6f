"""A hundred features that one aggregating query can express, so that engines can be compared."""

from __future__ import annotations

from typing import Final

from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from tests.benchmarks.company import KINDS

WINDOWS_DAYS: Final = (7.0, 30.0, 90.0)


def benchmark_catalogue() -> FeatureSet:
    """Declares 100 features: those of the default catalogue without what needs the order of the rows."""
    return FeatureSet((*_of_the_lead(), *_of_everything(), *_of_directions(), *_of_kinds()))


def _of_the_lead() -> list[Feature]:
    return [
        declare("attribute", attribute="country", type="category"),
        declare("attribute", attribute="source", type="category"),
        declare("attribute", attribute="employees", type="number"),
        declare("attribute", attribute="has_budget", type="boolean"),
        declare("lead_age"),
        declare("calendar", part="created_hour"),
        declare("calendar", part="created_weekday"),
    ]


def _of_everything() -> list[Feature]:
    return [
        declare("days_since_first"),
        declare("days_since_last"),
        declare("count"),
        *(declare("count", window_days=days) for days in WINDOWS_DAYS),
        *(declare("decayed_count", half_life_days=days) for days in (7.0, 30.0)),
        declare("momentum", window_days=7.0),
        declare("mean_gap"),
        declare("active_days"),
        declare("distinct_channels"),
        *(declare(measure) for measure in ("value_sum", "value_mean", "value_max")),
    ]


def _of_directions() -> list[Feature]:
    declared = []
    for direction in ("inbound", "outbound"):
        declared += [
            declare("days_since_last", direction=direction),
            declare("count", direction=direction),
            declare("count", direction=direction, window_days=30.0),
            declare("share", direction=direction),
            declare("decayed_count", direction=direction, half_life_days=7.0),
        ]
    return declared


def _of_kinds() -> list[Feature]:
    declared = []
    for kind in KINDS:
        declared += [
            declare("count", kinds=(kind,)),
            *(declare("count", kinds=(kind,), window_days=days) for days in WINDOWS_DAYS),
            declare("days_since_last", kinds=(kind,)),
        ]
    return [*declared, *(declare("decayed_count", kinds=(kind,), half_life_days=30.0) for kind in KINDS[:8])]
