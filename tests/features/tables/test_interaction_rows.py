"""Interactions known of an account: grouping and the choice between duplicates follow one rule."""

from __future__ import annotations

import pytest

from tests.support.builders import at, history, lead, touch

BEFORE_AT_AFTER = pytest.mark.parametrize(
    ("available_at", "expected"),
    [(4, 5), (5, 5), (6, 6)],
    ids=["before the creation of its lead", "at its creation", "after it"],
)


@BEFORE_AT_AFTER
def test_group_by_account__knows_no_row_before_its_lead_is_created(
    available_at: float, expected: float
) -> None:
    leads = [lead("a", 0, account_id="A"), lead("b", 5, account_id="A")]

    made = history(leads, [touch("b", "chat", 1, available_at=available_at)])

    assert made.account_interactions is not None
    assert made.account_interactions.available_at.tolist() == [at(expected)]
    assert made.interactions.available_at.tolist() == [at(available_at)]


@pytest.mark.parametrize(
    ("available_at", "kept"),
    [(4, "a"), (5, "b"), (6, "b")],
    ids=["known before b is created", "known when b is created, b occurred first", "known after it"],
)
def test_read_interactions__keeps_the_duplicate_whose_lead_and_row_are_known_first(
    available_at: float, kept: str
) -> None:
    leads = [lead("a", 0), lead("b", 5)]
    ids = {"source": "crm", "interaction_id": "1"}
    # The row of b is available on day 1, but b does not exist until day 5.
    rows = [
        touch("a", "chat", 2, available_at=available_at, **ids),
        touch("b", "chat", 1, available_at=1, **ids),
    ]

    made = history(leads, rows)

    assert made.interactions.starts.tolist() == ([0, 1, 1] if kept == "a" else [0, 0, 1])
