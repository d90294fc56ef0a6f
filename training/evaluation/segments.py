"""Parts of the test examples that figures are told for: by segment, by age of the lead, by week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compile_plan, compute_features
from features.engine.matrix import Examples
from features.errors import LeadOddsError
from features.history.lead_history import Floats, Ints, LeadHistory
from features.times import US_PER_DAY, format_time
from training.config import TrainingConfig
from training.evaluation.capacity import start_of_week, week_of

AGE: Final = "age_of_lead"
WEEK: Final = "week"
FIRST_CHANNEL: Final = "first_channel"
_SOURCE: Final = "source"
_MISSING: Final = "missing"
_OTHERS: Final = "all others"

# Days; a lead changes quickly at first.
_AGES_DAYS: Final = (0.0, 1.0, 7.0, 30.0, 90.0, 180.0)

# The most frequent values; more are not read, and have too few conversions each.
_VALUES_AT_MOST: Final = 12


class SegmentError(LeadOddsError):
    """A segment that the history does not have, or that has no few values."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"The configuration asks for figures by segment {name!r}; they can be {FIRST_CHANNEL} and the "
            f"attributes that are categories or booleans, which here are: {names}. Correct `segments`."
        )


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Test examples parted by one question.

    Attributes:
        names: of the groups, in the order in which they are told.
        group: (n,) number of the group of each example.
    """

    names: tuple[str, ...]
    group: Ints


def segment_examples(
    history: LeadHistory, examples: Examples, *, config: TrainingConfig
) -> dict[str, Segmentation]:
    """Parts examples by every segment, by age of the lead, and by week; as known at each `as_of`.

    Args:
        history: as read.
        examples: (n,) those judged.
        config: segments.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    segments = _segments(history, config=config)
    parts = {name: _by_value(history, examples, feature) for name, feature in segments.items()}
    if config.segments is None:
        parts = {name: part for name, part in parts.items() if len(part.names) > 1}
    age_days = (examples.as_of - history.created_at[examples.lead]) / US_PER_DAY
    return parts | {AGE: _by_age(age_days), WEEK: _by_week(examples.as_of)}


def _segments(history: LeadHistory, *, config: TrainingConfig) -> dict[str, Feature]:
    """Declares what the segments are read from."""
    few = [name for name, one in history.attributes.items() if one.type != "number"]
    wished = config.segments
    if wished is None:
        wished = (_SOURCE if _SOURCE in few else FIRST_CHANNEL,)
    segments: dict[str, Feature] = {}
    for name in wished:
        if name not in few and name != FIRST_CHANNEL:
            raise SegmentError(name, known=few)
        segments[name] = (
            declare("attribute", attribute=name, type=history.attributes[name].type)
            if name in few
            else declare("first_channel")
        )
    return segments


def _by_value(history: LeadHistory, examples: Examples, feature: Feature) -> Segmentation:
    """Parts by the values of a feature, the most frequent first; rare ones are joined."""
    matrix = compute_features(compile_plan(FeatureSet((feature,))), history, examples)
    values = matrix.values[0]
    words = [*matrix.vocabularies.get(feature.name, ("no", "yes")), _MISSING]
    code = np.where(np.isnan(values), len(words) - 1, values).astype(np.int64)
    count = np.bincount(code, minlength=len(words))
    # Names decide between equally frequent ones, never the order of rows.
    order = sorted(np.flatnonzero(count), key=lambda one: (-count[one], words[one]))
    kept = order[:_VALUES_AT_MOST]
    group = np.full(len(words), len(kept), dtype=np.int64)
    group[kept] = np.arange(len(kept))
    names = (*(words[one] for one in kept), *((_OTHERS,) if len(order) > len(kept) else ()))
    return Segmentation(names, group[code])


def _by_age(age_days: Floats) -> Segmentation:
    """Parts by the days since the lead was created."""
    names = [f"{low:g} to {high:g} days" for low, high in pairwise(_AGES_DAYS)]
    group = np.searchsorted(_AGES_DAYS, age_days, side="right") - 1
    return _occurring((*names, f"{_AGES_DAYS[-1]:g} days and more"), group)


def _by_week(as_of: Ints) -> Segmentation:
    """Parts by the week of the moment, named by its Monday."""
    weeks, group = np.unique(week_of(as_of), return_inverse=True)
    return Segmentation(tuple(format_time(int(start))[:10] for start in start_of_week(weeks)), group)


def _occurring(names: Sequence[str], group: Ints) -> Segmentation:
    """Leaves out groups without an example."""
    found, numbered = np.unique(group, return_inverse=True)
    return Segmentation(tuple(names[one] for one in found), numbered)


def masks(part: Segmentation) -> Mapping[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Gives (n,) who belongs to each group, by its name."""
    return {name: part.group == number for number, name in enumerate(part.names)}
