"""A lead is set aside by what a caller said, until its time is over or the lead comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from features.history.lead_history import INBOUND, NO_DIRECTION, OUTBOUND
from features.history.settings import COUNT_ALL, HistorySettings
from features.inputs.interaction_inputs import InteractionInputs
from features.times import US_PER_DAY, US_PER_SECOND
from serving.stored_leads.set_aside import set_aside_until


def until(*rows: tuple[str, int, int | None], as_of: int = 100) -> int | None:
    """The day until which a lead is set aside; a row is a kind, a day and a direction."""
    kinds, days, directions = zip(*rows, strict=True) if rows else ((), (), ())
    times = tuple(day * US_PER_DAY for day in days)
    found = set_aside_until(inputs(kinds, times, directions), as_of * US_PER_DAY, HistorySettings())
    return None if found is None else found // US_PER_DAY


def inputs(
    kinds: Sequence[str],
    times: Sequence[int],
    directions: Sequence[int | None],
    automated: Sequence[bool | None] = (),
) -> InteractionInputs:
    nothing = (None,) * len(kinds)
    return InteractionInputs(kinds, times, times, directions, nothing, nothing, nothing, automated)


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        ([], None),
        ([("page_view", 1, None), ("call_outbound", 2, None)], None),
        ([("call_later", 10, None)], 17),
        ([("not_interested", 10, None)], 100),
        # The last one counts; of two at once the longer one.
        ([("not_interested", 10, None), ("call_later", 11, None)], 18),
        ([("call_later", 10, None), ("not_interested", 10, None)], 100),
        # What was not yet done does not count.
        ([("call_later", 10, None), ("not_interested", 101, None)], 17),
        # The lead was there before, at that moment, or came back.
        ([("page_view", 9, None), ("call_later", 10, None)], 17),
        ([("page_view", 10, None), ("call_later", 10, None)], 17),
        ([("call_later", 10, None), ("page_view", 11, None)], None),
        ([("call_later", 10, None), ("page_view", 11, NO_DIRECTION)], None),
        ([("call_later", 10, None), ("own_kind", 11, INBOUND)], None),
        ([("call_later", 10, None), ("page_view", 101, None)], 17),
        # That we write to it, that it does not want more letters, or that it says no, is no coming back.
        ([("call_later", 10, None), ("email_sent", 11, None), ("own_kind", 12, OUTBOUND)], 17),
        ([("call_later", 10, None), ("unsubscribed", 11, INBOUND), ("own_kind", 12, None)], 17),
        ([("call_later", 10, None), ("not_interested", 10, INBOUND)], 100),
    ],
)
def test_set_aside_until__is_said_by_the_caller_and_ended_by_the_lead(
    rows: list[tuple[str, int, int | None]], day: int | None
) -> None:
    assert until(*rows) == until(*reversed(rows)) == day


@pytest.mark.parametrize(
    ("seconds_after", "said", "is_counted"),
    [
        # A scanner follows the link at once; a person needs longer.
        (5, None, False),
        (11, None, True),
        # What the source says of the row holds.
        (5, False, True),
        (11, True, False),
    ],
)
def test_set_aside_until__is_not_ended_by_a_machine(
    seconds_after: int, said: bool | None, is_counted: bool
) -> None:
    sent = 11 * US_PER_DAY + 7 * US_PER_SECOND
    rows = inputs(
        ("call_later", "email_sent", "email_clicked"),
        (10 * US_PER_DAY, sent, sent + seconds_after * US_PER_SECOND),
        (None,) * 3,
        (None, None, said),
    )
    settings = HistorySettings()

    found = set_aside_until(rows, 12 * US_PER_DAY, settings)

    assert found == (None if is_counted else 17 * US_PER_DAY)
    # A model that counts all rows counts this one.
    assert set_aside_until(rows, 12 * US_PER_DAY, replace(settings, machine_rules=COUNT_ALL)) is None
