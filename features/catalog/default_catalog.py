"""The default catalogue: features derived from a history, used where none are declared."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from features.catalog.history_profile import HistoryProfile, InteractionCounts, profile_history
from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from features.history.kinds import CONVERSATION_KINDS, EDUCATION_KINDS
from features.history.lead_history import LeadHistory

# Beside the features in a table of features; an attribute of such a name gets a number.
COLUMNS_OF_EXPORT: Final = ("lead_id", "as_of")
FEATURES_AT_MOST: Final = 100
_ATTRIBUTES_AT_MOST: Final = 40
_WINDOWS_DAYS: Final = (1.0, 7.0, 30.0, 90.0)
_SHORT_DAYS, _LONG_DAYS = 7.0, 30.0
_HALF_LIVES_DAYS: Final = (7.0, 30.0)
# Known interactions of an account up to which it counts as one company: a score reads no more of them.
_ACCOUNT_LIMIT: Final = 10_000
_UNANSWERED_CALLS: Final = ("call_missed", "call_voicemail")


def default_catalogue(history: LeadHistory, counted: InteractionCounts | None = None) -> FeatureSet:
    """Derives features from the profile of a history.

    Attributes come first, then the number and recency of all interactions, then each kind, the most frequent
    first, up to 100 features. Features that would be constant, or equal to another feature, are left out: for
    example channels where there is only one, or counts where no lead has two interactions.

    Args:
        history: cut by `known_at`: the catalogue then uses no later rows than its features.
        counted: of its interactions, where it is without them.

    Returns:
        At most 100 features.
    """
    profile = profile_history(history, counted)
    ordered = itertools.chain(
        itertools.islice(_of_attributes(profile), _ATTRIBUTES_AT_MOST),
        _of_the_lead(profile),
        _of_everything(profile),
        _of_directions(profile),
        _of_channels(profile),
        _of_accounts(profile),
        _of_kinds(profile),
    )
    return FeatureSet(tuple(_with_unique_names(ordered))[:FEATURES_AT_MOST])


def _of_attributes(profile: HistoryProfile) -> Iterator[Feature]:
    for name, of_type in profile.attributes.items():
        yield declare("attribute", attribute=name, type=of_type)


def _of_the_lead(profile: HistoryProfile) -> Iterator[Feature]:
    yield declare("lead_age")
    for part in (*profile.created_parts, "as_of_weekday"):
        yield declare("calendar", part=part)


def _of_everything(profile: HistoryProfile) -> Iterator[Feature]:
    if profile.kinds and not profile.begins_with_creation:
        yield declare("days_since_first")
    if not profile.is_repeated:
        return
    yield declare("days_since_last")
    for days in (None, *_windows(profile)):
        yield _declare_within("count", days)
    for days in _HALF_LIVES_DAYS:
        yield declare("decayed_count", half_life_days=days)
    if profile.span_days > 2 * _SHORT_DAYS:
        yield declare("momentum", window_days=_SHORT_DAYS)
    for measure in ("longest_silence", "mean_gap", "active_days"):
        yield declare(measure)


def _of_directions(profile: HistoryProfile) -> Iterator[Feature]:
    present = {"inbound": profile.has_inbound, "outbound": profile.has_outbound}
    for direction in (name for name, is_present in present.items() if is_present):
        yield declare("days_since_last", direction=direction)
        for days in (None, *_windows(profile)[1:3]):
            yield _declare_within("count", days, direction=direction)
        yield declare("decayed_count", direction=direction, half_life_days=_HALF_LIVES_DAYS[0])
        yield declare("share", direction=direction)
    if all(present.values()):
        for measure in ("unanswered_outbound_streak", "hours_to_first_reply", "waiting_hours"):
            yield declare(measure)
    calls = [kind for kind in _UNANSWERED_CALLS if kind in profile.kinds]
    if calls and profile.has_inbound:
        yield declare("unanswered_outbound_streak", kinds=calls)
    education, conversation = (
        [kind for kind in kinds if kind in profile.kinds] for kinds in (EDUCATION_KINDS, CONVERSATION_KINDS)
    )
    if education and conversation:
        yield declare("self_education_share", kinds=education, before_kinds=conversation)


def _of_channels(profile: HistoryProfile) -> Iterator[Feature]:
    if profile.channels_count > 1:
        yield declare("last_channel")
        if profile.is_repeated:
            yield declare("first_channel")
            yield declare("distinct_channels")
    if profile.campaigns_count > 1 and profile.is_repeated:
        yield declare("distinct_campaigns")
    if profile.has_values:
        yield declare("value_last")
        for measure in ("value_sum", "value_mean", "value_max") if profile.is_repeated else ():
            yield declare(measure)


def _of_accounts(profile: HistoryProfile) -> Iterator[Feature]:
    if not profile.has_shared_accounts:
        return
    of_account = partial(declare, scope="account", account_limit=_ACCOUNT_LIMIT)
    yield of_account("days_since_last")
    yield of_account("count")
    for days in _windows(profile)[1:3]:
        yield of_account("count", window_days=days)
    if profile.has_inbound:
        yield of_account("decayed_count", direction="inbound", half_life_days=_HALF_LIVES_DAYS[0])
    yield of_account("active_days")


def _of_kinds(profile: HistoryProfile) -> Iterator[Feature]:
    # A single kind is the same as all interactions, which have their features already.
    kinds = profile.kinds if len(profile.kinds) > 1 else ()
    for kind in kinds:
        yield declare("days_since_last", kinds=[kind])
        if kind in profile.repeated:
            yield declare("count", kinds=[kind])
            yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(profile)[1:2])
    repeated = [kind for kind in kinds if kind in profile.repeated]
    for kind in repeated:
        yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(profile)[2:3])
        yield declare("decayed_count", kinds=[kind], half_life_days=_HALF_LIVES_DAYS[0])
    for kind in repeated:
        yield declare("days_since_first", kinds=[kind])
        yield from (_declare_within("count", days, kinds=[kind]) for days in _windows(profile)[0:1])


def _windows(profile: HistoryProfile) -> tuple[float, ...]:
    # A window as long as the history selects everything.
    return tuple(days for days in _WINDOWS_DAYS if days < profile.span_days)


def _declare_within(measure: str, window_days: float | None, **fields: object) -> Feature:
    return (
        declare(measure, **fields)
        if window_days is None
        else declare(measure, window_days=window_days, **fields)
    )


def _with_unique_names(features: Iterable[Feature]) -> Iterator[Feature]:
    """Numbers the names that several features have, in the order of their kinds' texts.

    The order of the features follows the frequency of kinds, which differs between the moments of a history.
    """
    found = list(features)
    by_text = sorted(found, key=lambda feature: feature.kinds)
    named = dict(zip(map(id, by_text), _numbered(by_text), strict=True))
    yield from (named[id(feature)] for feature in found)


def _numbered(features: Iterable[Feature]) -> Iterator[Feature]:
    taken = {*COLUMNS_OF_EXPORT}
    for feature in features:
        names = itertools.chain([feature.name], (f"{feature.name}_{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield feature if name == feature.name else replace(feature, name=name)
