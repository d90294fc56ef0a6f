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


# Twenty leads each of the web, of a fair and of no known source, and one that came by a friend.
SOURCES = ["web"] * 20 + ["fair"] * 20 + [None] * 20 + ["friend"]
MADE = history(
    [lead(f"l{row:02}", 0.0, source=source, size=row) for row, source in enumerate(SOURCES)],
    [touch(f"l{row:02}", "page_view", 0.5, channel="web") for row in range(20)],
)


def test_segment_examples__partitions_by_source_age_and_week() -> None:
    pairs = [(row, [0.5, 8.0, 40.0][row % 3]) for row in range(61)]
    segmentations = segment_examples(MADE, _examples(*pairs, (0, 1)), config=TrainingConfig())

    assert list(segmentations) == ["source", AGE, WEEK]
    # The most frequent first, equal ones by name; the value of a single lead is named nowhere.
    assert segmentations["source"].names == ("web", "fair", "missing")
    assert segmentations["source"].segment.tolist() == [0] * 20 + [1] * 20 + [2] * 20 + [3, 0]
    # Left-closed: a day is "1 to 7 days".
    assert segmentations[AGE].names == ("0 to 1 days", "1 to 7 days", "7 to 30 days", "30 to 90 days")
    assert segmentations[AGE].segment.tolist() == [[0, 2, 3][row % 3] for row in range(61)] + [1]
    assert segmentations[WEEK].names == ("2025-12-29", "2026-01-05", "2026-02-09")


def test_segment_examples__takes_the_first_channel_where_no_attribute_is_the_source() -> None:
    leads = [lead(f"l{row:02}") for row in range(40)]
    made = history(leads, [touch(f"l{row:02}", "page_view", 0.5, channel="web") for row in range(20)])
    pairs = [*((row, 1.0) for row in range(40)), (39, 2.0)]

    segmentations = segment_examples(made, _examples(*pairs), config=TrainingConfig())

    assert segmentations["first_channel"].names == ("missing", "web")
    assert segmentations["first_channel"].segment.tolist() == [1] * 20 + [0] * 21


@pytest.mark.parametrize("name", ["size", "colour"])
def test_segment_examples__refuses_a_segment_that_cannot_be(name: str) -> None:
    with pytest.raises(SegmentError, match=f"'{name}'.*which here are: source"):
        segment_examples(MADE, _examples((0, 1)), config=TrainingConfig(segments=(name,)))
