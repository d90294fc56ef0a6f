"""Segments of the test examples that have figures of their own: by attribute, by age of the lead, by week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.known import created_known
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.history.personal_data import LEADS_AT_LEAST
from features.times import US_PER_DAY, format_time
from training.config import TrainingConfig
from training.evaluation.capacity import start_of_week, week_of
from training.examples.segment_features import declare_segments

AGE: Final = "age_of_lead"
WEEK: Final = "week"
_MISSING: Final = "missing"
_OTHERS: Final = "all others"
# Groups of values that few leads have, together.
POOLED: Final = f"values of fewer than {LEADS_AT_LEAST} leads"

# Days; narrow at first, because a lead changes quickly then.
_AGES_DAYS: Final = (0.0, 1.0, 7.0, 30.0, 90.0, 180.0)

# The most frequent values have a segment each; nobody reads more, and rarer ones have too few conversions.
_VALUES_AT_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Test examples partitioned by one question.

    Attributes:
        names: of the segments, in the order of the report.
        segment: (n,) number of the segment of each example.
    """

    names: tuple[str, ...]
    segment: Ints

    def masks(self) -> Mapping[str, Bools]:
        """(n,) whether each example belongs to a segment, by the segment's name."""
        return {name: self.segment == number for number, name in enumerate(self.names)}


def segment_examples(
    history: LeadHistory, examples: Examples, *, config: TrainingConfig
) -> dict[str, Segmentation]:
    """Partitions examples by each configured attribute, by age of the lead, by week; as known at `as_of`.

    Args:
        history: as read.
        examples: (n,) the test examples.
        config: segments.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    features = declare_segments(history, config=config)
    by_value = {name: _by_value(history, examples, feature) for name, feature in features.items()}
    if config.segments is None:
        by_value = {name: found for name, found in by_value.items() if len(found.names) > 1}
    age_days = (examples.as_of - created_known(history, examples.lead, examples.as_of)) / US_PER_DAY
    return by_value | {AGE: _by_age(age_days), WEEK: _by_week(examples.as_of)}


def values_of_examples(history: LeadHistory, examples: Examples, feature: Feature) -> Segmentation:
    """Partitions by the values of a feature, the most frequent first; those of few leads are pooled.

    Equally frequent values are ordered by name, never by the order of rows.
    """
    matrix = compute_features(compile_plan(FeatureSet((feature,))), history, examples)
    values = matrix.values[0]
    names = [*matrix.vocabularies.get(feature.name, ("no", "yes")), _MISSING]
    code = np.where(np.isnan(values), len(names) - 1, values).astype(np.int64)
    count = np.bincount(code, minlength=len(names))
    ranked = sorted(np.flatnonzero(count), key=lambda value: (-count[value], names[value]))
    place_of = np.zeros(len(names), np.int64)
    place_of[ranked] = np.arange(len(ranked))
    return pooled(Segmentation(tuple(names[value] for value in ranked), place_of[code]), examples.lead)


def pooled(groups: Segmentation, lead: Ints) -> Segmentation:
    """Joins groups of few leads; where the joined ones are few, too, they are in no group.

    The value of few leads may be about one person, and its figures are mostly chance.

    >>> groups = pooled(Segmentation(("a", "b"), np.array([0] * 20 + [1] * 19)), np.arange(39))
    >>> groups.names, [int(mask.sum()) for mask in groups.masks().values()]
    (('a',), [20])
    """
    leads = [len(np.unique(lead[mask])) for mask in groups.masks().values()]
    names = [name for name, count in zip(groups.names, leads, strict=True) if count >= LEADS_AT_LEAST]
    place = {name: number for number, name in enumerate(names)}
    new = np.array([place.get(name, len(names)) for name in groups.names], np.int64)[groups.segment]
    is_enough = len(np.unique(lead[new == len(names)])) >= LEADS_AT_LEAST
    return Segmentation((*names, *((POOLED,) if is_enough else ())), new)


def _by_value(history: LeadHistory, examples: Examples, feature: Feature) -> Segmentation:
    """Partitions by the values of a feature; those beyond the most frequent are joined with the pooled."""
    groups = values_of_examples(history, examples, feature)
    named = [name for name in groups.names if name != POOLED]
    kept = named[:_VALUES_AT_MOST]
    joined = (_OTHERS,) if len(groups.names) > len(kept) else ()
    return Segmentation((*kept, *joined), np.minimum(groups.segment, len(kept)))


def _by_age(age_days: Floats) -> Segmentation:
    """Partitions by the days since the lead was created."""
    names = [f"{low:g} to {high:g} days" for low, high in pairwise(_AGES_DAYS)]
    segment = np.searchsorted(_AGES_DAYS, age_days, side="right") - 1
    return _without_empty((*names, f"{_AGES_DAYS[-1]:g} days and more"), segment)


def _by_week(as_of: Ints) -> Segmentation:
    """Partitions by the week of the moment, named by its Monday."""
    weeks, segment = np.unique(week_of(as_of), return_inverse=True)
    return Segmentation(tuple(format_time(int(start))[:10] for start in start_of_week(weeks)), segment)


def _without_empty(names: Sequence[str], segment: Ints) -> Segmentation:
    """Leaves out segments without an example."""
    present, numbered = np.unique(segment, return_inverse=True)
    return Segmentation(tuple(names[number] for number in present), numbered)
