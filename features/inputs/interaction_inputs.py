"""The interactions of a few leads or accounts, in any order, as the sorted columns of a history.

`features.tables.interaction_rows` applies the same rules (order, duplicates, directions) to a whole table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, compress, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.kinds import DIRECTION_OF_KIND
from features.history.lead_history import NO_DIRECTION, Categories, Floats, Interactions, Ints
from features.history.machine_made import UNSAID, Marks, find_machine_made, without_machine_made
from features.history.settings import HistorySettings


class InteractionInputs(NamedTuple):
    """Interactions of one lead or of one account, in any order; every column has one entry per interaction.

    Attributes:
        kind: kind of interaction.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC; None: `occurred_at`. Among those of an account: not before the
            creation of the lead, because its account is unknown until then (see `features.tables.grouping`).
        direction: INBOUND, OUTBOUND or NO_DIRECTION; None or NO_DIRECTION: the usual direction of the kind.
        channel: channel of the interaction.
        campaign: campaign it belongs to.
        value: number attached to the interaction.
        is_automated: whether a machine made it; None: the rules of `features.history.machine_made` judge it.
            May be empty, where nothing is said of any.
        source: system that sent it; rows with the same source and id are one interaction.
        interaction_id: id at the source; this column and `source` may be empty where no interaction has an
            id.
    """

    kind: Sequence[str] = ()
    occurred_at: Sequence[int] = ()
    available_at: Sequence[int | None] = ()
    direction: Sequence[int | None] = ()
    channel: Sequence[str | None] = ()
    campaign: Sequence[str | None] = ()
    value: Sequence[float | None] = ()
    is_automated: Sequence[bool | None] = ()
    source: Sequence[str | None] = ()
    interaction_id: Sequence[str | None] = ()


NO_INTERACTIONS: Final = InteractionInputs()
# Columns of the history: all but source and id, which only identify duplicates.
_HISTORY_COLUMNS: Final = 8
_TEXTS: Final = ("channel", "campaign", "source", "interaction_id")
# Starts of the rows of one group: where it starts and where it ends.
_ONE_GROUP: Final = 2


def interactions_of(
    groups: Sequence[InteractionInputs], since: Sequence[int], settings: HistorySettings
) -> Interactions:
    """Builds the columns that reading a table of the same rows gives, to the last bit.

    Args:
        groups: rows of each lead or account.
        since: microseconds UTC for each group: the moment before which no row is known. It decides which of
            two rows with the same id counts.
        settings: which texts are missing, and which rows are left out as machine-made.
    """
    spellings = settings.text_rule.spellings
    distinct = []
    for group, moment in zip(groups, since, strict=True):
        rows = _without_missing(group, spellings)
        distinct.append(_without_duplicates(rows, moment) if any(rows.interaction_id) else rows)
    starts = [0, *accumulate(len(rows.kind) for rows in distinct)]
    rows = distinct[0] if len(distinct) == 1 else _joined(distinct)
    available_at, occurred_at = _times(rows)
    if not _is_rising(available_at, occurred_at, starts):
        rows = _take(rows, _order(rows, available_at, occurred_at, starts))
        available_at, occurred_at = _times(rows)
    kind = _categories(rows.kind)
    made = Interactions(
        starts=np.array(starts),
        occurred_at=occurred_at,
        available_at=available_at,
        kind=kind,
        direction=_directions(rows.direction, kind),
        channel=_categories(rows.channel),
        campaign=_categories(rows.campaign),
        value=_numbers(rows.value),
    )
    automated = _marks(rows.is_automated)
    return without_machine_made(made, find_machine_made(made, automated, settings.machine_rules))


def _without_missing(rows: InteractionInputs, spellings: frozenset[str]) -> InteractionInputs:
    """Makes None what spells a missing cell, and leaves out rows without a kind, as reading a table does."""
    if not spellings.isdisjoint(rows.kind):
        has_kind = [kind not in spellings for kind in rows.kind]
        kept: Iterable[list[Any]] = ([*compress(column, has_kind)] for column in rows)
        rows = InteractionInputs(*kept)
    for name in _TEXTS:
        column: Sequence[str | None] = getattr(rows, name)
        if not spellings.isdisjoint(column):
            filled: Any = [None if cell in spellings else cell for cell in column]
            rows = rows._replace(**{name: filled})
    return rows


def _times(rows: InteractionInputs) -> tuple[Ints, Ints]:
    """Gives `available_at`, never before `occurred_at`, and `occurred_at`."""
    size, known = len(rows.kind), rows.available_at
    occurred_at = np.fromiter(rows.occurred_at, np.int64, size)
    missing_count = known.count(None)
    if missing_count == size:
        return occurred_at, occurred_at
    if missing_count:
        known = [at if moment is None else moment for moment, at in zip(known, rows.occurred_at, strict=True)]
    return np.maximum(np.fromiter(known, np.int64, size), occurred_at), occurred_at


def _is_rising(available_at: Ints, occurred_at: Ints, starts: Sequence[int]) -> bool:
    """Tells whether no two rows of a group have the same moments, and all are in their order."""
    is_later = available_at[1:] > available_at[:-1]
    if available_at is not occurred_at and np.count_nonzero(is_later) < len(is_later):
        is_later |= (available_at[1:] == available_at[:-1]) & (occurred_at[1:] > occurred_at[:-1])
    if len(starts) > _ONE_GROUP:
        is_later[[start - 1 for start in starts if 0 < start <= len(is_later)]] = True
    return bool(np.count_nonzero(is_later) == len(is_later))


def _order(
    rows: InteractionInputs, available_at: Ints, occurred_at: Ints, starts: Sequence[int]
) -> list[int]:
    """Orders the rows of each group by `available_at`, `occurred_at` and all other columns."""
    order: list[int] = []
    for start, end in pairwise(starts):
        group: Sequence[int] = range(start, end)
        if not _is_rising(available_at[start:end], occurred_at[start:end], (0, end - start)):
            group = sorted(group, key=lambda row: _rank(rows, row))
        order += group
    return order


def _without_duplicates(rows: InteractionInputs, since: int) -> InteractionInputs:
    """Keeps the first row of each source and id, as `features.tables.interaction_rows` does."""
    kept: dict[object, int] = {}
    for row, (source, interaction_id) in enumerate(zip(rows.source, rows.interaction_id, strict=True)):
        key = (source or None, interaction_id) if interaction_id else row
        other = kept.setdefault(key, row)
        if other != row and _rank(rows, row, since) < _rank(rows, other, since):
            kept[key] = row
    return rows if len(kept) == len(rows.kind) else _take(rows, [*kept.values()])


def _rank(rows: InteractionInputs, row: int, since: int = 0) -> tuple[object, ...]:
    """Sort key of a row: a missing text comes first, a missing number last."""
    kind, occurred_at, available_at = rows.kind[row], rows.occurred_at[row], rows.available_at[row]
    known = max(occurred_at, occurred_at if available_at is None else available_at, since)
    direction = rows.direction[row] or DIRECTION_OF_KIND.get(kind, NO_DIRECTION)
    value = rows.value[row]
    is_missing = value is None or not math.isfinite(value)
    texts = rows.channel[row] or "", rows.campaign[row] or ""
    automated = rows.is_automated[row] if rows.is_automated else None
    said = UNSAID if automated is None else int(automated)
    return known, occurred_at, kind, direction, *texts, is_missing, 0.0 if is_missing else value, said


def _take(rows: InteractionInputs, chosen: Sequence[int]) -> InteractionInputs:
    columns: Iterable[list[Any]] = (
        [column[row] for row in chosen] if column else [] for column in rows[:_HISTORY_COLUMNS]
    )
    return InteractionInputs(*columns)


def _joined(groups: Sequence[InteractionInputs]) -> InteractionInputs:
    if not groups:
        return NO_INTERACTIONS
    if any(group.is_automated for group in groups):
        groups = [_with_automated(group) for group in groups]
    columns: Iterable[tuple[list[Any], ...]] = zip(
        *(group[:_HISTORY_COLUMNS] for group in groups), strict=True
    )
    return InteractionInputs(*([*chain.from_iterable(column)] for column in columns))


def _directions(sent: Sequence[int | None], kind: Categories) -> npt.NDArray[np.int8]:
    """Fills in the usual direction of the kind where none is known."""
    known = np.fromiter([own or NO_DIRECTION for own in sent] if None in sent else sent, np.int8, len(sent))
    usual = [DIRECTION_OF_KIND.get(name, NO_DIRECTION) for name in (*kind.values, "")]
    return np.where(known, known, np.array(usual, np.int8).take(kind.codes))


def _with_automated(group: InteractionInputs) -> InteractionInputs:
    return group._replace(is_automated=group.is_automated or [None] * len(group.kind))


def _marks(said: Sequence[bool | None]) -> Marks | None:
    if said.count(None) == len(said):
        return None
    return np.fromiter([UNSAID if cell is None else int(cell) for cell in said], np.int8, len(said))


def _numbers(values: Sequence[float | None]) -> Floats:
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    # NumPy reads None as NaN.
    numbers = np.array(values, np.float64)
    np.copyto(numbers, np.nan, where=np.isinf(numbers))
    # Adding 0 turns -0.0 into 0.0.
    numbers += 0.0
    return numbers


def _categories(texts: Sequence[str | None]) -> Categories:
    if texts.count(None) == len(texts):
        return Categories(np.full(len(texts), -1, np.int32), ())
    # The set first: it holds few texts.
    values = tuple(sorted(filter(None, {*texts})))
    codes: dict[str | None, int] = dict(zip(values, range(len(values)), strict=True))
    codes[""] = codes[None] = -1
    return Categories(np.fromiter(map(codes.__getitem__, texts), np.int32, len(texts)), values)
