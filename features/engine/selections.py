"""Which interactions a feature looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from features.catalog.spec import Feature
from features.history.lead_history import INBOUND, OUTBOUND

# Measures for which it matters whether a row has a channel, or a value, at all.
OF_CHANNELS: Final = frozenset({"first_channel", "last_channel"})
OF_VALUES: Final = frozenset({"value_sum", "value_mean", "value_max", "value_last"})
_CODE_OF_DIRECTION: Final[Mapping[str | None, int | None]] = {
    None: None,
    "inbound": INBOUND,
    "outbound": OUTBOUND,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Some interactions.

    Attributes:
        kinds: of these; empty: of all.
        direction: of this one; None: of any.
        channel: by this one; None: by any.
        has_channel: only those that have a channel.
        has_value: only those that have a value.
    """

    kinds: frozenset[str] = frozenset()
    direction: int | None = None
    channel: str | None = None
    has_channel: bool = False
    has_value: bool = False


EVERYTHING: Final = Selection()


def selection_of(feature: Feature) -> Selection:
    """Gives what the choice of a declaration leaves of the rows that its measure can use."""
    return Selection(
        frozenset(feature.kinds),
        _CODE_OF_DIRECTION[feature.direction],
        feature.channel,
        has_channel=feature.measure in OF_CHANNELS,
        has_value=feature.measure in OF_VALUES,
    )
