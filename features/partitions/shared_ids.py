"""Judges interactions whose id occurs in more than one partition, so that one of them counts, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from features.findings.problems import Finding, Findings
from features.history.lead_history import Ints
from features.partitions.assignment import hash_ids
from features.partitions.duplicate_ids import Keys, drops_path, find_shared, keys_of
from features.partitions.splitting import Layout
from features.sources.pieces import concatenate
from features.tables.interaction_rows import find_repeats
from features.tables.lead_rows import Leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows

# Ids that are judged together: their rows are in memory at once.
_IDS_AT_ONCE: Final = 500_000
_REPEATED: Final = ("D025", "D026")


def drop_repeats(layout: Layout, leads: Leads) -> tuple[Finding, ...]:
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
        for partition, rows in _judge(parts, leads, findings):
            drops.setdefault(partition, []).append(rows)
    for partition, several in drops.items():
        np.save(drops_path(layout.folder, partition), np.concatenate(several))
    return findings.found()


def _rows_with(layout: Layout, shared: Keys) -> Iterator[tuple[int, Ints, pa.Table]]:
    """Finds the rows of these ids in every partition."""
    for partition in range(layout.count):
        table = layout.read(INTERACTIONS, partition)
        if table is None or not len(table):
            continue
        hashes, has_id = hash_ids(table)
        rows = np.flatnonzero(has_id & np.isin(keys_of(hashes), shared))
        if len(rows):
            yield partition, rows, table.take(pa.array(rows))


def _judge(
    parts: Sequence[tuple[int, Ints, pa.Table]], leads: Leads, findings: Findings
) -> Iterator[tuple[int, Ints]]:
    if not parts:
        return
    together = concatenate([table for _, _, table in parts])
    partition = np.repeat([number for number, _, _ in parts], [len(rows) for _, rows, _ in parts])
    row = np.concatenate([rows for _, rows, _ in parts])
    seen = Findings()
    repeats = find_repeats(open_rows(RawTables({INTERACTIONS: together}), INTERACTIONS, seen), leads)
    findings.absorb(one for one in seen.found() if one.code in _REPEATED)
    for number in np.unique(partition[repeats]).tolist():
        yield number, row[repeats[partition[repeats] == number]]
