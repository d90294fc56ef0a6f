"""Finds interactions that were sent more than once for leads of different partitions.

Within a partition the reading of its interactions finds them. Across partitions only 48 bits of a hash of
each id are compared at first; rows that share them, few or none as a rule, are then judged together by the
very rule that judges those of one partition.
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
from features.history.text_rule import TextRule
from features.partitions.assignment import PartitionNumbers, hash_ids
from features.partitions.layout import Layout, duplicates_path
from features.sources.pieces import concatenate
from features.tables.interaction_rows import find_duplicate_rows
from features.tables.lead_rows import Leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows

Keys = npt.NDArray[np.uint64]

# The low bits of a key hold the partition, so that one sort of plain integers brings equal ids together.
_HOME_BITS: Final = np.uint64(16)
# Ids that are judged together: their rows are in memory at once.
_IDS_AT_ONCE: Final = 500_000
_REPEATED: Final = ("D025", "D026")


def note_ids(
    folder: Path, piece: int, homes: PartitionNumbers, hashes: Keys, has_id: Bools, *, count: int
) -> None:
    """Notes the ids of a batch, in one file for each bucket of hashes."""
    keys = keys_of(hashes[has_id]) | homes[has_id].astype(np.uint64)
    bucket = (keys >> _HOME_BITS) % np.uint64(count)
    order = np.argsort(bucket.astype(np.uint16), kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(bucket.astype(np.int64), minlength=count))))
    for number in range(count):
        noted = keys[order[starts[number] : starts[number + 1]]]
        if len(noted):
            with (folder / f"keys-{number:04d}-{piece:05d}.bin").open("ab") as file:
                noted.tofile(file)


def keys_of(hashes: Keys) -> Keys:
    """Keeps the bits of hashes that are compared."""
    return hashes >> _HOME_BITS << _HOME_BITS


def find_shared(folder: Path, bucket: int) -> Keys:
    """Finds the keys of one bucket that occur in more than one partition, and forgets the notes.

    Returns:
        Distinct keys, rising.
    """
    paths = sorted(folder.glob(f"keys-{bucket:04d}-*.bin"))
    if not paths:
        return np.empty(0, np.uint64)
    keys = np.concatenate([np.fromfile(path, np.uint64) for path in paths])
    keys.sort()
    distinct = np.unique(keys)
    ids = distinct >> _HOME_BITS
    shared = np.unique(ids[1:][ids[1:] == ids[:-1]]) << _HOME_BITS
    for path in paths:
        path.unlink()
    return np.asarray(shared, np.uint64)


def list_duplicate_rows(layout: Layout, leads: Leads) -> tuple[Finding, ...]:
    """Lists the rows that repeat one of another partition, for the reading of theirs to leave out.

    Args:
        layout: where all interactions lie.
        leads: ids and moments of creation of all leads.

    Returns:
        What was found, as reading all interactions at once would report it.
    """
    shared = np.concatenate([find_shared(layout.folder, bucket) for bucket in range(layout.count)])
    findings = Findings()
    drops: dict[int, list[Ints]] = {}
    for start in range(0, len(shared), _IDS_AT_ONCE):
        parts = list(_rows_with(layout, shared[start : start + _IDS_AT_ONCE]))
        for partition, rows in _judge(parts, leads, findings, layout.text_rule):
            drops.setdefault(partition, []).append(rows)
    for partition, several in drops.items():
        np.save(duplicates_path(layout.folder, partition), np.concatenate(several))
    return findings.found()


def _rows_with(layout: Layout, shared: Keys) -> Iterator[tuple[int, Ints, pa.Table]]:
    """Finds the rows of these ids in every partition."""
    for partition in range(layout.count):
        table = layout.read(INTERACTIONS, partition)
        if table is None or not len(table):
            continue
        hashes, has_id = hash_ids(table, layout.text_rule)
        rows = np.flatnonzero(has_id & np.isin(keys_of(hashes), shared))
        if len(rows):
            yield partition, rows, table.take(pa.array(rows))


def _judge(
    parts: Sequence[tuple[int, Ints, pa.Table]], leads: Leads, findings: Findings, rule: TextRule
) -> Iterator[tuple[int, Ints]]:
    if not parts:
        return
    together = concatenate([table for _, _, table in parts])
    partition = np.repeat([number for number, _, _ in parts], [len(rows) for _, rows, _ in parts])
    row = np.concatenate([rows for _, rows, _ in parts])
    seen = Findings()
    raw = RawTables({INTERACTIONS: together}, text_rule=rule)
    repeats = find_duplicate_rows(open_rows(raw, INTERACTIONS, seen), leads)
    findings.absorb(one for one in seen.found() if one.code in _REPEATED)
    for number in np.unique(partition[repeats]).tolist():
        yield number, row[repeats[partition[repeats] == number]]
