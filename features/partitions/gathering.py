"""Puts the partitions of a large history together again, as arrays: its texts are never all in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features.findings.problems import Finding, Findings
from features.history.lead_history import Categories, Interactions, Ints, LeadHistory
from features.partitions.partitions import Partitions
from features.partitions.pool import run_tasks
from features.progress import Progress

# Interactions of one partition by lead and by account, and what is wrong with them.
_Read = tuple[Interactions | None, Interactions | None, tuple[Finding, ...]]


def gather_history(
    partitions: Partitions, frame: LeadHistory, findings: Findings, *, workers: int, progress: Progress
) -> LeadHistory | None:
    """Gives the history that reading the whole source at once would give, to the last byte.

    Args:
        partitions: of the source.
        frame: the history without its interactions.
        findings: takes what is wrong with the interactions.
        workers: processes that read at once.
        progress: told how far the reading is.

    Returns:
        None where something stops everything.
    """
    homes, _ = partitions.leads()
    count = partitions.layout.count
    read = []
    for one in run_tasks(_read, [(partitions, number) for number in range(count)], workers=workers):
        findings.absorb(one[2])
        read.append(one)
        progress("interactions", len(read) / count)
    if findings.stop():
        return None
    leads = [np.flatnonzero(homes == number) for number in range(count)]
    of_leads = [_Part(rows, one[0]) for rows, one in zip(leads, read, strict=True) if one[0]]
    interactions = _joined(of_leads, frame.leads_count)
    if frame.account_interactions is None:
        return replace(frame, interactions=interactions)
    accounts_count = len(frame.account_interactions.starts) - 1
    accounts = [np.unique(account[account >= 0]) for account in (frame.account[rows] for rows in leads)]
    of_accounts = [_Part(rows, one[1]) for rows, one in zip(accounts, read, strict=True) if one[1]]
    return replace(
        frame, interactions=interactions, account_interactions=_joined(of_accounts, accounts_count)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Interactions of some groups, and which groups of the whole these are, rising."""

    groups: npt.NDArray[Any]
    interactions: Interactions


def _read(partitions: Partitions, number: int) -> _Read:
    history, found = partitions.read(number)
    if history is None:
        return None, None, found
    return history.interactions, history.account_interactions, found


def _joined(parts: Sequence[_Part], groups_count: int) -> Interactions:
    counts = np.zeros(groups_count, np.int64)
    for part in parts:
        counts[part.groups] = np.diff(part.interactions.starts)
    starts = np.concatenate(([0], np.cumsum(counts)))
    places = [_places(part, starts) for part in parts]

    def filled(column: Callable[[Interactions], Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        whole = np.empty(starts[-1], dtype)
        for part, place in zip(parts, places, strict=True):
            whole[place] = column(part.interactions)
        return whole

    def categories(column: Callable[[Interactions], Categories]) -> Categories:
        values = tuple(sorted({value for part in parts for value in column(part.interactions).values}))
        ranks = {value: rank for rank, value in enumerate(values)}
        return Categories(filled(lambda some: _recoded(column(some), ranks), np.int32), values)

    return Interactions(
        starts=starts,
        occurred_at=filled(lambda some: some.occurred_at, np.int64),
        available_at=filled(lambda some: some.available_at, np.int64),
        kind=categories(lambda some: some.kind),
        direction=filled(lambda some: some.direction, np.int8),
        channel=categories(lambda some: some.channel),
        campaign=categories(lambda some: some.campaign),
        value=filled(lambda some: some.value, np.float64),
    )


def _places(part: _Part, starts: Ints) -> Ints:
    """Finds where each row of a part goes."""
    own = part.interactions.starts
    moved = np.repeat(starts[part.groups] - own[:-1], np.diff(own))
    places: Ints = moved + np.arange(len(moved))
    return places


def _recoded(column: Categories, ranks: dict[str, int]) -> npt.NDArray[np.int32]:
    codes = np.array([*(ranks[value] for value in column.values), -1], np.int32)
    return codes[column.codes]
