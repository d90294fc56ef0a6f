"""The features by our engine: Parquet in, one matrix per partition out, one process per core."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.known import is_known
from features.history.settings import COUNT_ALL
from features.partitions.partitions import Partitions, write_partitions
from features.partitions.pool import run_tasks


def engine_features(feature_set: FeatureSet, *, folder: Path, as_of: int, workers: int, out: Path) -> int:
    """Computes the features of every lead that exists at `as_of`, and writes ids and values into a folder.

    Returns:
        Number of leads.
    """
    with tempfile.TemporaryDirectory(dir=out) as work:
        partitions = write_partitions(folder, Path(work) / "partitions", workers=workers)
        # As the queries do, which know nothing of machine-made interactions.
        settings = replace(partitions.layout.settings, machine_rules=COUNT_ALL)
        partitions = replace(partitions, layout=replace(partitions.layout, settings=settings))
        tasks = [(partitions, number, feature_set, as_of, out) for number in range(partitions.layout.count)]
        return sum(run_tasks(compute_partition, tasks, workers=workers))


def compute_partition(
    partitions: Partitions, number: int, feature_set: FeatureSet, as_of: int, out: Path
) -> int:
    """Writes the matrix of one partition, (features, leads), and its ids; returns the number of leads."""
    history, _ = partitions.read(number)
    if history is None:
        raise ValueError(number)
    leads = np.flatnonzero(is_known(history.created_at, as_of))
    examples = Examples(leads, np.full(len(leads), as_of))
    matrix = compute_features(compile_plan(feature_set), history, examples)
    np.save(out / f"matrix-{number:04d}.npy", matrix.values)
    ids = history.lead_ids.take(pa.array(leads))
    np.save(out / f"ids-{number:04d}.npy", np.asarray(ids.to_pylist()))
    return len(leads)
