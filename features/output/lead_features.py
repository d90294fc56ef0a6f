"""Features of the leads of one partition as an Arrow table with names, for people and other tools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa

from features.catalog.spec import Feature, FeatureSet
from features.engine.engine import compute_here
from features.engine.matrix import Examples, FeatureMatrix
from features.findings.problems import Finding
from features.history.known import has_row
from features.history.lead_history import AttributeType, Floats, Ints, LeadHistory
from features.partitions.partitions import read_partition
from features.tables.table_reader import RawTables

_TIME: Final = pa.timestamp("us", tz="UTC")


def feature_rows(
    raw: RawTables,
    *,
    feature_set: FeatureSet,
    as_of: int,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """Computes the features of the leads of one partition from the Arrow tables of their history.

    Args:
        raw: all rows of the leads, and all leads of their accounts.
        feature_set: features to compute.
        as_of: microseconds UTC.
        attribute_types: types of the attributes: a type never depends on the rows of a partition.

    Returns:
        As `feature_table`, every lead that exists at `as_of`, none where a finding stops everything; and the
        findings about the interactions.
    """
    history, found = read_partition(raw, attribute_types=attribute_types)
    if history is None:
        return pa.table({}), found
    return known_features(feature_set, history, as_of), found


def known_features(feature_set: FeatureSet, history: LeadHistory, as_of: int) -> pa.Table:
    """Computes the features of every lead that has a row at `as_of`, in the order of the history."""
    return feature_table(feature_set, history, np.flatnonzero(has_row(history, as_of)), as_of)


def feature_table(feature_set: FeatureSet, history: LeadHistory, leads: Ints, as_of: int) -> pa.Table:
    """Computes features as a table with named columns.

    Args:
        feature_set: features to compute.
        history: history of the leads.
        leads: (n,) rows of the history.
        as_of: microseconds UTC.

    Returns:
        n rows; null where a value is missing, categories as text, booleans as booleans.
    """
    examples = Examples(leads, np.full(len(leads), as_of, dtype=np.int64))
    matrix = compute_here(feature_set, history, examples)
    columns: dict[str, pa.Array] = {
        "lead_id": history.lead_ids.take(pa.array(leads)).cast(pa.string()),
        "as_of": pa.array(examples.as_of, pa.int64()).cast(_TIME),
    }
    for row, feature in enumerate(feature_set.features):
        # A catalogue may declare a name that the table has already.
        name = feature.name if feature.name not in columns else f"{feature.name}_feature"
        columns[name] = _column(feature, matrix, matrix.values[row])
    return pa.table(columns)


def _column(feature: Feature, matrix: FeatureMatrix, values: Floats) -> pa.Array:
    missing = np.isnan(values)
    if feature.type == "category":
        names = pa.array(matrix.vocabularies[feature.name], pa.string())
        return names.take(pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing))
    if feature.type == "boolean":
        return pa.array(values == 1, mask=missing)
    return pa.array(values, mask=missing)
