"""Finds interactions with the same source and id in different partitions.

Duplicates within a partition are found when its interactions are read. Across partitions, 48 bits of a hash
of each id are compared first; the rows that share them, usually few or none, are then compared by the same
rule as the rows of one partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.findings.problems import Finding, Findings
from features.history.lead_history import Bools, Ints
from features.history.settings import HistorySettings
from features.partitions.assignment import PartitionNumbers, hash_ids
from features.partitions.layout import Layout, duplicates_path
from features.sources.pieces import concatenate
from features.tables.interaction_rows import find_duplicate_rows
from features.tables.lead_rows import Leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows

Keys = npt.NDArray[np.uint64]

# The low bits of a key hold the partition: one sort of integers brings equal ids together.
_PARTITION_BITS: Final = np.uint64(16)
# Ids whose rows are compared, and in memory, at once.
_IDS_AT_ONCE: Final = 500_000
_DUPLICATE_CODES: Final = ("D025", "D026")


def write_id_keys(
    folder: Path, piece: int, partition_of: PartitionNumbers, hashes: Keys, has_id: Bools, *, count: int
) -> None:
    """Appends the keys of a batch to one file per bucket of hashes."""
    keys = keys_of(hashes[has_id]) | partition_of[has_id].astype(np.uint64)
    bucket = (keys >> _PARTITION_BITS) % np.uint64(count)
    order = np.argsort(bucket.astype(np.uint16), kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(bucket.astype(np.int64), minlength=count))))
    for number in range(count):
        own = keys[order[starts[number] : starts[number + 1]]]
        if len(own):
            with (folder / f"keys-{number:04d}-{piece:05d}.bin").open("ab") as file:
                own.tofile(file)


def keys_of(hashes: Keys) -> Keys:
    """Keeps the bits of hashes that are compared."""
    return hashes >> _PARTITION_BITS << _PARTITION_BITS


def find_shared(folder: Path, bucket: int) -> Keys:
    """Finds the keys of one bucket that occur in more than one partition, and removes its files.

    Returns:
        Distinct keys, rising.
    """
    paths = sorted(folder.glob(f"keys-{bucket:04d}-*.bin"))
    if not paths:
        return np.empty(0, np.uint64)
    keys = np.concatenate([np.fromfile(path, np.uint64) for path in paths])
    keys.sort()
    distinct = np.unique(keys)
    ids = distinct >> _PARTITION_BITS
    shared = np.unique(ids[1:][ids[1:] == ids[:-1]]) << _PARTITION_BITS
    for path in paths:
        path.unlink()
    return np.asarray(shared, np.uint64)


def list_duplicate_rows(layout: Layout, leads: Leads) -> tuple[Finding, ...]:
    """Stores which rows of each partition duplicate a row of another partition: they are left out later.

    Args:
        layout: of all interactions.
        leads: ids and creation times of all leads.

    Returns:
        The findings that reading all interactions at once reports.
    """
    shared = np.concatenate([find_shared(layout.folder, bucket) for bucket in range(layout.count)])
    findings = Findings()
    duplicates: dict[int, list[Ints]] = {}
    for start in range(0, len(shared), _IDS_AT_ONCE):
        parts = list(_rows_with(layout, shared[start : start + _IDS_AT_ONCE]))
        for partition, rows in _find_duplicates(parts, leads, findings, layout.settings):
            duplicates.setdefault(partition, []).append(rows)
    for partition, chunks in duplicates.items():
        np.save(duplicates_path(layout.folder, partition), np.concatenate(chunks))
    return findings.found()


def _rows_with(layout: Layout, shared: Keys) -> Iterator[tuple[int, Ints, pa.Table]]:
    """Finds the rows with these keys in every partition: partition, positions and rows."""
    for partition in range(layout.count):
        table = layout.read(INTERACTIONS, partition)
        if table is None or not len(table):
            continue
        hashes, has_id = hash_ids(table, layout.text_rule)
        rows = np.flatnonzero(has_id & np.isin(keys_of(hashes), shared))
        if len(rows):
            yield partition, rows, table.take(pa.array(rows))


def _find_duplicates(
    parts: Sequence[tuple[int, Ints, pa.Table]], leads: Leads, findings: Findings, settings: HistorySettings
) -> Iterator[tuple[int, Ints]]:
    if not parts:
        return
    rows = concatenate([table for _, _, table in parts], settings.text_rule)
    partition = np.repeat([number for number, _, _ in parts], [len(rows) for _, rows, _ in parts])
    position = np.concatenate([positions for _, positions, _ in parts])
    seen = Findings()
    raw = RawTables({INTERACTIONS: rows}, settings=settings)
    duplicates = find_duplicate_rows(open_rows(raw, INTERACTIONS, seen), leads)
    findings.absorb(finding for finding in seen.found() if finding.code in _DUPLICATE_CODES)
    for number in np.unique(partition[duplicates]).tolist():
        yield number, position[duplicates[partition[duplicates] == number]]
