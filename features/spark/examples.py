"""Features of examples on Spark: computed where the rows of their leads are; only the values are collected.

The examples and their labels are chosen before; the configuration caps their number, so their matrix fits
into the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.errors import LeadOddsError
from features.history.lead_history import AttributeType, Floats, LeadHistory
from features.history.settings import Format
from features.parsing.number_columns import told_format
from features.partitions.partitions import read_partition
from features.sources.pieces import PARTITION_ROWS
from features.spark.frames import SparkHistory, open_history, partition_by_account
from features.spark.session import check_versions, spark_session, versions
from features.tables.table_reader import RawTables
from features.tables.written_attributes import read_again

_EXAMPLES: Final = "examples"
_VALUES: Final = pa.schema([("position", pa.int64()), ("values", pa.list_(pa.float64()))])


class OtherHistoryError(LeadOddsError):
    """The history that Spark reads differs from the history read before."""

    def __init__(self, source: str, *, missing: int) -> None:
        super().__init__(
            f"In {source}, Spark did not find the leads of {missing} examples that were read before. "
            "Train again, and make sure that nothing writes to the history meanwhile."
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """The input of every worker.

    Attributes:
        feature_set: features to compute.
        attribute_types: types as which the attributes are read.
        retyped: attributes that features of earlier moments may read as other types: their cells are read as
            a category, joined under the leads, and then read as the type here, as on one machine.
        vocabularies: category values of the codes, of the whole history.
    """

    feature_set: FeatureSet
    attribute_types: Mapping[str, AttributeType]
    retyped: Mapping[str, tuple[AttributeType, Format | None]]
    vocabularies: Mapping[str, tuple[str, ...]]


def features_of_examples(source: str, *, partition_rows: int = PARTITION_ROWS) -> Compute:
    """Builds the function that computes features of examples on Spark, equal to `compute_here` to the bit.

    Args:
        source: a folder of Parquet tables, or its URI; the history of the examples was read from it.
        partition_rows: approximate number of interactions per partition. It changes only time and memory.

    Returns:
        A function that raises the errors of `spark_session` and `open_history`.
    """

    def compute(feature_set: FeatureSet, history: LeadHistory, examples: Examples) -> FeatureMatrix:
        return _compute(source, feature_set, history, examples, partition_rows)

    return compute


def _compute(
    source: str, feature_set: FeatureSet, history: LeadHistory, examples: Examples, partition_rows: int
) -> FeatureMatrix:
    from pyspark.sql.pandas.types import from_arrow_schema

    no_examples = Examples(examples.lead[:0], examples.as_of[:0])
    empty = compute_features(compile_plan(feature_set), history, no_examples)
    retyped = {
        name: (each.type, each.written.format or told_format(pa.array(each.written.texts.categories)))
        for name, each in history.attributes.items()
        if each.written is not None
    }
    types = {name: each.type for name, each in history.attributes.items()}
    types |= dict.fromkeys(retyped, "category")
    rows = _rows_of(history, examples)
    with spark_session() as session:
        opened = open_history(session, source, settings=history.settings)
        with_examples = replace(
            opened,
            frames={**opened.frames, _EXAMPLES: session.createDataFrame(rows)},
            schemas={**opened.schemas, _EXAMPLES: rows.schema},
        )
        task = _Task(feature_set, types, retyped, empty.vocabularies)
        work = _worker(with_examples.without_frames(), task)
        frame = partition_by_account(with_examples, partition_rows=partition_rows)
        computed = frame.mapInArrow(work, from_arrow_schema(_VALUES)).toArrow().combine_chunks()
    if len(computed) != len(rows):
        raise OtherHistoryError(source, missing=len(rows) - len(computed))
    values = np.empty((len(feature_set.features), len(rows)))
    values[:, computed["position"].to_numpy()] = _flat(computed).reshape(len(rows), len(values)).T
    return FeatureMatrix(empty.names, values, empty.vocabularies, empty.row_of)


def _rows_of(history: LeadHistory, examples: Examples) -> pa.Table:
    ids = history.lead_ids.take(pa.array(examples.lead)).cast(pa.string())
    return pa.table({"lead_id": ids, "as_of": examples.as_of, "position": np.arange(len(ids))})


def _flat(computed: pa.Table) -> Floats:
    chunks = [chunk.flatten().to_numpy() for chunk in computed["values"].chunks]
    return np.concatenate(chunks) if chunks else np.empty(0)


def _worker(history: SparkHistory, task: _Task) -> Callable[[Any], Any]:
    """Builds the function that Spark calls with the batches of a partition: it gives one row per example."""
    expected = dict(versions())

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        check_versions(expected)
        read = list(batches)
        if read:
            raw = history.raw(pa.Table.from_batches(read))
            position, rows = _compute_part(raw, task)
            ends = np.arange(len(position) + 1, dtype=np.int32) * rows.shape[1]
            values = pa.ListArray.from_arrays(ends, rows.ravel())
            yield pa.record_batch([position, values], schema=_VALUES)

    return run


def _compute_part(raw: RawTables, task: _Task) -> tuple[pa.Array, Floats]:
    """Computes the features of the examples of a partition: their positions, and (examples, features)."""
    history, _ = read_partition(raw, attribute_types=task.attribute_types)
    rows = raw.tables[_EXAMPLES]
    if history is None:
        return rows["position"].combine_chunks()[:0], np.empty((0, len(task.feature_set.names)))
    again = {
        name: read_again(history.attributes[name], type_, history.text_rule, format_)
        for name, (type_, format_) in task.retyped.items()
        if name in history.attributes
    }
    history = replace(history, attributes={**history.attributes, **again})
    lead = pc.index_in(rows["lead_id"], history.lead_ids.cast(pa.string()))
    rows = rows.filter(lead.is_valid())
    examples = Examples(lead.drop_null().to_numpy().astype(np.int64), rows["as_of"].to_numpy())
    matrix = compute_features(compile_plan(task.feature_set), history, examples)
    for name in matrix.vocabularies:
        _recode(matrix.column(name), matrix.vocabularies[name], task.vocabularies[name])
    columns = [matrix.column(name) for name in task.feature_set.names]
    return rows["position"].combine_chunks(), np.array(columns).T


def _recode(codes: Floats, own: tuple[str, ...], whole: tuple[str, ...]) -> None:
    """Converts codes of a partition to those of the whole history, in place."""
    known = ~np.isnan(codes)
    code_of = {value: code for code, value in enumerate(whole)}
    codes[known] = np.array([code_of[value] for value in own], np.float64)[codes[known].astype(np.int64)]
