"""Until when a lead is left out of the list, because somebody who called it said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.history.kinds import DIRECTION_OF_KIND, UNENGAGED_KINDS
from features.history.lead_history import INBOUND, NO_DIRECTION
from features.inputs.interaction_inputs import InteractionInputs
from features.times import US_PER_DAY

# Days from an interaction of the kind. The page records these; a CRM may send them too.
SET_ASIDE_DAYS: Final[Mapping[str, int]] = {"not_interested": 90, "call_later": 7}


def set_aside_until(interactions: InteractionInputs, as_of: int) -> int | None:
    """Computes until when a lead is set aside.

    The last such interaction counts, and nothing that came from the lead after it: then it is worth a call.

    Args:
        interactions: of the lead, in any order.
        as_of: microseconds UTC; what happened later is left out.

    Returns:
        Microseconds UTC, which may be past; None where the lead is not set aside.

    >>> set_aside_until(InteractionInputs(("call_later",), (0,), (0,), (None,)), 5) // US_PER_DAY
    7
    """
    rows = zip(interactions.kind, interactions.occurred_at, interactions.direction, strict=True)
    past = [row for row in rows if row[1] <= as_of]
    said = [(at, SET_ASIDE_DAYS[kind]) for kind, at, _ in past if kind in SET_ASIDE_DAYS]
    if not said:
        return None
    last = max(at for at, _ in said)
    if any(at > last and _is_from_lead(kind, direction) for kind, at, direction in past):
        return None
    return last + max(days for at, days in said if at == last) * US_PER_DAY


def _is_from_lead(kind: str, direction: int | None) -> bool:
    if kind in UNENGAGED_KINDS or kind in SET_ASIDE_DAYS:
        return False
    own = NO_DIRECTION if direction is None else direction
    return (DIRECTION_OF_KIND.get(kind, NO_DIRECTION) if own == NO_DIRECTION else own) == INBOUND
