"""Writes the features of every lead at a moment: what the model sees, for people and for other tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from features.catalog import default_catalogue
from features.columns import AttributeType, Floats, Ints, LeadHistory
from features.engine import compute_features
from features.history import read_history
from features.known import is_known, known_at
from features.matrix import Examples, FeatureMatrix
from features.plan import compile_plan
from features.problems import Finding
from features.progress import Progress, silent
from features.spec import Feature, FeatureSet
from features.tables import RawTables
from features.targets import form_of, published
from features.times import format_time

# Leads whose features are in memory at once.
CHUNK_LEADS: Final = 50_000
_TIME: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class FeatureExport:
    """What was written.

    Attributes:
        out: the target.
        as_of: microseconds UTC.
        leads_count: rows.
        feature_set: the declarations.
    """

    out: Path
    as_of: int
    leads_count: int
    feature_set: FeatureSet

    def summary(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "out": str(self.out),
            "as_of": format_time(self.as_of),
            "leads": self.leads_count,
            "features": len(self.feature_set.features),
            "feature_set": self.feature_set.version,
        }


def export_features(
    source: str | Path,
    *,
    as_of: int,
    out: Path,
    feature_set: FeatureSet | None = None,
    progress: Progress = silent,
) -> FeatureExport:
    """Writes one row a lead that exists at `as_of`: `lead_id`, `as_of` and the features, sorted by `lead_id`.

    Args:
        source: folder or database URL of a history.
        as_of: microseconds UTC.
        out: a .parquet or .csv file, or a folder of parts for a name without suffix.
        feature_set: what to compute; None derives the default catalogue from what is known at `as_of`.
        progress: told how far the work is.

    Raises:
        LeadOddsError: a history that stops, a target that cannot be written.
    """
    form = form_of(out)
    history = read_history(source, progress=progress).history
    if feature_set is None:
        feature_set = default_catalogue(known_at(history, as_of))
    leads = np.flatnonzero(is_known(history.created_at, as_of))
    with published(out) as work:
        whole = work / "whole"
        tables = [
            feature_table(feature_set, history, leads[start : start + CHUNK_LEADS], as_of)
            for start in range(0, max(len(leads), 1), CHUNK_LEADS)
        ]
        _write(tables, whole, form)
    progress("features", 1.0)
    return FeatureExport(out, as_of, len(leads), feature_set)


def feature_rows(
    raw: RawTables,
    *,
    feature_set: FeatureSet,
    as_of: int,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """Computes the features of the leads of one partition: Arrow tables of their history in, a table out.

    Args:
        raw: all rows of the leads, and all leads of their accounts.
        feature_set: what to compute.
        as_of: microseconds UTC.
        attribute_types: of the attributes, so that no type depends on the rows of a partition.

    Returns:
        As `feature_table`, of every lead that exists at `as_of`, none where something stops; and what is
        wrong with the interactions.
    """
    # Imported late: partitions are cut by DuckDB, which is no concern of those who read little.
    from features.partitions import read_partition

    history, found = read_partition(raw, attribute_types=attribute_types)
    if history is None:
        return pa.table({}), found
    return feature_table(
        feature_set, history, np.flatnonzero(is_known(history.created_at, as_of)), as_of
    ), found


def feature_table(feature_set: FeatureSet, history: LeadHistory, leads: Ints, as_of: int) -> pa.Table:
    """Computes features and writes them with their names.

    Args:
        feature_set: what to compute.
        history: of the leads.
        leads: (n,) rows of the history.
        as_of: microseconds UTC.

    Returns:
        n rows; null where a value is missing, categories as text, booleans as such.
    """
    examples = Examples(leads, np.full(len(leads), as_of, dtype=np.int64))
    matrix = compute_features(compile_plan(feature_set), history, examples)
    columns: dict[str, pa.Array] = {
        "lead_id": history.lead_ids.take(pa.array(leads)).cast(pa.string()),
        "as_of": pa.array(examples.as_of, pa.int64()).cast(_TIME),
    }
    for row, feature in enumerate(feature_set.features):
        columns[feature.name] = _column(feature, matrix, matrix.values[row])
    return pa.table(columns)


def _column(feature: Feature, matrix: FeatureMatrix, values: Floats) -> pa.Array:
    missing = np.isnan(values)
    if feature.type == "category":
        names = pa.array(matrix.vocabularies[feature.name], pa.string())
        return names.take(pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing))
    if feature.type == "boolean":
        return pa.array(values == 1, mask=missing)
    return pa.array(values, mask=missing)


def _write(tables: list[pa.Table], whole: Path, form: str) -> None:
    if form == "parts":
        whole.mkdir()
        for number, table in enumerate(tables):
            pyarrow.parquet.write_table(table, whole / f"part-{number:05d}.parquet")
    elif form == "csv":
        pyarrow.csv.write_csv(pa.concat_tables(tables), whole)
    else:
        pyarrow.parquet.write_table(pa.concat_tables(tables), whole)
