"""The profile of a history: what varies in it, so that features can be derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.extent import mass_begin, mass_end
from features.history.lead_history import (
    INBOUND,
    OUTBOUND,
    Attribute,
    AttributeType,
    Bools,
    Ints,
    LeadHistory,
)
from features.times import US_PER_DAY, US_PER_HOUR

# A kind that fewer leads have carries too little information.
_LEADS_AT_LEAST: Final = 10
# A category with more names than this, and than half of the leads, identifies leads instead of describing
# them.
_NAMES_AT_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class HistoryProfile:
    """What varies in a history.

    Attributes:
        attributes: attributes that may be features and differ between leads, and their types.
        kinds: kinds, the most frequent first; without kinds that every lead has exactly once, at its
            creation.
        repeated: kinds that a lead has more than once.
        span_days: time from where creations or interactions begin as a mass to where they end.
        has_inbound: whether some interactions, and not all, are inbound.
        has_outbound: whether some interactions, and not all, are outbound.
        is_repeated: whether a lead has more than one interaction.
        begins_with_creation: whether the first interaction of every lead occurs at its creation.
        channels_count: number of distinct channels.
        campaigns_count: number of distinct campaigns.
        has_values: whether the values of interactions differ.
        has_shared_accounts: whether an account has more than one lead, and leads have interactions.
        created_parts: calendar parts in which creation times differ.
    """

    attributes: Mapping[str, AttributeType]
    kinds: tuple[str, ...]
    repeated: frozenset[str]
    span_days: float
    has_inbound: bool
    has_outbound: bool
    is_repeated: bool
    begins_with_creation: bool
    channels_count: int
    campaigns_count: int
    has_values: bool
    has_shared_accounts: bool
    created_parts: tuple[str, ...]


def profile_history(history: LeadHistory) -> HistoryProfile:
    """Profiles every column of a history once.

    Args:
        history: cut by `known_at`.
    """
    interactions = history.interactions
    counts = np.diff(interactions.starts)
    kinds, repeated = _find_kinds(history, counts)
    values = interactions.value[~np.isnan(interactions.value)]
    accounts = history.account[history.account >= 0]
    return HistoryProfile(
        attributes={
            name: each.type
            for name, each in history.attributes.items()
            if history.settings.is_feature(name) and _differs(each)
        },
        kinds=kinds,
        repeated=repeated,
        span_days=_span_days(history),
        has_inbound=_is_part(interactions.direction == INBOUND),
        has_outbound=_is_part(interactions.direction == OUTBOUND),
        is_repeated=bool((counts > 1).any()),
        begins_with_creation=_begins_with_creation(history, counts),
        channels_count=len(interactions.channel.values),
        campaigns_count=len(interactions.campaign.values),
        has_values=len(values) > 0 and bool((values != values[0]).any()),
        has_shared_accounts=history.account_interactions is not None
        and len(interactions.occurred_at) > 0
        and len(np.unique(accounts)) < len(accounts),
        created_parts=_created_parts(history.created_at),
    )


def _find_kinds(history: LeadHistory, counts: Ints) -> tuple[tuple[str, ...], frozenset[str]]:
    kind = history.interactions.kind
    if len(kind.codes) == 0:
        return (), frozenset()
    lead = np.repeat(np.arange(history.leads_count), counts)
    pairs = np.sort(lead * len(kind.values) + kind.codes)
    again = pairs[1:] == pairs[:-1]
    firsts = pairs[np.concatenate(([True], ~again))]
    leads = np.bincount(firsts % len(kind.values), minlength=len(kind.values))
    frequency = np.bincount(kind.codes, minlength=len(kind.values))
    order = np.argsort(-frequency, kind="stable")
    is_repeated = np.bincount(pairs[1:][again] % len(kind.values), minlength=len(kind.values)) > 0
    later = kind.codes[history.interactions.occurred_at != history.created_at[lead]]
    happens_later = np.bincount(later, minlength=len(kind.values)) > 0
    is_informative = happens_later | is_repeated | (leads < history.leads_count)
    return (
        tuple(kind.values[code] for code in order if leads[code] >= _LEADS_AT_LEAST and is_informative[code]),
        frozenset(kind.values[code] for code in np.flatnonzero(is_repeated)),
    )


def _differs(attribute: Attribute) -> bool:
    values = attribute.values
    if attribute.changes is not None:
        values = np.concatenate((values, attribute.changes.values))
    known = values[~np.isnan(values)]
    names_count = len(np.unique(known))
    if attribute.type == "category" and names_count > max(_NAMES_AT_MOST, len(attribute.values) / 2):
        return False
    return names_count > 1 or 0 < len(known) < len(values)


def _is_part(is_member: Bools) -> bool:
    return bool(is_member.any()) and not bool(is_member.all())


def _span_days(history: LeadHistory) -> float:
    begins = (mass_begin([history.created_at]), mass_begin([history.interactions.occurred_at]))
    end = mass_end([history.created_at, history.interactions.available_at])
    return 0.0 if end is None else (end - min(each for each in begins if each is not None)) / US_PER_DAY


def _begins_with_creation(history: LeadHistory, counts: Ints) -> bool:
    if not (counts > 0).all() or not history.leads_count:
        return False
    firsts = np.minimum.reduceat(history.interactions.occurred_at, history.interactions.starts[:-1])
    return bool((firsts == history.created_at).all())


def _created_parts(created_at: Ints) -> tuple[str, ...]:
    hours, days = created_at // US_PER_HOUR % 24, created_at // US_PER_DAY % 7
    differs = {"created_hour": hours, "created_weekday": days}
    return tuple(part for part, values in differs.items() if len(np.unique(values)) > 1)
