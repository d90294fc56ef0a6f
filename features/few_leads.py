"""Makes the history of a few leads out of their own rows, in tens of microseconds: what requests bring."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from features.attribute_types import number_of, text_of
from features.columns import (
    NO_DIRECTION,
    Attribute,
    AttributeType,
    Categories,
    Interactions,
    LeadHistory,
)
from features.few_outcomes import KnownOutcome, columns_of
from features.interaction_rows import usual_directions
from features.text_columns import few_texts

AttributeValue = float | str | bool | None


class KnownInteraction(NamedTuple):
    """One interaction as it comes.

    Attributes:
        kind: what happened.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC; None: when it happened. Among those of an account: not before the lead
            it belongs to was created, because until then nobody knows of which account it is.
        direction: INBOUND, OUTBOUND or NO_DIRECTION; None or NO_DIRECTION: as is usual for the kind.
        channel: by which way.
        campaign: as part of what.
        value: a number that came with it.
        source: who sent it.
        interaction_id: its id there; the same source and id twice is one interaction.
    """

    kind: str
    occurred_at: int
    available_at: int | None = None
    direction: int | None = None
    channel: str | None = None
    campaign: str | None = None
    value: float | None = None
    source: str | None = None
    interaction_id: str | None = None


class KnownLead(NamedTuple):
    """One lead as it comes.

    Attributes:
        lead_id: the lead.
        created_at: microseconds UTC.
        account_id: its account; None where it has none, and then `account_interactions` are not looked at.
        attributes: by name; None is missing.
        interactions: of the lead, in any order.
        account_interactions: of all leads of the account, this one too; None where they are not known.
        outcome: the one that counts; None: it is open.
    """

    lead_id: str
    created_at: int
    account_id: str | None = None
    attributes: Mapping[str, AttributeValue] = MappingProxyType({})
    interactions: Sequence[KnownInteraction] = ()
    account_interactions: Sequence[KnownInteraction] | None = None
    outcome: KnownOutcome | None = None


# What decides the order of interactions, as in the tables: a missing text first, a missing number last.
_Row = tuple[int, int, str, int, str, str, bool, float]
_MISSING: Final = math.nan
_NO_ROWS: Final[tuple[tuple[()], ...]] = ((),) * 8


def history_of_leads(
    leads: Sequence[KnownLead],
    *,
    observed_until: int,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
) -> LeadHistory:
    """Makes the same history, to the last bit, as reading tables that hold these rows and nothing else.

    Args:
        leads: one or more; their order is that of the history. One may stand there twice, with what two
            callers know of it; each has an account of its own.
        observed_until: microseconds UTC.
        attribute_types: types by attribute name that are not to be told from the values.
    """
    has_account = [one.account_id is not None and one.account_interactions is not None for one in leads]
    rows = (count - 1 for count in accumulate(has_account))
    accounts = [one.account_interactions or () for one, has in zip(leads, has_account, strict=True) if has]
    return LeadHistory(
        lead_ids=few_texts([one.lead_id for one in leads]),
        created_at=np.array([one.created_at for one in leads]),
        account=np.array([row if has else -1 for row, has in zip(rows, has_account, strict=True)], np.int32),
        attributes=_attributes(leads, attribute_types),
        interactions=_interactions((one.interactions, one.created_at) for one in leads),
        account_interactions=_interactions((one, 0) for one in accounts) if accounts else None,
        outcomes=columns_of([one.outcome for one in leads]),
        observed_until=observed_until,
    )


def _attributes(leads: Sequence[KnownLead], types: Mapping[str, AttributeType]) -> dict[str, Attribute]:
    """Makes attributes by the rules of the tables; none where no lead has a value of its type."""
    made: dict[str, tuple[AttributeType, list[float], tuple[str, ...]]] = {}
    for name in sorted({name for one in leads for name in one.attributes}):
        sent = [one.attributes.get(name) for one in leads]
        first = next((value for value in sent if value is not None and value != ""), None)
        if first is None:
            continue
        type_ = types.get(name) or _type_of(first)
        if type_ == "category":
            numbers, categories = _category_codes(sent)
        else:
            numbers, categories = [_number(value, type_) for value in sent], ()
        if any(number == number for number in numbers):
            made[name] = type_, numbers, categories
    # One array, of which each has a row: many small ones would take longer than all the rest.
    rows = np.array([numbers for _, numbers, _ in made.values()])
    return {
        name: Attribute(type_, row, categories)
        for row, (name, (type_, _, categories)) in zip(rows, made.items(), strict=True)
    }


def _category_codes(sent: Sequence[AttributeValue]) -> tuple[list[float], tuple[str, ...]]:
    texts = ["" if value is None else text_of(value) for value in sent]
    values = tuple(sorted({*texts} - {""}))
    code_of = {value: float(code) for code, value in enumerate(values)}
    return [code_of.get(text, math.nan) for text in texts], values


def _number(value: AttributeValue, type_: AttributeType) -> float:
    if value is None or value == "":
        return math.nan
    number = number_of(value, type_)
    return number if math.isfinite(number) else math.nan


def _type_of(value: float | str | bool) -> AttributeType:
    if isinstance(value, str):
        return "category"
    return "boolean" if isinstance(value, bool) else "number"


def _interactions(groups: Iterable[tuple[Sequence[KnownInteraction], int]]) -> Interactions:
    """Lays out the interactions of leads or accounts; of those before `since` the order is not by then."""
    sorted_groups = [sorted(_without_repeated(one, since)) for one, since in groups]
    rows = sorted_groups[0] if len(sorted_groups) == 1 else [*chain.from_iterable(sorted_groups)]
    known, occurred, kinds, directions, channels, campaigns, _, values = (
        zip(*rows, strict=True) if rows else _NO_ROWS
    )
    # `np.array` would take twice as long.
    return Interactions(
        starts=np.array([0, *accumulate(map(len, sorted_groups))]),
        occurred_at=np.fromiter(occurred, np.int64, len(rows)),
        available_at=np.fromiter(known, np.int64, len(rows)),
        kind=_categories(kinds),
        direction=np.fromiter(directions, np.int8, len(rows)),
        channel=_categories(channels),
        campaign=_categories(campaigns),
        value=np.fromiter(values, np.float64, len(rows)),
    )


def _without_repeated(interactions: Sequence[KnownInteraction], since: int) -> list[_Row]:
    """Keeps the first of those with the same source and id; see `features.duplicates`."""
    usual = usual_directions()
    rows: list[_Row] = []
    kept: dict[tuple[str | None, str], _Row] = {}
    for kind, occurred_at, available_at, direction, channel, campaign, value, source, name in interactions:
        known = occurred_at if available_at is None or available_at < occurred_at else available_at
        number = _MISSING if value is None or not math.isfinite(value) else value + 0.0
        towards = direction or usual.get(kind, NO_DIRECTION)
        row = (known, occurred_at, kind, towards, channel or "", campaign or "", number is _MISSING, number)
        if not name:
            rows.append(row)
            continue
        other = kept.setdefault((source or None, name), row)
        if other is not row and (max(known, since), *row[1:]) < (max(other[0], since), *other[1:]):
            kept[source or None, name] = row
    return [*rows, *kept.values()]


def _categories(texts: Sequence[str]) -> Categories:
    values = tuple(sorted({*texts} - {""}))
    codes = {value: code for code, value in enumerate(values)}
    codes[""] = -1
    return Categories(np.fromiter(map(codes.__getitem__, texts), np.int32, len(texts)), values)
