"""The features by whose values examples are split into segments, as they are configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.catalog.spec import Feature
from features.catalog.wording import declare
from features.errors import LeadOddsError
from features.history.lead_history import LeadHistory
from training.config import TrainingConfig

FIRST_CHANNEL: Final = "first_channel"
_SOURCE: Final = "source"


class SegmentError(LeadOddsError):
    """A configured segment that the history does not have, or that has too many values."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"The configuration asks for figures by segment {name!r}; they can be {FIRST_CHANNEL} and the "
            f"attributes that are categories or booleans, which here are: {names}. Correct `segments`."
        )


def declare_segments(history: LeadHistory, *, config: TrainingConfig) -> dict[str, Feature]:
    """Declares the feature that each segmentation takes its values from.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    known = [name for name, attribute in history.attributes.items() if attribute.type != "number"]
    configured = config.segments
    if configured is None:
        configured = (_SOURCE if _SOURCE in known else FIRST_CHANNEL,)
    features: dict[str, Feature] = {}
    for name in configured:
        if name not in known and name != FIRST_CHANNEL:
            raise SegmentError(name, known=known)
        features[name] = (
            declare("attribute", attribute=name, type=history.attributes[name].type)
            if name in known
            else declare("first_channel")
        )
    return features
