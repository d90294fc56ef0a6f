"""Lays out the interactions of a few leads or accounts, which come column by column and in any order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from operator import lt
from typing import Any, Final, NamedTuple

import numpy as np

from features.history.kinds import DIRECTION_OF_KIND
from features.history.lead_history import NO_DIRECTION, Categories, Floats, Interactions


class InteractionInputs(NamedTuple):
    """Interactions of one lead, or of one account, in any order; every column has an entry for each.

    Attributes:
        kind: what happened.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC; None: when it happened. Among those of an account: not before the lead
            it belongs to was created, because until then nobody knows of which account it is.
        direction: INBOUND, OUTBOUND or NO_DIRECTION; None or NO_DIRECTION: as is usual for the kind.
        channel: by which way.
        campaign: as part of what.
        value: a number that came with it.
        source: who sent it; the same source and id twice is one interaction.
        interaction_id: its id there; these two may be empty where no interaction has an id.
    """

    kind: Sequence[str] = ()
    occurred_at: Sequence[int] = ()
    available_at: Sequence[int | None] = ()
    direction: Sequence[int | None] = ()
    channel: Sequence[str | None] = ()
    campaign: Sequence[str | None] = ()
    value: Sequence[float | None] = ()
    source: Sequence[str | None] = ()
    interaction_id: Sequence[str | None] = ()


NO_INTERACTIONS: Final = InteractionInputs()
# Columns that are laid out: all but source and id, which have done their part by then.
_SHOWN: Final = 7


def interactions_of(groups: Sequence[InteractionInputs], since: Sequence[int]) -> Interactions:
    """Makes the columns that reading a table of the same rows would make, to the last bit.

    Args:
        groups: of each lead or account.
        since: of two rows with one id the first counts, and up to this moment, in microseconds UTC, none is
            before another.
    """
    sorted_rows = [_sorted(one, moment) for one, moment in zip(groups, since, strict=True)]
    counts = [len(one.kind) for one in sorted_rows]
    rows = sorted_rows[0] if len(sorted_rows) == 1 else _joined(sorted_rows)
    towards = zip(rows.direction, rows.kind, strict=True)
    size = len(rows.kind)
    # `np.array` would take twice as long.
    return Interactions(
        starts=np.array([0, *accumulate(counts)]),
        occurred_at=np.fromiter(rows.occurred_at, np.int64, size),
        available_at=np.fromiter(rows.available_at, np.int64, size),
        kind=_categories(rows.kind),
        direction=np.fromiter(
            [one or DIRECTION_OF_KIND.get(kind, NO_DIRECTION) for one, kind in towards], np.int8, size
        ),
        channel=_categories(rows.channel),
        campaign=_categories(rows.campaign),
        value=_numbers(rows.value),
    )


def _sorted(rows: InteractionInputs, since: int) -> InteractionInputs:
    """Sorts by when they were known and occurred, then by all other columns; leaves out what is repeated."""
    if any(rows.interaction_id):
        rows = _without_repeated(rows, since)
    known = _known(rows)
    rows = InteractionInputs(rows.kind, rows.occurred_at, known, *rows[3:_SHOWN])
    moments = [*zip(known, rows.occurred_at, strict=True)]
    if all(map(lt, moments, moments[1:])):
        return rows
    return _chosen(rows, sorted(range(len(moments)), key=lambda place: _rank(rows, place)))


def _without_repeated(rows: InteractionInputs, since: int) -> InteractionInputs:
    """Keeps the first of those with the same source and id; see `features.tables.interaction_rows`."""
    kept: dict[object, int] = {}
    for place, (source, name) in enumerate(zip(rows.source, rows.interaction_id, strict=True)):
        key = (source or None, name) if name else place
        other = kept.setdefault(key, place)
        if other != place and _rank(rows, place, since) < _rank(rows, other, since):
            kept[key] = place
    return rows if len(kept) == len(rows.kind) else _chosen(rows, [*kept.values()])


def _rank(rows: InteractionInputs, place: int, since: int = 0) -> tuple[object, ...]:
    """What decides which of two rows is first: a missing text comes first, a missing number last."""
    kind, occurred_at, available_at = rows.kind[place], rows.occurred_at[place], rows.available_at[place]
    known = max(occurred_at, occurred_at if available_at is None else available_at, since)
    towards = rows.direction[place] or DIRECTION_OF_KIND.get(kind, NO_DIRECTION)
    value = rows.value[place]
    is_missing = value is None or not math.isfinite(value)
    texts = rows.channel[place] or "", rows.campaign[place] or ""
    return known, occurred_at, kind, towards, *texts, is_missing, 0.0 if is_missing else value


def _chosen(rows: InteractionInputs, places: Sequence[int]) -> InteractionInputs:
    columns: Iterable[list[Any]] = ([column[place] for place in places] for column in rows[:_SHOWN])
    return InteractionInputs(*columns)


def _joined(groups: Sequence[InteractionInputs]) -> InteractionInputs:
    columns: Iterable[tuple[list[Any], ...]] = zip(*(one[:_SHOWN] for one in groups), strict=True)
    return InteractionInputs(*([*chain.from_iterable(column)] for column in columns))


def _known(rows: InteractionInputs) -> list[int]:
    both = zip(rows.available_at, rows.occurred_at, strict=True)
    return [occurred if known is None or known < occurred else known for known, occurred in both]


def _numbers(values: Sequence[float | None]) -> Floats:
    numbers = np.fromiter([np.nan if value is None else value for value in values], np.float64, len(values))
    np.copyto(numbers, np.nan, where=np.isinf(numbers))
    # Adding 0 makes one zero of two.
    numbers += 0.0
    return numbers


def _categories(texts: Sequence[str | None]) -> Categories:
    values = tuple(sorted({text for text in texts if text}))
    codes: dict[str | None, int] = {value: code for code, value in enumerate(values)}
    codes[""] = codes[None] = -1
    return Categories(np.fromiter(map(codes.__getitem__, texts), np.int32, len(texts)), values)
