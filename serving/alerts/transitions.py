"""What a new current score means: a lead enters the highest band, falls out of it, or waits for us.

A lead is told of once when it enters, until it leaves; and once while it waits, until it is answered. Who
converts or is lost leaves without an alert. A lead that is held out of prioritisation is told of never, one
that is set aside not until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from features.times import US_PER_HOUR, US_PER_SECOND

_FAILED: Final = "failed"


class LeadState(NamedTuple):
    """How a lead stood when alerts were last looked for.

    Attributes:
        is_top: whether it was in the highest band.
        waiting_since: microseconds UTC, of the oldest interaction without an answer; None where none waits.
        is_reported: whether it was told that the lead waits too long.
    """

    is_top: bool = False
    waiting_since: int | None = None
    is_reported: bool = False


NOTHING: Final = LeadState()


class Transition(NamedTuple):
    """What a score changed.

    Attributes:
        state: of the lead from now on.
        kind: of the alert; None where the score is none.
    """

    state: LeadState
    kind: Literal["entered", "left"] | None


def transition_of(before: LeadState, row: Mapping[str, Any], *, top: str, now: int) -> Transition:
    """Compares a current score with how the lead stood before.

    Args:
        before: how it stood.
        row: of the current scores.
        top: name of the highest band.
        now: microseconds UTC.

    >>> row = {"status": "scored", "priority": 0.5, "band": "A", "waiting_hours": None}
    >>> transition_of(NOTHING, {**row, "set_aside_until": None}, top="A", now=0).kind
    'entered'
    """
    if row["status"] == _FAILED:
        return Transition(before, None)
    if row["priority"] is None or row.get("held_out"):
        return Transition(NOTHING, None)
    is_top = row["band"] == top
    if (row["set_aside_until"] or 0) > now:
        # Not to be called now: only what ends is noted.
        return Transition(LeadState(is_top=before.is_top and is_top), None)
    kind: Literal["entered", "left"] | None = None
    if is_top != before.is_top:
        kind = "entered" if is_top else "left"
    return Transition(LeadState(is_top, *_waiting(before, row)), kind)


def _waiting(before: LeadState, row: Mapping[str, Any]) -> tuple[int | None, bool]:
    if row["waiting_hours"] is None:
        return None, False
    since = row["as_of"] - round(row["waiting_hours"] * US_PER_HOUR)
    # Hours are no whole microseconds. An older interaction that came late is the same wait.
    is_same = before.waiting_since is not None and since <= before.waiting_since + US_PER_SECOND
    return since, before.is_reported and is_same
