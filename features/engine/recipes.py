"""How each measure of interactions is put together from what one pass over the known rows gives.

A measure asks the builders for numbers and says where its own will stand. What several features ask for is
computed once; and whatever features there are, one lead costs the same few dozen steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from features.catalog.spec import Feature
from features.engine.decays import DecayBuilder
from features.engine.distincts import DistinctBuilder
from features.engine.longest_gap import SilenceBuilder
from features.engine.one_sided_aggregates import Bound, BoundedBuilder
from features.engine.ratios import MOMENTUM_WINDOWS, QuotientBuilder
from features.engine.selections import EVERYTHING, Selection, selection_of
from features.engine.stack_layout import Place
from features.engine.tallies import TallyBuilder
from features.history.lead_history import INBOUND, OUTBOUND

_INBOUND: Final = Selection(direction=INBOUND)
_OUTBOUND: Final = Selection(direction=OUTBOUND)


@dataclass(frozen=True, slots=True)
class Builders:
    """Those who take what the features of one scope ask for."""

    tallies: TallyBuilder
    decays: DecayBuilder
    bounded: BoundedBuilder
    distincts: DistinctBuilder
    silences: SilenceBuilder
    quotients: QuotientBuilder


Ask = Callable[[Builders, Feature], Place]


def windows_of(feature: Feature) -> tuple[float, ...]:
    """Gives the windows that the tallies need for a feature."""
    if feature.window_days is None:
        return ()
    longer = (MOMENTUM_WINDOWS * feature.window_days,) if feature.measure == "momentum" else ()
    return (feature.window_days, *longer)


def _count(ask: Builders, feature: Feature) -> Place:
    return ask.tallies.count(selection_of(feature), feature.window_days)


def _share(ask: Builders, feature: Feature) -> Place:
    whole = ask.tallies.count(EVERYTHING, feature.window_days)
    return ask.quotients.divide("shares", _count(ask, feature), whole)


def _days_since_last(ask: Builders, feature: Feature) -> Place:
    return ask.tallies.least(selection_of(feature))


def _days_since_first(ask: Builders, feature: Feature) -> Place:
    return ask.tallies.greatest(selection_of(feature))


def _mean_gap(ask: Builders, feature: Feature) -> Place:
    last, first = _days_since_last(ask, feature), _days_since_first(ask, feature)
    return ask.quotients.gap(last, first, ask.tallies.count(selection_of(feature), None))


def _momentum(ask: Builders, feature: Feature) -> Place:
    longer = MOMENTUM_WINDOWS * (feature.window_days or 0.0)
    whole = ask.tallies.count(selection_of(feature), longer)
    return ask.quotients.divide("momenta", _count(ask, feature), whole)


def _decayed_count(ask: Builders, feature: Feature) -> Place:
    return ask.decays.add_up(selection_of(feature), feature.half_life_days or 0.0)


def _value_sum(ask: Builders, feature: Feature) -> Place:
    return ask.quotients.divide("known sums", _sum_of_values(ask, feature), _count(ask, feature))


def _value_mean(ask: Builders, feature: Feature) -> Place:
    return ask.quotients.divide("shares", _sum_of_values(ask, feature), _count(ask, feature))


def _sum_of_values(ask: Builders, feature: Feature) -> Place:
    within = Bound(selection_of(feature), ask.tallies.window(feature.window_days))
    return ask.bounded.find("values", within)


def _value_max(ask: Builders, feature: Feature) -> Place:
    within = Bound(selection_of(feature), ask.tallies.window(feature.window_days))
    return ask.bounded.find("largest values", within)


def _value_last(ask: Builders, feature: Feature) -> Place:
    return ask.bounded.find("largest values", _latest(ask, feature))


def _last_channel(ask: Builders, feature: Feature) -> Place:
    return ask.bounded.find("channels", _latest(ask, feature))


def _latest(ask: Builders, feature: Feature) -> Bound:
    return Bound(selection_of(feature), _days_since_last(ask, feature), is_inclusive=True)


def _first_channel(ask: Builders, feature: Feature) -> Place:
    earliest = _days_since_first(ask, feature)
    bound = Bound(selection_of(feature), earliest, is_after=False, is_inclusive=True)
    return ask.bounded.find("channels", bound)


def _distinct(ask: Builders, feature: Feature) -> Place:
    return ask.distincts.count(feature.measure, selection_of(feature), feature.window_days)


def _longest_silence(ask: Builders, feature: Feature) -> Place:
    return ask.silences.find(selection_of(feature), _days_since_last(ask, feature))


def _unanswered_outbound_streak(ask: Builders, feature: Feature) -> Place:
    looked_at = Selection(frozenset(feature.kinds), OUTBOUND)
    return ask.bounded.find("rows", Bound(looked_at, ask.tallies.least(_INBOUND)))


def _self_education_share(ask: Builders, feature: Feature) -> Place:
    conversation = ask.tallies.greatest(Selection(frozenset(feature.before_kinds)))
    before = Bound(Selection(frozenset(feature.kinds)), conversation, is_after=False)
    return ask.quotients.divide(
        "shares", ask.bounded.find("rows", before), ask.tallies.count(EVERYTHING, None)
    )


def _hours_to_first_reply(ask: Builders, feature: Feature) -> Place:  # noqa: ARG001 - looks at all rows
    first = ask.tallies.greatest(_INBOUND)
    return ask.bounded.find("hours", Bound(_OUTBOUND, first, from_limit=True))


def _waiting_hours(ask: Builders, feature: Feature) -> Place:  # noqa: ARG001 - looks at all rows
    return ask.bounded.find("hours", Bound(_INBOUND, ask.tallies.least(_OUTBOUND)))


ASKS: Final[Mapping[str, Ask]] = MappingProxyType(
    {
        "count": _count,
        "share": _share,
        "days_since_last": _days_since_last,
        "days_since_first": _days_since_first,
        "mean_gap": _mean_gap,
        "momentum": _momentum,
        "decayed_count": _decayed_count,
        "value_sum": _value_sum,
        "value_mean": _value_mean,
        "value_max": _value_max,
        "value_last": _value_last,
        "distinct_campaigns": _distinct,
        "distinct_channels": _distinct,
        "active_days": _distinct,
        "longest_silence": _longest_silence,
        "unanswered_outbound_streak": _unanswered_outbound_streak,
        "hours_to_first_reply": _hours_to_first_reply,
        "self_education_share": _self_education_share,
        "first_channel": _first_channel,
        "last_channel": _last_channel,
        "waiting_hours": _waiting_hours,
    }
)
