"""Selections: the interactions that a feature uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from features.catalog.spec import Feature
from features.history.lead_history import DIRECTIONS

# Measures that use only rows with a channel, or only rows with a value.
OF_CHANNELS: Final = frozenset({"first_channel", "last_channel"})
OF_VALUES: Final = frozenset({"value_sum", "value_mean", "value_max", "value_last"})


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of interactions.

    Attributes:
        kinds: only these kinds; empty: all kinds.
        direction: only this direction; None: any.
        channel: only this channel; None: any.
        has_channel: only interactions with a channel.
        has_value: only interactions with a value.
        except_kinds: none of these kinds.
    """

    kinds: frozenset[str] = frozenset()
    direction: int | None = None
    channel: str | None = None
    has_channel: bool = False
    has_value: bool = False
    except_kinds: frozenset[str] = frozenset()


EVERYTHING: Final = Selection()


def selection_of(feature: Feature) -> Selection:
    """Gives the rows that a declaration selects, among those that its measure can use."""
    return Selection(
        frozenset(feature.kinds),
        None if feature.direction is None else DIRECTIONS[feature.direction],
        feature.channel,
        has_channel=feature.measure in OF_CHANNELS,
        has_value=feature.measure in OF_VALUES,
        except_kinds=frozenset(feature.except_kinds),
    )
