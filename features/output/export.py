"""Writes the features of every lead at a moment, as the model sees them, for people and other tools.

The history is split into partitions. Their features are computed in parallel and merged by lead id. Where the
features are to be derived from the history, each partition is assembled once, counted and kept for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from features.catalog.default_catalog import default_catalogue
from features.catalog.history_profile import InteractionCounts, count_interactions
from features.catalog.spec import FeatureSet
from features.findings.problems import Finding, Findings, HistoryError
from features.history.known import current_at
from features.history.settings import HistorySettings
from features.output.lead_features import known_features
from features.output.targets import TargetFormat, published, refuse_history_as_target, target_format
from features.partitions.merging import MergePiece, plan_merge, read_ahead, write_rows
from features.partitions.partitions import Partitions, split_source
from features.partitions.pool import cores_count, run_tasks
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name, open_source, raise_if_stopped
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
    with published(out) as work:
        findings = Findings()
        with open_source(source, findings, settings=settings) as opened:
            split = split_source(
                opened,
                work / "partitions",
                findings,
                attribute_types=None if feature_set is None else feature_set.attribute_types,
                partition_rows=partition_rows,
                workers=workers,
                guard=work,
                progress=progress,
            )
        if split is None:
            raise HistoryError(display_name(source), findings.stopping())
        partitions, frame = split
        if feature_set is None:
            known = current_at(frame, as_of)
            # Types as they were inferred from what was known then, whatever came later.
            types = {name: attribute.type for name, attribute in known.attributes.items()}
            partitions = replace(partitions, attribute_types={**partitions.attribute_types, **types})
            counted = _count(partitions, as_of, findings, workers=workers, guard=work, progress=progress)
            raise_if_stopped(source, findings)
            feature_set = default_catalogue(known, counted)
        files = [work / f"features-{number:04d}.arrow" for number in range(partitions.layout.count)]
        tasks = [(partitions, number, feature_set, as_of, file) for number, file in enumerate(files)]
        for done, found in enumerate(run_tasks(_write_features, tasks, workers=workers, guard=work), 1):
            findings.absorb(found)
            progress("features", done / len(tasks))
        raise_if_stopped(source, findings)
        partition_of = partitions.leads_at(as_of)
        pieces = list(plan_merge(partition_of, files, piece_rows=CHUNK_LEADS))
        _write(pieces, work / "whole", format_, threads=workers)
    return FeatureExport(out, as_of, len(partition_of), feature_set)


def _count(
    partitions: Partitions,
    as_of: int,
    findings: Findings,
    *,
    workers: int,
    guard: Path,
    progress: Progress,
) -> InteractionCounts | None:
    """Assembles and counts all partitions; None where a finding stops everything."""
    tasks = [(partitions, number, as_of) for number in range(partitions.layout.count)]
    counted: list[InteractionCounts | None] = []
    for counts, found in run_tasks(_count_partition, tasks, workers=workers, guard=guard):
        findings.absorb(found)
        counted.append(counts)
        progress("interactions", len(counted) / len(tasks))
    merged: InteractionCounts | None = None
    for number, counts in enumerate(counted):
        if counts is None:
            return None
        moments = np.load(_moments_path(partitions, number), mmap_mode="r")
        part = replace(counts, occurred_at=(moments[0],), available_at=(moments[1],))
        merged = part if merged is None else merged.merged(part)
    return merged


def _count_partition(
    partitions: Partitions, number: int, as_of: int
) -> tuple[InteractionCounts | None, tuple[Finding, ...]]:
    """Assembles one partition, keeps it for its features, and counts its interactions.

    Moments of rows go through a file: they are many.
    """
    history, found = partitions.read(number)
    if history is None:
        return None, found
    joblib.dump(history, _kept_path(partitions, number))
    counts = count_interactions(current_at(history, as_of))
    np.save(_moments_path(partitions, number), np.stack([*counts.occurred_at, *counts.available_at]))
    return replace(counts, occurred_at=(), available_at=()), found


def _kept_path(partitions: Partitions, number: int) -> Path:
    """Gives the file of an assembled partition; it lives as long as the export, in its own folder."""
    return partitions.layout.folder / f"assembled-{number:04d}"


def _moments_path(partitions: Partitions, number: int) -> Path:
    return partitions.layout.folder / f"moments-{number:04d}.npy"


def _write_features(
    partitions: Partitions, number: int, feature_set: FeatureSet, as_of: int, path: Path
) -> tuple[Finding, ...]:
    """Writes the features of one partition; gives the findings about its interactions."""
    kept = _kept_path(partitions, number)
    history, found = (joblib.load(kept), ()) if kept.exists() else partitions.read(number)
    if history is not None:
        write_rows(path, known_features(feature_set, history, as_of))
    return found


def _write(pieces: Sequence[MergePiece], whole: Path, format_: TargetFormat, *, threads: int) -> None:
    tables = read_ahead(pieces, threads=threads)
    if format_ == "parts":
        whole.mkdir()
        for number, table in enumerate(tables):
            with _parquet_writer(whole / f"part-{number:05d}.parquet", table.schema) as part:
                part.write_table(table)
        return
    first = next(tables)
    open_writer = pyarrow.csv.CSVWriter if format_ == "csv" else _parquet_writer
    with open_writer(whole, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def _parquet_writer(path: Path, schema: pa.Schema) -> pyarrow.parquet.ParquetWriter:
    """Opens a Parquet file; of numbers, dictionaries take three times as long and no less space."""
    categories = [each.name for each in schema if each.type == pa.string() and each.name != "lead_id"]
    return pyarrow.parquet.ParquetWriter(path, schema, use_dictionary=categories)
