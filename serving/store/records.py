"""What is read of a stored lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from features.history.known import is_known
from features.history.lead_history import AttributeType
from features.history.outcomes import OutcomeInput
from features.inputs.interaction_inputs import InteractionInputs


class StoredValue(NamedTuple):
    """A value of an attribute from a moment on; type and text are None where it was emptied."""

    attribute: str
    type: AttributeType | None
    text: str | None
    available_at: int


class TimelineEntry(NamedTuple):
    """An interaction of the timeline."""

    source: str
    interaction_id: str
    kind: str
    occurred_at: int
    available_at: int
    direction: str | None
    channel: str | None
    campaign: str | None
    value: float | None
    is_automated: bool | None
    further: dict[str, Any]


class StoredLead(NamedTuple):
    """A lead, its attributes and its outcomes, those of its aliases among them.

    Attributes:
        lead_id: the lead.
        created_at: microseconds UTC; the lead has no row before.
        account_id: its account, if it has one.
        values: of all its attributes, in the order in which they became known.
        outcomes: all of them, in no particular order.
        sequence: number of the last transaction that was read.
        creations: creations of its aliases, microseconds UTC: since when they are known to be its, and when
            they were created.
    """

    lead_id: str
    created_at: int
    account_id: str | None
    values: Sequence[StoredValue]
    outcomes: Sequence[OutcomeInput]
    sequence: int
    creations: Sequence[tuple[int, int]] = ()

    def created_known(self, as_of: int) -> int:
        """Finds the creation that counts at a moment; see `features.history.known.created_known`."""
        known = [created for since, created in self.creations if is_known(since, as_of)]
        return min([self.created_at, *known])


class Evidence(NamedTuple):
    """A lead with everything that its score depends on.

    Attributes:
        lead: the lead.
        interactions: all of them.
        account_interactions: of all leads of its account; None if not read.
    """

    lead: StoredLead
    interactions: InteractionInputs
    account_interactions: InteractionInputs | None
