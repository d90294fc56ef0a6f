"""Ids as texts on Spark, written as one machine writes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.parsing.text_columns import plain_texts
from features.spark.file_frames import Frame

_IDS: Final = ("lead_id", "alias_id", "account_id", "source", "interaction_id")


def with_text_ids(frame: Frame, rule: TextRule) -> Frame:
    """Writes ids that are floats or decimals as texts: Spark's own cast writes them as Java does."""
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    schema = to_arrow_schema(frame.schema, timezone="UTC")
    fractional = [
        field.name
        for field in schema
        if field.name in _IDS and (pa.types.is_floating(field.type) or pa.types.is_decimal(field.type))
    ]
    if rule.number == 1 or not fractional:
        return frame
    written = pa.schema(
        [field.with_type(pa.string()) if field.name in fractional else field for field in schema]
    )
    return frame.mapInArrow(_writing_texts(fractional, written, rule), from_arrow_schema(written))


def _writing_texts(
    names: Collection[str], schema: pa.Schema, rule: TextRule
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            columns = [
                plain_texts(rows[name], rule) if name in names else rows[name] for name in schema.names
            ]
            yield from pa.table(columns, schema=schema).combine_chunks().to_batches()

    return write


def with_lead(frame: Frame, rule: TextRule) -> Frame:
    """Adds the id of the lead of each row as a text, null where missing."""
    return frame.withColumn("lead", text_of("lead_id", rule))


def text_of(column: str, rule: TextRule) -> Any:
    """Reads a column of ids as texts, null where missing."""
    from pyspark.sql import functions as of

    texts = of.col(column).cast("string")
    return of.when(~texts.isin(*sorted(rule.spellings)), texts)
