"""How each measure of interactions is computed from the aggregates of one pass over the known rows.

A recipe requests aggregates from the builders and gives the row of the stack that holds its measure. Equal
requests of several features are computed once, and one lead takes the same few dozen steps for any features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from features.catalog.spec import Feature
from features.engine.decays import DecayBuilder
from features.engine.distincts import DistinctBuilder
from features.engine.longest_gap import LongestGapBuilder
from features.engine.one_sided_aggregates import OneSidedBuilder, OneSidedRows
from features.engine.ratios import MOMENTUM_WINDOWS, RatioBuilder
from features.engine.selections import EVERYTHING, Selection, selection_of
from features.engine.stack_layout import StackRow
from features.engine.tallies import TallyBuilder
from features.history.lead_history import INBOUND, OUTBOUND

_INBOUND: Final = Selection(direction=INBOUND)
_OUTBOUND: Final = Selection(direction=OUTBOUND)


@dataclass(frozen=True, slots=True)
class Builders:
    """The builders that collect the requests of the features of one scope."""

    tallies: TallyBuilder
    decays: DecayBuilder
    one_sided: OneSidedBuilder
    distincts: DistinctBuilder
    longest_gaps: LongestGapBuilder
    ratios: RatioBuilder


Recipe = Callable[[Builders, Feature], StackRow]


def windows_of(feature: Feature) -> tuple[float, ...]:
    """Gives the windows, in days, that the tallies need for a feature."""
    if feature.window_days is None:
        return ()
    longer = (MOMENTUM_WINDOWS * feature.window_days,) if feature.measure == "momentum" else ()
    return (feature.window_days, *longer)


def _count(builders: Builders, feature: Feature) -> StackRow:
    return builders.tallies.count(selection_of(feature), feature.window_days)


def _share(builders: Builders, feature: Feature) -> StackRow:
    whole = builders.tallies.count(EVERYTHING, feature.window_days)
    return builders.ratios.ratio("shares", _count(builders, feature), whole)


def _days_since_last(builders: Builders, feature: Feature) -> StackRow:
    return builders.tallies.least(selection_of(feature))


def _days_since_first(builders: Builders, feature: Feature) -> StackRow:
    return builders.tallies.greatest(selection_of(feature))


def _mean_gap(builders: Builders, feature: Feature) -> StackRow:
    last, first = _days_since_last(builders, feature), _days_since_first(builders, feature)
    return builders.ratios.mean_gap(last, first, builders.tallies.count(selection_of(feature), None))


def _momentum(builders: Builders, feature: Feature) -> StackRow:
    longer = MOMENTUM_WINDOWS * (feature.window_days or 0.0)
    whole = builders.tallies.count(selection_of(feature), longer)
    return builders.ratios.ratio("momenta", _count(builders, feature), whole)


def _decayed_count(builders: Builders, feature: Feature) -> StackRow:
    return builders.decays.decayed_count(selection_of(feature), feature.half_life_days or 0.0)


def _value_sum(builders: Builders, feature: Feature) -> StackRow:
    return builders.ratios.ratio("known sums", _sum_of_values(builders, feature), _count(builders, feature))


def _value_mean(builders: Builders, feature: Feature) -> StackRow:
    return builders.ratios.ratio("shares", _sum_of_values(builders, feature), _count(builders, feature))


def _sum_of_values(builders: Builders, feature: Feature) -> StackRow:
    return builders.one_sided.aggregate("values", _within_window(builders, feature))


def _value_max(builders: Builders, feature: Feature) -> StackRow:
    return builders.one_sided.aggregate("largest values", _within_window(builders, feature))


def _within_window(builders: Builders, feature: Feature) -> OneSidedRows:
    return OneSidedRows(selection_of(feature), builders.tallies.window(feature.window_days))


def _value_last(builders: Builders, feature: Feature) -> StackRow:
    return builders.one_sided.aggregate("largest values", _latest(builders, feature))


def _last_channel(builders: Builders, feature: Feature) -> StackRow:
    return builders.one_sided.aggregate("channels", _latest(builders, feature))


def _latest(builders: Builders, feature: Feature) -> OneSidedRows:
    return OneSidedRows(selection_of(feature), _days_since_last(builders, feature), is_inclusive=True)


def _first_channel(builders: Builders, feature: Feature) -> StackRow:
    first = _days_since_first(builders, feature)
    earliest = OneSidedRows(selection_of(feature), first, is_after=False, is_inclusive=True)
    return builders.one_sided.aggregate("channels", earliest)


def _distinct(builders: Builders, feature: Feature) -> StackRow:
    return builders.distincts.count(feature.measure, selection_of(feature), feature.window_days)


def _longest_silence(builders: Builders, feature: Feature) -> StackRow:
    return builders.longest_gaps.longest_gap(selection_of(feature), _days_since_last(builders, feature))


def _unanswered_outbound_streak(builders: Builders, feature: Feature) -> StackRow:
    outbound = Selection(frozenset(feature.kinds), OUTBOUND)
    after = OneSidedRows(outbound, builders.tallies.least(_INBOUND))
    return builders.one_sided.aggregate("rows", after)


def _self_education_share(builders: Builders, feature: Feature) -> StackRow:
    conversation = builders.tallies.greatest(Selection(frozenset(feature.before_kinds)))
    before = OneSidedRows(Selection(frozenset(feature.kinds)), conversation, is_after=False)
    part = builders.one_sided.aggregate("rows", before)
    return builders.ratios.ratio("shares", part, builders.tallies.count(EVERYTHING, None))


def _hours_to_first_reply(builders: Builders, feature: Feature) -> StackRow:  # noqa: ARG001 - uses all rows
    first = builders.tallies.greatest(_INBOUND)
    return builders.one_sided.aggregate("hours", OneSidedRows(_OUTBOUND, first, from_limit=True))


def _waiting_hours(builders: Builders, feature: Feature) -> StackRow:
    inbound = Selection(direction=INBOUND, except_kinds=frozenset(feature.except_kinds))
    return builders.one_sided.aggregate("hours", OneSidedRows(inbound, builders.tallies.least(_OUTBOUND)))


RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
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
