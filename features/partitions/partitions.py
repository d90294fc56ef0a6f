"""A history as partitions on the disk: each a history of its own, with whole accounts, that fits in memory.

What is one row a lead (leads, outcomes, changes of attributes) is read and checked whole; the interactions,
by far the most, are only ever in memory batch by batch while they are cut, and later partition by partition.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.findings.problems import Finding, Findings, HistoryError
from features.history.lead_history import AttributeType, Ints, LeadHistory
from features.history.text_rule import TextRule
from features.partitions.assignment import PartitionNumbers, partitions_of_leads, partitions_of_rows
from features.partitions.duplicate_ids import list_duplicate_rows
from features.partitions.layout import Layout, duplicates_path
from features.partitions.pool import cores_count, run_tasks
from features.partitions.splitting import SplitPiece, split_piece, split_table
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name, open_source
from features.sources.pieces import PARTITION_ROWS, OpenSource, concatenate
from features.tables.assemble import assemble
from features.tables.interaction_rows import read_interactions
from features.tables.lead_rows import Leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows

# An example without interactions costs about as much as this many of them.
_ROWS_PER_LEAD: Final = 8
# Each piece has a file open for each partition.
_MOST_PARTITIONS: Final = 256
_MANIFEST: Final = "partitions.json"
_LEADS: Final = "leads.npz"


@dataclass(frozen=True, slots=True)
class Partitions:
    """A history that was cut.

    Attributes:
        layout: where the partitions lie.
        is_typed: see `features.tables.table_reader.RawTables`.
        attribute_types: of all attributes, so that a type never depends on the rows of a partition.
        found: what is wrong with it, except for what reading the interactions of the partitions finds.
    """

    layout: Layout
    is_typed: bool
    attribute_types: Mapping[str, AttributeType]
    found: tuple[Finding, ...]

    def leads(self) -> tuple[PartitionNumbers, Ints]:
        """Gives (leads,) partitions and moments of creation, in the order of the ids."""
        with np.load(self.layout.folder / _LEADS) as arrays:
            return arrays["home"], arrays["created_at"]

    def read(self, number: int) -> tuple[LeadHistory | None, tuple[Finding, ...]]:
        """Reads one partition.

        Returns:
            Its history, None where something stops; and what is wrong with its interactions.
        """
        names = ("leads", INTERACTIONS, "outcomes", "attribute_changes")
        tables = {name: self.layout.read(name, number) for name in names}
        drops = duplicates_path(self.layout.folder, number)
        raw = RawTables(
            {name: table for name, table in tables.items() if table is not None},
            self.is_typed,
            repeats=np.load(drops) if drops.exists() else None,
            text_rule=self.layout.text_rule,
        )
        return read_partition(raw, attribute_types=self.attribute_types)


def read_partition(
    raw: RawTables, *, attribute_types: Mapping[str, AttributeType]
) -> tuple[LeadHistory | None, tuple[Finding, ...]]:
    """Makes a history of the tables of some leads, all leads of their accounts among them.

    Args:
        raw: all rows of these leads.
        attribute_types: of all attributes.

    Returns:
        The history, None where something stops; and what is wrong with the interactions.
    """
    findings = Findings()
    history = assemble(raw, findings, attribute_types=attribute_types)
    return history, tuple(one for one in findings.found() if one.table == INTERACTIONS)


def write_partitions(
    source: Source,
    folder: Path,
    *,
    attribute_types: Mapping[str, AttributeType] | None = None,
    text_rule: TextRule | None = None,
    partition_rows: int = PARTITION_ROWS,
    workers: int | None = None,
    guard: Path | None = None,
    progress: Progress = silent,
) -> Partitions:
    """Cuts a history into partitions, which can be opened with `open_partitions` from then on.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        folder: where the partitions go; what is there is removed.
        attribute_types: types by attribute name, where they are not to be told from the values.
        text_rule: by which cells are read; None: that of the history.
        partition_rows: interactions of a partition, about.
        workers: processes that read side by side; None: as many as there are cores.
        guard: see `features.partitions.pool.run_tasks`.
        progress: told how far the cutting is.

    Raises:
        HistoryError: something in the tables stops everything, as far as it is seen while cutting.
    """
    findings = Findings()
    with open_source(source, findings, text_rule=text_rule) as opened:
        cut = split_source(
            opened,
            folder,
            findings,
            attribute_types=attribute_types,
            partition_rows=partition_rows,
            workers=workers,
            guard=guard,
            progress=progress,
        )
    if cut is None:
        raise HistoryError(display_name(source), findings.stopping())
    return cut[0]


def split_source(
    opened: OpenSource,
    folder: Path,
    findings: Findings,
    *,
    attribute_types: Mapping[str, AttributeType] | None = None,
    partition_rows: int = PARTITION_ROWS,
    workers: int | None = None,
    guard: Path | None = None,
    progress: Progress = silent,
) -> tuple[Partitions, LeadHistory] | None:
    """Cuts a source that is open; else as `write_partitions`.

    Returns:
        The partitions, and the history without its interactions; None where something stops everything.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    history = _read_frame(opened, findings, attribute_types)
    if history is None:
        return None
    layout = Layout(folder, _partitions_count(opened, history, partition_rows), opened.raw.text_rule)
    homes = _split_leads(opened.raw, history, layout)
    workers = cores_count() if workers is None else workers
    pieces = _split_pieces(opened, layout, workers, guard, progress)
    _check_columns(pieces, layout, opened, findings)
    for fault in (piece.fault for piece in pieces if piece.fault):
        findings.add_fault(fault, table=INTERACTIONS if opened.are_movable else "")
    if findings.stop():
        return None
    findings.absorb(list_duplicate_rows(layout, _bare(history)))
    np.savez(folder / _LEADS, home=homes, created_at=history.created_at)
    types = {name: attribute.type for name, attribute in history.attributes.items()}
    made = Partitions(layout, opened.raw.is_typed, types, findings.found())
    _write_manifest(made)
    return made, history


def open_partitions(folder: Path) -> Partitions | None:
    """Opens partitions that were written; None where the writing did not come to its end."""
    path = folder / _MANIFEST
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    if "text_rule" not in told:
        return None
    found = tuple(map(finding_of_record, told["found"]))
    layout = Layout(folder, told["count"], TextRule.from_json(told["text_rule"]))
    return Partitions(layout, told["is_typed"], told["attribute_types"], found)


def finding_of_record(record: Mapping[str, Any]) -> Finding:
    """Reads a finding that was written as JSON."""
    return Finding(**{**record, "ids": tuple(record["ids"]), "facts": tuple(map(tuple, record["facts"]))})


def _write_manifest(made: Partitions) -> None:
    told = {
        "count": made.layout.count,
        "text_rule": made.layout.text_rule.to_json(),
        "is_typed": made.is_typed,
        "attribute_types": dict(made.attribute_types),
        "found": [asdict(one) for one in made.found],
    }
    beside = made.layout.folder / f"{_MANIFEST}.part"
    beside.write_text(json.dumps(told), encoding="utf-8")
    beside.rename(made.layout.folder / _MANIFEST)


def _read_frame(
    opened: OpenSource, findings: Findings, types: Mapping[str, AttributeType] | None
) -> LeadHistory | None:
    """Reads and checks everything but the rows of the interactions."""
    tables = dict(opened.raw.tables)
    if opened.schema is not None:
        tables[INTERACTIONS] = opened.schema.empty_table()
    return assemble(replace(opened.raw, tables=tables), findings, attribute_types=types)


def _partitions_count(opened: OpenSource, history: LeadHistory, partition_rows: int) -> int:
    load = opened.rows_count + _ROWS_PER_LEAD * history.leads_count
    return min(max(round(load / partition_rows), 1), _MOST_PARTITIONS)


def _split_leads(raw: RawTables, history: LeadHistory, layout: Layout) -> PartitionNumbers:
    """Cuts the tables that were read whole; gives the homes of the leads in the order of their ids."""
    leads = raw.tables["leads"]
    columns = [
        name
        for name in leads.column_names
        if name in {"lead_id", "created_at", "account_id", *history.attributes}
    ]
    homes = partitions_of_leads(leads, layout)
    split_table(leads.select(columns), homes, "leads", layout)
    for name in ("outcomes", "attribute_changes"):
        if name in raw.tables:
            rows = raw.tables[name]
            split_table(rows, partitions_of_rows(rows, layout), name, layout)
    ids = pa.table({"lead_id": history.lead_ids})
    return partitions_of_rows(ids, layout)


def _split_pieces(
    opened: OpenSource, layout: Layout, workers: int, guard: Path | None, progress: Progress
) -> Sequence[SplitPiece]:
    if opened.schema is not None:
        empty = opened.schema.empty_table()
        split_table(empty, np.empty(0, np.uint16), INTERACTIONS, layout)
    tasks = [(piece, number, layout) for number, piece in enumerate(opened.pieces, 1)]
    is_small = layout.count == 1 or not opened.are_movable
    split = []
    progress("partitions", 0.0)
    for one in run_tasks(split_piece, tasks, workers=1 if is_small else workers, guard=guard):
        split.append(one)
        progress("partitions", len(split) / len(tasks))
    return split


def _check_columns(
    pieces: Sequence[SplitPiece], layout: Layout, opened: OpenSource, findings: Findings
) -> None:
    """Checks the types of columns that only show while they are read, and settles one type for each."""
    if opened.are_movable or opened.schema is None:
        return
    schemas = [schema for piece in pieces for schema in piece.schemas]
    whole = concatenate([opened.schema.empty_table(), *schemas])
    split_table(whole, np.empty(0, np.uint16), INTERACTIONS, layout)
    seen = Findings()
    raw = RawTables({INTERACTIONS: whole}, text_rule=layout.text_rule)
    read_interactions(open_rows(raw, INTERACTIONS, seen), None)
    findings.absorb(one for one in seen.found() if one.code == "D008")


def _bare(history: LeadHistory) -> Leads:
    return Leads(history.lead_ids, history.created_at, None, {}, ())
