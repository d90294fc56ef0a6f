"""A history as partitions on the disk: each is a history of whole accounts that fits in memory.

Tables with few rows per lead (leads, outcomes, attribute changes) are read and checked as a whole. The
interactions are in memory batch by batch while they are split, and later partition by partition.
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
from features.history.known import is_known
from features.history.lead_history import ROWS_PER_LEAD, AttributeType, LeadHistory
from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from features.parsing.marks import NO_MARKS, Marks
from features.parsing.text_columns import plain_texts
from features.partitions.assignment import (
    PartitionNumbers,
    partitions_of_leads,
    partitions_of_rows,
    ranges_of_leads,
)
from features.partitions.duplicate_ids import list_duplicate_rows
from features.partitions.layout import Layout, duplicates_path
from features.partitions.pool import cores_count, run_tasks
from features.partitions.splitting import SplitPiece, split_piece, split_table
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name, open_source
from features.sources.pieces import PARTITION_ROWS, OpenSource, concatenate
from features.tables.alias_rows import ALIASES, read_aliases
from features.tables.assemble import assemble
from features.tables.formats import decide_columns
from features.tables.interaction_rows import read_interactions
from features.tables.lead_rows import Leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows
from features.times import NEVER_US

# Every piece keeps one file open per partition.
_MOST_PARTITIONS: Final = 256
_MANIFEST: Final = "manifest.json"
_LEADS: Final = "leads.npz"


@dataclass(frozen=True, slots=True)
class Partitions:
    """A history that is split.

    Attributes:
        layout: the files of the partitions.
        is_typed: see `features.tables.table_reader.RawTables`.
        attribute_types: types of all attributes: a type never depends on the rows of a partition.
        found: all findings except those of reading the interactions of the partitions.
        columns: names of all columns, by table.
    """

    layout: Layout
    is_typed: bool
    attribute_types: Mapping[str, AttributeType]
    found: tuple[Finding, ...]
    columns: Mapping[str, tuple[str, ...]]

    def leads(self) -> PartitionNumbers:
        """Gives (leads,) partition numbers, in the order of the ids."""
        with np.load(self.layout.folder / _LEADS) as arrays:
            numbers: PartitionNumbers = arrays["partition"]
            return numbers

    def leads_at(self, as_of: int) -> PartitionNumbers:
        """Gives the partition numbers of the leads that have a row at a moment, in the order of the ids."""
        with np.load(self.layout.folder / _LEADS) as arrays:
            is_there = is_known(arrays["created_at"], as_of) & ~is_known(arrays["linked_at"], as_of)
            numbers: PartitionNumbers = arrays["partition"][is_there]
            return numbers

    def lead_ids(self, number: int) -> pa.ChunkedArray:
        """Reads the ids of the leads of a partition as texts."""
        leads = self.layout.read("leads", number)
        texts = None if leads is None else plain_texts(leads["lead_id"], self.layout.text_rule)
        return pa.chunked_array([], pa.string()) if texts is None else texts

    def read(self, number: int) -> tuple[LeadHistory | None, tuple[Finding, ...]]:
        """Reads one partition.

        Returns:
            Its history, None where a finding stops everything; and the findings about its interactions.
        """
        return read_partition(self.raw(number), attribute_types=self.attribute_types)

    def raw(self, number: int) -> RawTables:
        """Reads the tables of one partition."""
        names = ("leads", INTERACTIONS, "outcomes", "attribute_changes", ALIASES)
        tables = {name: self.layout.read(name, number) for name in names}
        duplicates = duplicates_path(self.layout.folder, number)
        return RawTables(
            {name: table for name, table in tables.items() if table is not None},
            self.is_typed,
            duplicates=np.load(duplicates) if duplicates.exists() else None,
            settings=self.layout.settings,
        )


def read_partition(
    raw: RawTables, *, attribute_types: Mapping[str, AttributeType]
) -> tuple[LeadHistory | None, tuple[Finding, ...]]:
    """Builds the history of some leads, among them all leads of their accounts.

    Args:
        raw: all rows of these leads.
        attribute_types: types of all attributes.

    Returns:
        The history, None where a finding stops everything; and the findings about the interactions.
    """
    findings = Findings()
    history = assemble(raw, findings, attribute_types=attribute_types)
    return history, tuple(finding for finding in findings.found() if finding.table == INTERACTIONS)


def write_partitions(
    source: Source,
    folder: Path,
    *,
    attribute_types: Mapping[str, AttributeType] | None = None,
    settings: HistorySettings | None = None,
    partition_rows: int = PARTITION_ROWS,
    by_id: bool = False,
    workers: int | None = None,
    guard: Path | None = None,
    progress: Progress = silent,
) -> Partitions:
    """Splits a history into partitions; `open_partitions` opens them again.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        folder: receives the partitions; its content is removed first.
        attribute_types: types by attribute name; other types are inferred from the values.
        settings: of the model that reads; None: those of the history.
        partition_rows: approximate number of interactions per partition.
        by_id: whether a partition holds consecutive ids, instead of whole accounts.
        workers: number of processes that read in parallel; None: one per core.
        guard: see `features.partitions.pool.run_tasks`.
        progress: called while the history is split.

    Raises:
        HistoryError: a finding of splitting stops everything.
    """
    findings = Findings()
    with open_source(source, findings, settings=settings) as opened:
        split = split_source(
            opened,
            folder,
            findings,
            attribute_types=attribute_types,
            partition_rows=partition_rows,
            by_id=by_id,
            workers=workers,
            guard=guard,
            progress=progress,
        )
    if split is None:
        raise HistoryError(display_name(source), findings.stopping())
    return split[0]


def split_source(
    opened: OpenSource,
    folder: Path,
    findings: Findings,
    *,
    attribute_types: Mapping[str, AttributeType] | None = None,
    partition_rows: int = PARTITION_ROWS,
    by_id: bool = False,
    workers: int | None = None,
    guard: Path | None = None,
    progress: Progress = silent,
) -> tuple[Partitions, LeadHistory] | None:
    """Splits an open source; the arguments are those of `write_partitions`.

    Returns:
        The partitions, and the history without its interactions; None where a finding stops everything.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    history = _read_frame(opened, findings, attribute_types)
    if history is None:
        return None
    layout = Layout(folder, _partitions_count(opened, history, partition_rows), opened.raw.settings)
    partition_of = _split_leads(opened.raw, history, layout, by_id=by_id)
    workers = cores_count() if workers is None else workers
    pieces = _split_pieces(opened, layout, workers, guard, progress)
    _check_columns(pieces, layout, opened, findings)
    for finding in (piece.finding for piece in pieces if piece.finding):
        findings.append(finding, table=INTERACTIONS if opened.are_movable else "")
    history = replace(history, settings=_decided(pieces, history.settings, findings))
    layout = replace(layout, settings=history.settings)
    if findings.stop():
        return None
    findings.absorb(list_duplicate_rows(layout, _ids(opened.raw, history)))
    links = history.links
    linked_at = np.full(history.leads_count, NEVER_US) if links is None else links.linked_at
    np.savez(folder / _LEADS, partition=partition_of, created_at=history.created_at, linked_at=linked_at)
    # An attribute of which no cell is of the given type is not in the history, and no partition may infer
    # another type from its cells.
    types = dict(attribute_types or {})
    types |= {name: attribute.type for name, attribute in history.attributes.items()}
    partitions = Partitions(layout, opened.raw.is_typed, types, findings.found(), _columns(opened))
    _write_manifest(partitions)
    return partitions, history


def _ids(raw: RawTables, history: LeadHistory) -> Leads:
    """Gives ids and creations of the leads, and their aliases."""
    leads = Leads(history.lead_ids, history.created_at, None, {}, ())
    if ALIASES not in raw.tables:
        return leads
    return read_aliases(open_rows(raw, ALIASES, Findings()), leads) or leads


def open_partitions(folder: Path) -> Partitions | None:
    """Opens partitions on the disk; None where writing them was not finished."""
    path = folder / _MANIFEST
    if not path.exists():
        return None
    manifest = json.loads(path.read_text(encoding="utf-8"))
    rule = TextRule.from_json(manifest["text_rule"])
    settings = HistorySettings.from_json(manifest["settings"], rule)
    settings = replace(settings, machine_rules=manifest["machine_rules"])
    layout = Layout(folder, manifest["count"], settings)
    found = tuple(map(finding_of_record, manifest["found"]))
    columns = {table: tuple(names) for table, names in manifest["columns"].items()}
    return Partitions(layout, manifest["is_typed"], manifest["attribute_types"], found, columns)


def finding_of_record(record: Mapping[str, Any]) -> Finding:
    """Reads a finding that was written as JSON."""
    return Finding(**{**record, "ids": tuple(record["ids"]), "facts": tuple(map(tuple, record["facts"]))})


def _write_manifest(partitions: Partitions) -> None:
    manifest = {
        "count": partitions.layout.count,
        "text_rule": partitions.layout.text_rule.to_json(),
        "machine_rules": partitions.layout.settings.machine_rules,
        "settings": partitions.layout.settings.to_json(),
        "is_typed": partitions.is_typed,
        "attribute_types": dict(partitions.attribute_types),
        "found": [asdict(finding) for finding in partitions.found],
        "columns": dict(partitions.columns),
    }
    partial = partitions.layout.folder / f"{_MANIFEST}.part"
    partial.write_text(json.dumps(manifest), encoding="utf-8")
    partial.rename(partitions.layout.folder / _MANIFEST)


def _columns(opened: OpenSource) -> dict[str, tuple[str, ...]]:
    rows = opened.interactions
    names = () if rows is None else tuple(dict.fromkeys([*rows.schema.names, *rows.names]))
    read = {table: tuple(rows.column_names) for table, rows in opened.raw.tables.items()}
    return {**read, INTERACTIONS: names}


def _read_frame(
    opened: OpenSource, findings: Findings, types: Mapping[str, AttributeType] | None
) -> LeadHistory | None:
    """Reads and checks all tables except the rows of the interactions."""
    tables = dict(opened.raw.tables)
    if opened.interactions is not None:
        tables[INTERACTIONS] = opened.interactions.schema.empty_table()
    return assemble(replace(opened.raw, tables=tables), findings, attribute_types=types)


def _partitions_count(opened: OpenSource, history: LeadHistory, partition_rows: int) -> int:
    rows_count = 0 if opened.interactions is None else opened.interactions.rows_count
    load = rows_count + ROWS_PER_LEAD * history.leads_count
    return min(max(round(load / partition_rows), 1), _MOST_PARTITIONS)


def _split_leads(raw: RawTables, history: LeadHistory, layout: Layout, *, by_id: bool) -> PartitionNumbers:
    """Splits the tables read as a whole; gives the partition of each lead in the order of the ids."""
    leads = raw.tables["leads"]
    shown = layout.settings.displayed if by_id else ()
    kept = {"lead_id", "created_at", "account_id", *history.attributes, *shown}
    columns = [name for name in leads.column_names if name in kept]
    partition_of = (
        ranges_of_leads(leads, layout, raw.tables.get(ALIASES))
        if by_id
        else partitions_of_leads(leads, layout, raw.tables.get(ALIASES))
    )
    split_table(leads.select(columns), partition_of, "leads", layout)
    for name in ("outcomes", "attribute_changes", ALIASES):
        if name in raw.tables:
            rows = raw.tables[name]
            split_table(rows, partitions_of_rows(rows, layout), name, layout)
    ids = pa.table({"lead_id": history.lead_ids})
    return partitions_of_rows(ids, layout)


def _split_pieces(
    opened: OpenSource, layout: Layout, workers: int, guard: Path | None, progress: Progress
) -> Sequence[SplitPiece]:
    if opened.interactions is None:
        return []
    empty = opened.interactions.schema.empty_table()
    split_table(empty, np.empty(0, np.uint16), INTERACTIONS, layout)
    tasks = [(piece, number, layout) for number, piece in enumerate(opened.interactions.pieces, 1)]
    is_small = layout.count == 1 or not opened.are_movable
    split = []
    progress("partitions", 0.0)
    for piece in run_tasks(split_piece, tasks, workers=1 if is_small else workers, guard=guard):
        split.append(piece)
        progress("partitions", len(split) / len(tasks))
    return split


def _decided(pieces: Sequence[SplitPiece], settings: HistorySettings, findings: Findings) -> HistorySettings:
    """Decides how the interactions are written: from the cells of all pieces, so that partitions agree."""
    marks: dict[str, Marks] = {}
    for piece in pieces:
        for column, found in piece.marks.items():
            marks[column] = marks.get(column, NO_MARKS).merged(found)
    return decide_columns(INTERACTIONS, marks, settings, findings)


def _check_columns(
    pieces: Sequence[SplitPiece], layout: Layout, opened: OpenSource, findings: Findings
) -> None:
    """Checks the types of columns that are only known after reading, and sets one type for each column."""
    if opened.are_movable or opened.interactions is None:
        return
    schemas = [schema for piece in pieces for schema in piece.schemas]
    whole = concatenate([opened.interactions.schema.empty_table(), *schemas], layout.text_rule)
    split_table(whole, np.empty(0, np.uint16), INTERACTIONS, layout)
    seen = Findings()
    raw = RawTables({INTERACTIONS: whole}, settings=layout.settings)
    read_interactions(open_rows(raw, INTERACTIONS, seen), None)
    findings.absorb(finding for finding in seen.found() if finding.code == "D008")
