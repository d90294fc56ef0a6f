"""The default catalogue: the features that a history suggests, for those who declare none of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from features.catalog.catalog_files import load_catalogue as load_catalogue
from features.catalog.history_profile import Evidence, gather_evidence
from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from features.history.kinds import CONVERSATION_KINDS, EDUCATION_KINDS
from features.history.lead_history import LeadHistory

FEATURES_AT_MOST: Final = 100
_ATTRIBUTES_AT_MOST: Final = 40
_WINDOWS_DAYS: Final = (1.0, 7.0, 30.0, 90.0)
_SHORT_DAYS, _LONG_DAYS = 7.0, 30.0
_HALF_LIVES_DAYS: Final = (7.0, 30.0)
_UNANSWERED_CALLS: Final = ("call_missed", "call_voicemail")


def default_catalogue(history: LeadHistory) -> FeatureSet:
    """Derives features from what a history holds.

    What a lead is comes first, then how much and how lately anything happened, then each kind, the most
    frequent first, until there are 100. Features that would be the same for every lead, or the same as
    another one, are left out: channels where there is one, repetition where nothing happens twice.

    Args:
        history: cut by `known_at`, so that the catalogue looks no further ahead than its features.

    Returns:
        At most 100 features.
    """
    evidence = gather_evidence(history)
    ordered = itertools.chain(
        itertools.islice(_of_attributes(evidence), _ATTRIBUTES_AT_MOST),
        _of_the_lead(evidence),
        _of_everything(evidence),
        _of_directions(evidence),
        _of_channels(evidence),
        _of_accounts(evidence),
        _of_kinds(evidence),
    )
    return FeatureSet(tuple(_with_names_of_their_own(ordered))[:FEATURES_AT_MOST])


def _of_attributes(evidence: Evidence) -> Iterator[Feature]:
    for name, of_type in evidence.attributes.items():
        yield declare("attribute", attribute=name, type=of_type)


def _of_the_lead(evidence: Evidence) -> Iterator[Feature]:
    yield declare("lead_age")
    for part in (*evidence.created_parts, "as_of_weekday"):
        yield declare("calendar", part=part)


def _of_everything(evidence: Evidence) -> Iterator[Feature]:
    if evidence.kinds and not evidence.begins_with_creation:
        yield declare("days_since_first")
    if not evidence.is_repeated:
        return
    yield declare("days_since_last")
    for days in (None, *_windows(evidence)):
        yield _declare_within("count", days)
    for days in _HALF_LIVES_DAYS:
        yield declare("decayed_count", half_life_days=days)
    if evidence.span_days > 2 * _SHORT_DAYS:
        yield declare("momentum", window_days=_SHORT_DAYS)
    for measure in ("longest_silence", "mean_gap", "active_days"):
        yield declare(measure)


def _of_directions(evidence: Evidence) -> Iterator[Feature]:
    present = {"inbound": evidence.has_inbound, "outbound": evidence.has_outbound}
    for direction in (name for name, is_there in present.items() if is_there):
        yield declare("days_since_last", direction=direction)
        for days in (None, *_windows(evidence)[1:3]):
            yield _declare_within("count", days, direction=direction)
        yield declare("decayed_count", direction=direction, half_life_days=_HALF_LIVES_DAYS[0])
        yield declare("share", direction=direction)
    if all(present.values()):
        for measure in ("unanswered_outbound_streak", "hours_to_first_reply", "waiting_hours"):
            yield declare(measure)
    calls = [kind for kind in _UNANSWERED_CALLS if kind in evidence.kinds]
    if calls and evidence.has_inbound:
        yield declare("unanswered_outbound_streak", kinds=calls)
    read, spoken = (
        [kind for kind in kinds if kind in evidence.kinds] for kinds in (EDUCATION_KINDS, CONVERSATION_KINDS)
    )
    if read and spoken:
        yield declare("self_education_share", kinds=read, before_kinds=spoken)


def _of_channels(evidence: Evidence) -> Iterator[Feature]:
    if evidence.channels_count > 1:
        yield declare("last_channel")
        if evidence.is_repeated:
            yield declare("first_channel")
            yield declare("distinct_channels")
    if evidence.campaigns_count > 1 and evidence.is_repeated:
        yield declare("distinct_campaigns")
    if evidence.has_values:
        yield declare("value_last")
        for measure in ("value_sum", "value_mean", "value_max") if evidence.is_repeated else ():
            yield declare(measure)


def _of_accounts(evidence: Evidence) -> Iterator[Feature]:
    if not evidence.has_shared_accounts:
        return
    yield declare("days_since_last", scope="account")
    for days in (None, *_windows(evidence)[1:3]):
        yield _declare_within("count", days, scope="account")
    if evidence.has_inbound:
        yield declare(
            "decayed_count", scope="account", direction="inbound", half_life_days=_HALF_LIVES_DAYS[0]
        )
    yield declare("active_days", scope="account")


def _of_kinds(evidence: Evidence) -> Iterator[Feature]:
    # A single kind is everything, which has had its features.
    kinds = evidence.kinds if len(evidence.kinds) > 1 else ()
    for kind in kinds:
        yield declare("days_since_last", kinds=[kind])
        if kind in evidence.repeated:
            yield declare("count", kinds=[kind])
            yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(evidence)[1:2])
    repeated = [kind for kind in kinds if kind in evidence.repeated]
    for kind in repeated:
        yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(evidence)[2:3])
        yield declare("decayed_count", kinds=[kind], half_life_days=_HALF_LIVES_DAYS[0])
    for kind in repeated:
        yield declare("days_since_first", kinds=[kind])
        yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(evidence)[0:1])


def _windows(evidence: Evidence) -> tuple[float, ...]:
    # A window as long as the history is no window.
    return tuple(days for days in _WINDOWS_DAYS if days < evidence.span_days)


def _declare_within(measure: str, window_days: float | None, **fields: object) -> Feature:
    return (
        declare(measure, **fields)
        if window_days is None
        else declare(measure, window_days=window_days, **fields)
    )


def _with_names_of_their_own(features: Iterable[Feature]) -> Iterator[Feature]:
    taken: set[str] = set()
    for feature in features:
        names = itertools.chain([feature.name], (f"{feature.name}_{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield feature if name == feature.name else replace(feature, name=name)
