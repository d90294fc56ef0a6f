"""Reads a large history partition by partition into one history: its texts are never all in memory."""

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

# Interactions of one partition by lead and by account, and the findings about them.
_Read = tuple[Interactions | None, Interactions | None, tuple[Finding, ...]]


def gather_history(
    partitions: Partitions, frame: LeadHistory, findings: Findings, *, workers: int, progress: Progress
) -> LeadHistory | None:
    """Builds the history that reading the whole source at once gives, to the last byte.

    Args:
        partitions: of the source.
        frame: the history without its interactions.
        findings: collects what is wrong with the interactions.
        workers: number of processes that read in parallel.
        progress: called once per partition.

    Returns:
        None where a finding stops everything.
    """
    partition_of = partitions.leads()
    count = partitions.layout.count
    read = []
    for part in run_tasks(_read, [(partitions, number) for number in range(count)], workers=workers):
        findings.absorb(part[2])
        read.append(part)
        progress("interactions", len(read) / count)
    if findings.stop():
        return None
    leads = [np.flatnonzero(partition_of == number) for number in range(count)]
    of_leads = [_Part(rows, part[0]) for rows, part in zip(leads, read, strict=True) if part[0]]
    interactions = _joined(of_leads, frame.leads_count)
    if frame.account_interactions is None:
        return replace(frame, interactions=interactions)
    accounts_count = len(frame.account_interactions.starts) - 1
    accounts = [np.unique(account[account >= 0]) for account in (frame.account[rows] for rows in leads)]
    of_accounts = [_Part(rows, part[1]) for rows, part in zip(accounts, read, strict=True) if part[1]]
    return replace(
        frame, interactions=interactions, account_interactions=_joined(of_accounts, accounts_count)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Interactions of some groups, and the numbers of these groups in the whole history, rising."""

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
    targets = [_target_rows(part, starts) for part in parts]

    def filled(column: Callable[[Interactions], Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        whole = np.empty(starts[-1], dtype)
        for part, target in zip(parts, targets, strict=True):
            whole[target] = column(part.interactions)
        return whole

    def categories(column: Callable[[Interactions], Categories]) -> Categories:
        values = tuple(sorted({value for part in parts for value in column(part.interactions).values}))
        ranks = {value: rank for rank, value in enumerate(values)}
        return Categories(filled(lambda rows: _recoded(column(rows), ranks), np.int32), values)

    return Interactions(
        starts=starts,
        occurred_at=filled(lambda rows: rows.occurred_at, np.int64),
        available_at=filled(lambda rows: rows.available_at, np.int64),
        kind=categories(lambda rows: rows.kind),
        direction=filled(lambda rows: rows.direction, np.int8),
        channel=categories(lambda rows: rows.channel),
        campaign=categories(lambda rows: rows.campaign),
        value=filled(lambda rows: rows.value, np.float64),
    )


def _target_rows(part: _Part, starts: Ints) -> Ints:
    """Finds the row of the whole history for each row of a part."""
    own = part.interactions.starts
    offsets = np.repeat(starts[part.groups] - own[:-1], np.diff(own))
    rows: Ints = offsets + np.arange(len(offsets))
    return rows


def _recoded(column: Categories, ranks: dict[str, int]) -> npt.NDArray[np.int32]:
    codes = np.array([*(ranks[value] for value in column.values), -1], np.int32)
    return codes[column.codes]
