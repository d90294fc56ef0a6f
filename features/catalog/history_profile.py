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
    Ints,
    LeadHistory,
)
from features.history.personal_data import LEADS_AT_LEAST, may_be_feature
from features.times import US_PER_DAY, US_PER_HOUR

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


@dataclass(frozen=True, slots=True)
class KindCounts:
    """How often a kind occurs.

    Attributes:
        rows: its interactions.
        leads: leads that have one.
        is_repeated: whether a lead has more than one.
        happens_later: whether one does not occur at the creation of its lead.
    """

    rows: int
    leads: int
    is_repeated: bool
    happens_later: bool

    def merged(self, other: KindCounts) -> KindCounts:
        """Adds the counts of other leads."""
        return KindCounts(
            self.rows + other.rows,
            self.leads + other.leads,
            self.is_repeated or other.is_repeated,
            self.happens_later or other.happens_later,
        )


@dataclass(frozen=True, slots=True)
class InteractionCounts:
    """What varies in the interactions of some leads; those of other leads can be added.

    Attributes:
        kinds: by kind.
        rows: number of interactions.
        inbound: number of inbound ones.
        outbound: number of outbound ones.
        is_repeated: whether a lead has more than one.
        begins_with_creation: whether every lead has one, and its first occurs at its creation.
        channels: distinct channels.
        campaigns: distinct campaigns.
        values: least and greatest value; empty where none is known.
        occurred_at: moments of all rows, microseconds UTC, in parts and in no order.
        available_at: the same, when they became known.
    """

    kinds: Mapping[str, KindCounts]
    rows: int
    inbound: int
    outbound: int
    is_repeated: bool
    begins_with_creation: bool
    channels: frozenset[str]
    campaigns: frozenset[str]
    values: tuple[float, ...]
    occurred_at: tuple[Ints, ...]
    available_at: tuple[Ints, ...]

    def merged(self, other: InteractionCounts) -> InteractionCounts:
        """Adds the interactions of other leads."""
        kinds = dict(self.kinds)
        for name, counts in other.kinds.items():
            kinds[name] = kinds[name].merged(counts) if name in kinds else counts
        values = (*self.values, *other.values)
        return InteractionCounts(
            kinds=kinds,
            rows=self.rows + other.rows,
            inbound=self.inbound + other.inbound,
            outbound=self.outbound + other.outbound,
            is_repeated=self.is_repeated or other.is_repeated,
            begins_with_creation=self.begins_with_creation and other.begins_with_creation,
            channels=self.channels | other.channels,
            campaigns=self.campaigns | other.campaigns,
            values=(min(values), max(values)) if values else (),
            occurred_at=(*self.occurred_at, *other.occurred_at),
            available_at=(*self.available_at, *other.available_at),
        )


def profile_history(history: LeadHistory, counted: InteractionCounts | None = None) -> HistoryProfile:
    """Profiles every column of a history once.

    Args:
        history: cut by `current_at`.
        counted: of the interactions, where the history is without them; None counts its own.
    """
    counts = count_interactions(history) if counted is None else counted
    accounts = history.account[history.account >= 0]
    return HistoryProfile(
        attributes={
            name: each.type
            for name, each in history.attributes.items()
            if may_be_feature(name, each, history.settings)
            and _differs(each, is_wanted=history.settings.attribute(name).use == "feature")
        },
        kinds=_informative_kinds(counts.kinds, history.leads_count),
        repeated=frozenset(name for name, kind in counts.kinds.items() if kind.is_repeated),
        span_days=_span_days(history.created_at, counts),
        has_inbound=0 < counts.inbound < counts.rows,
        has_outbound=0 < counts.outbound < counts.rows,
        is_repeated=counts.is_repeated,
        begins_with_creation=history.leads_count > 0 and counts.begins_with_creation,
        channels_count=len(counts.channels),
        campaigns_count=len(counts.campaigns),
        has_values=len(set(counts.values)) > 1,
        has_shared_accounts=history.account_interactions is not None
        and counts.rows > 0
        and len(np.unique(accounts)) < len(accounts),
        created_parts=_created_parts(history.created_at),
    )


def count_interactions(history: LeadHistory) -> InteractionCounts:
    """Counts the interactions of a history, or of some whole accounts of it, cut by `current_at`."""
    interactions = history.interactions
    of_leads = np.diff(interactions.starts)
    values = interactions.value[~np.isnan(interactions.value)]
    return InteractionCounts(
        kinds=_count_kinds(history, of_leads),
        rows=len(interactions.occurred_at),
        inbound=int((interactions.direction == INBOUND).sum()),
        outbound=int((interactions.direction == OUTBOUND).sum()),
        is_repeated=bool((of_leads > 1).any()),
        begins_with_creation=_begins_with_creation(history, of_leads),
        channels=frozenset(interactions.channel.values),
        campaigns=frozenset(interactions.campaign.values),
        values=(float(values.min()), float(values.max())) if len(values) else (),
        occurred_at=(interactions.occurred_at,),
        available_at=(interactions.available_at,),
    )


def _count_kinds(history: LeadHistory, of_leads: Ints) -> dict[str, KindCounts]:
    kind = history.interactions.kind
    count = len(kind.values)
    if len(kind.codes) == 0:
        return {}
    lead = np.repeat(np.arange(history.leads_count), of_leads)
    pairs = np.sort(lead * count + kind.codes)
    again = pairs[1:] == pairs[:-1]
    firsts = pairs[np.concatenate(([True], ~again))]
    later = kind.codes[history.interactions.occurred_at != history.created_at[lead]]
    rows = np.bincount(kind.codes, minlength=count)
    leads = np.bincount(firsts % count, minlength=count)
    is_repeated = np.bincount(pairs[1:][again] % count, minlength=count) > 0
    happens_later = np.bincount(later, minlength=count) > 0
    columns = (rows.tolist(), leads.tolist(), is_repeated.tolist(), happens_later.tolist())
    return {name: KindCounts(*row) for name, *row in zip(kind.values, *columns, strict=True)}


def _informative_kinds(kinds: Mapping[str, KindCounts], leads_count: int) -> tuple[str, ...]:
    """Names kinds that enough leads have and that differ between leads, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1].rows, item[0]))
    return tuple(
        name
        for name, kind in ordered
        if kind.leads >= LEADS_AT_LEAST
        and (kind.happens_later or kind.is_repeated or kind.leads < leads_count)
    )


def _differs(attribute: Attribute, *, is_wanted: bool) -> bool:
    values = attribute.values
    if attribute.changes is not None:
        values = np.concatenate((values, attribute.changes.values))
    known = values[~np.isnan(values)]
    names_count = len(np.unique(known))
    if (
        not is_wanted
        and attribute.type == "category"
        and names_count > max(_NAMES_AT_MOST, len(attribute.values) / 2)
    ):
        return False
    return names_count > 1 or 0 < len(known) < len(values)


def _span_days(created_at: Ints, counts: InteractionCounts) -> float:
    begins = (mass_begin([created_at]), mass_begin(counts.occurred_at))
    end = mass_end([created_at, *counts.available_at])
    return 0.0 if end is None else (end - min(each for each in begins if each is not None)) / US_PER_DAY


def _begins_with_creation(history: LeadHistory, counts: Ints) -> bool:
    if not history.leads_count:
        return True
    if not (counts > 0).all():
        return False
    firsts = np.minimum.reduceat(history.interactions.occurred_at, history.interactions.starts[:-1])
    return bool((firsts == history.created_at).all())


def _created_parts(created_at: Ints) -> tuple[str, ...]:
    hours, days = created_at // US_PER_HOUR % 24, created_at // US_PER_DAY % 7
    differs = {"created_hour": hours, "created_weekday": days}
    return tuple(part for part, values in differs.items() if len(np.unique(values)) > 1)
