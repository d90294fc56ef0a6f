from __future__ import annotations

import numpy as np
import pytest

from features.engine.matrix import Examples
from tests.support.builders import at, history, lead, touch
from training.config import TrainingConfig
from training.evaluation.segments import AGE, WEEK, segment_examples
from training.examples.segment_features import SegmentError


def _examples(*pairs: tuple[int, float]) -> Examples:
    return Examples(np.array([row for row, _ in pairs]), np.array([at(day) for _, day in pairs]))


MADE = history(
    [
        lead("a", 0, source="web", size=3),
        lead("b", 1, source="fair", size=4),
        lead("c", 1, source=None, size=5),
    ],
    [touch("a", "page_view", 0.5, channel="web")],
)


def test_segment_examples__partitions_by_source_age_and_week() -> None:
    segmentations = segment_examples(
        MADE, _examples((0, 0.5), (0, 8), (1, 1), (2, 40)), config=TrainingConfig()
    )

    assert list(segmentations) == ["source", AGE, WEEK]
    assert segmentations["source"].names == ("web", "fair", "missing")
    assert segmentations["source"].segment.tolist() == [0, 0, 1, 2]
    # Left-closed: at creation is "0 to 1 days".
    assert segmentations[AGE].names == ("0 to 1 days", "7 to 30 days", "30 to 90 days")
    assert segmentations[AGE].segment.tolist() == [0, 1, 0, 2]
    assert segmentations[WEEK].names == ("2025-12-29", "2026-01-05", "2026-02-09")


def test_segment_examples__takes_the_first_channel_where_no_attribute_is_the_source() -> None:
    made = history([lead("a"), lead("b")], [touch("a", "page_view", 0.5, channel="web")])

    segmentations = segment_examples(made, _examples((0, 0.2), (0, 1), (1, 1)), config=TrainingConfig())

    assert segmentations["first_channel"].names == ("missing", "web")
    assert segmentations["first_channel"].segment.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["size", "colour"])
def test_segment_examples__refuses_a_segment_that_cannot_be(name: str) -> None:
    with pytest.raises(SegmentError, match=f"'{name}'.*which here are: source"):
        segment_examples(MADE, _examples((0, 1)), config=TrainingConfig(segments=(name,)))
