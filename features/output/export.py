"""Writes the features of every lead at a moment, as the model sees them, for people and other tools.

The history is split into partitions. Their features are computed in parallel and merged by lead id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow.csv
import pyarrow.parquet

from features.catalog.default_catalog import default_catalogue
from features.catalog.spec import FeatureSet
from features.checks.checked_history import read_history
from features.findings.problems import Finding, Findings
from features.history.known import current_at
from features.history.settings import HistorySettings
from features.output.lead_features import known_features
from features.output.targets import TargetFormat, published, refuse_history_as_target, target_format
from features.partitions.merging import MergePiece, plan_merge, write_rows
from features.partitions.partitions import Partitions, write_partitions
from features.partitions.pool import cores_count, run_tasks
from features.progress import Progress, silent
from features.sources.open_source import Source, raise_if_stopped
from features.sources.pieces import PARTITION_ROWS
from features.times import format_time

# Leads per piece of the output.
CHUNK_LEADS: Final = 50_000


@dataclass(frozen=True, slots=True)
class FeatureExport:
    """The result of an export.

    Attributes:
        out: the target.
        as_of: microseconds UTC.
        leads_count: number of rows.
        feature_set: the declarations.
    """

    out: Path
    as_of: int
    leads_count: int
    feature_set: FeatureSet

    def summary(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "out": str(self.out),
            "as_of": format_time(self.as_of),
            "leads": self.leads_count,
            "features": len(self.feature_set.features),
            "feature_set": self.feature_set.version,
        }


def export_features(
    source: Source,
    *,
    as_of: int,
    out: Path,
    feature_set: FeatureSet | None = None,
    settings: HistorySettings | None = None,
    workers: int | None = None,
    partition_rows: int = PARTITION_ROWS,
    progress: Progress = silent,
) -> FeatureExport:
    """Writes one row per lead that exists at `as_of`: `lead_id`, `as_of` and the features, by `lead_id`.

    Args:
        source: a folder, a database URL, or tables in memory.
        as_of: microseconds UTC.
        out: a .parquet or .csv file, or a folder of parts for a name without suffix.
        feature_set: features to compute; None: the default catalogue of the history known at `as_of`.
        settings: of the model that reads; None: those of the history.
        workers: number of processes; None: one per core. It changes only time and memory.
        partition_rows: approximate number of interactions per partition. It changes only time and memory.
        progress: called while the work proceeds.

    Raises:
        LeadOddsError: a finding stops everything, or the target cannot be written.
    """
    refuse_history_as_target(out, source)
    format_ = target_format(out)
    workers = cores_count() if workers is None else workers
    if feature_set is None:
        read = read_history(source, settings=settings, progress=progress)
        feature_set = default_catalogue(current_at(read.history, as_of))
    with published(out) as work:
        partitions = write_partitions(
            source,
            work / "partitions",
            attribute_types=feature_set.attribute_types,
            settings=settings,
            partition_rows=partition_rows,
            workers=workers,
            guard=work,
            progress=progress,
        )
        files = [work / f"features-{number:04d}.arrow" for number in range(partitions.layout.count)]
        tasks = [(partitions, number, feature_set, as_of, file) for number, file in enumerate(files)]
        findings = Findings(partitions.found)
        for done, found in enumerate(run_tasks(_write_features, tasks, workers=workers, guard=work), 1):
            findings.absorb(found)
            progress("features", done / len(tasks))
        raise_if_stopped(source, findings)
        partition_of = partitions.leads_at(as_of)
        pieces = list(plan_merge(partition_of, files, piece_rows=CHUNK_LEADS))
        _write(pieces, work / "whole", format_)
    return FeatureExport(out, as_of, len(partition_of), feature_set)


def _write_features(
    partitions: Partitions, number: int, feature_set: FeatureSet, as_of: int, path: Path
) -> tuple[Finding, ...]:
    """Writes the features of one partition; gives the findings about its interactions."""
    history, found = partitions.read(number)
    if history is not None:
        write_rows(path, known_features(feature_set, history, as_of))
    return found


def _write(pieces: Sequence[MergePiece], whole: Path, format_: TargetFormat) -> None:
    tables = (piece.read() for piece in pieces)
    if format_ == "parts":
        whole.mkdir()
        for number, table in enumerate(tables):
            pyarrow.parquet.write_table(table, whole / f"part-{number:05d}.parquet")
        return
    first = next(tables)
    open_writer = pyarrow.csv.CSVWriter if format_ == "csv" else pyarrow.parquet.ParquetWriter
    with open_writer(whole, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)
