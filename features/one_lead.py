"""Makes the history of a single lead out of its own rows, in tens of microseconds: what a request brings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from features.attribute_types import number_of, text_of
from features.columns import (
    NO_DIRECTION,
    OPEN,
    Attribute,
    AttributeType,
    Categories,
    Interactions,
    LeadHistory,
    Outcomes,
)
from features.interaction_rows import usual_directions
from features.text_columns import one_text
from features.times import NEVER_US

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


# What decides the order of interactions, as in the tables: a missing text first, a missing number last.
_Row = tuple[int, int, str, int, str, str, bool, float]
_MISSING: Final = math.nan
_NO_ROWS: Final[tuple[tuple[()], ...]] = ((),) * 8

_NEVER: Final = np.array([NEVER_US])
_NO_OUTCOME: Final = Outcomes(np.array([OPEN], np.int8), _NEVER, _NEVER, np.array([np.nan]))
for _shared in (_NO_OUTCOME.outcome, _NO_OUTCOME.amount, _NEVER):
    _shared.setflags(write=False)


def history_of_lead(
    *,
    lead_id: str,
    created_at: int,
    account_id: str | None,
    attributes: Mapping[str, AttributeValue],
    interactions: Sequence[KnownInteraction],
    account_interactions: Sequence[KnownInteraction] | None,
    observed_until: int,
    attribute_types: Mapping[str, AttributeType] | None = None,
    outcomes: Outcomes | None = None,
) -> LeadHistory:
    """Makes the same history, to the last bit, as reading tables that hold these rows and nothing else.

    Args:
        lead_id: the lead.
        created_at: microseconds UTC.
        account_id: its account; None where it has none, and then `account_interactions` are not looked at.
        attributes: by name; None is missing.
        interactions: of the lead, in any order.
        account_interactions: of all leads of the account, this one too; None where they are not known.
        observed_until: microseconds UTC.
        attribute_types: types by attribute name that are not to be told from the values.
        outcomes: of the lead; None: it is open.

    Returns:
        A history of one lead.
    """
    account = None if account_id is None else account_interactions
    return LeadHistory(
        lead_ids=one_text(lead_id),
        created_at=np.array([created_at]),
        account=np.array([-1 if account_id is None else 0], np.int32),
        attributes=_attributes(attributes, attribute_types or {}),
        interactions=_interactions(interactions, since=created_at),
        account_interactions=None if account is None else _interactions(account),
        outcomes=outcomes or _NO_OUTCOME,
        observed_until=observed_until,
    )


def _attributes(
    values: Mapping[str, AttributeValue], types: Mapping[str, AttributeType]
) -> dict[str, Attribute]:
    """Makes attributes by the rules of the tables; none where the value is missing or not of its type."""
    made: dict[str, tuple[AttributeType, float, tuple[str, ...]]] = {}
    for name in sorted(values):
        value = values[name]
        if value is None or value == "":
            continue
        type_ = types.get(name) or _type_of(value)
        if type_ == "category":
            made[name] = type_, 0.0, (text_of(value),)
        elif math.isfinite(number := number_of(value, type_)):
            made[name] = type_, number, ()
    # One array, of which each has its part: many small ones would take longer than all the rest.
    numbers = np.array([number for _, number, _ in made.values()])
    return {
        name: Attribute(type_, numbers[place : place + 1], categories)
        for place, (name, (type_, _, categories)) in enumerate(made.items())
    }


def _type_of(value: float | str | bool) -> AttributeType:
    if isinstance(value, str):
        return "category"
    return "boolean" if isinstance(value, bool) else "number"


def _interactions(interactions: Sequence[KnownInteraction], *, since: int = 0) -> Interactions:
    rows = sorted(_without_repeated(interactions, since))
    known, occurred, kinds, directions, channels, campaigns, _, values = (
        zip(*rows, strict=True) if rows else _NO_ROWS
    )
    # `np.array` would take twice as long.
    return Interactions(
        starts=np.array([0, len(rows)]),
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
    kept: dict[object, _Row] = {}
    for position, interaction in enumerate(interactions):
        kind, occurred_at, available_at, direction, channel, campaign, value, source, interaction_id = (
            interaction
        )
        known = occurred_at if available_at is None or available_at < occurred_at else available_at
        number = _MISSING if value is None or not math.isfinite(value) else value + 0.0
        towards = direction or usual.get(kind, NO_DIRECTION)
        row = (known, occurred_at, kind, towards, channel or "", campaign or "", number is _MISSING, number)
        key = (source or None, interaction_id) if interaction_id else position
        other = kept.setdefault(key, row)
        if other is not row and (max(known, since), *row[1:]) < (max(other[0], since), *other[1:]):
            kept[key] = row
    return list(kept.values())


def _categories(texts: Sequence[str]) -> Categories:
    values = tuple(sorted({*texts} - {""}))
    codes = {value: code for code, value in enumerate(values)}
    codes[""] = -1
    return Categories(np.fromiter(map(codes.__getitem__, texts), np.int32, len(texts)), values)
