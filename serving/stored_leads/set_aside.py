"""Until when a lead is left out of the list, because somebody who called it said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.history.kinds import UNENGAGED_KINDS
from features.history.lead_history import INBOUND
from features.history.settings import HistorySettings
from features.inputs.interaction_inputs import InteractionInputs, interactions_of
from features.times import US_PER_DAY

# Days from an interaction of the kind. The page records these; a CRM may send them too.
SET_ASIDE_DAYS: Final[Mapping[str, int]] = {"not_interested": 90, "call_later": 7}


def set_aside_until(interactions: InteractionInputs, as_of: int, settings: HistorySettings) -> int | None:
    """Computes until when a lead is set aside.

    The last such interaction counts, and nothing that came from the lead after it: then it is worth a call.
    What a machine made is none of the lead's, by the rules of the model.

    Args:
        interactions: of the lead, in any order.
        as_of: microseconds UTC; what happened later is left out.
        settings: of the model; they say which rows count as machine-made.

    Returns:
        Microseconds UTC, which may be past; None where the lead is not set aside.

    >>> later = InteractionInputs(("call_later",), (0,), (0,), (None,), (None,), (None,), (None,))
    >>> set_aside_until(later, 5, HistorySettings()) // US_PER_DAY
    7
    """
    if SET_ASIDE_DAYS.keys().isdisjoint(interactions.kind):
        return None
    rows = interactions_of([interactions], [0], settings)
    kinds = [rows.kind.values[code] for code in rows.kind.codes]
    past = [
        row
        for row in zip(kinds, rows.occurred_at.tolist(), rows.direction.tolist(), strict=True)
        if row[1] <= as_of
    ]
    said = [(at, SET_ASIDE_DAYS[kind]) for kind, at, _ in past if kind in SET_ASIDE_DAYS]
    if not said:
        return None
    last: int = max(at for at, _ in said)
    if any(at > last and _is_from_lead(kind, direction) for kind, at, direction in past):
        return None
    return last + max(days for at, days in said if at == last) * US_PER_DAY


def _is_from_lead(kind: str, direction: int) -> bool:
    return direction == INBOUND and kind not in UNENGAGED_KINDS and kind not in SET_ASIDE_DAYS
