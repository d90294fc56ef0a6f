"""Names that are probably meant by ours: other spellings first, then what other systems call them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from features.tables.near_names import nearest_names


@pytest.mark.parametrize(
    ("wanted", "present", "expected"),
    [
        (["lead_id", "created_at"], ["Lead Number", "Created Date"], ["Lead Number", "Created Date"]),
        (["lead_id"], ["id", "Lead ID"], ["Lead ID"]),
        (["created_at"], [" created_at"], [" created_at"]),
        (["kind", "occurred_at"], ["Type", "createdAt"], ["Type", "createdAt"]),
        (["occurred_at"], ["occured_at"], ["occured_at"]),
        (["outcome", "occurred_at"], ["Stage", "Close Date"], ["Stage", "Close Date"]),
        # One name is given once, to the column that it fits best.
        (["occurred_at", "available_at"], ["available-at"], [None, "available-at"]),
        (["kind"], ["colour", ""], [None]),
        (["kind"], [], [None]),
    ],
)
def test_nearest_names__finds_what_is_meant(
    wanted: Sequence[str], present: Sequence[str], expected: Sequence[str | None]
) -> None:
    found = nearest_names(wanted, present)

    assert [found.get(name) for name in wanted] == expected


def test_nearest_names__can_leave_out_names_of_other_systems() -> None:
    present = ["timestamp", "Occurred At"]

    assert nearest_names(["occurred_at", "kind"], present, are_synonyms_known=False) == {
        "occurred_at": "Occurred At"
    }
