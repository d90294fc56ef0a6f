"""One type for a column whose cells come in several pieces: where no other holds them all, text."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from features.history.text_rule import TextRule, object_text
from features.parsing.tagged_cells import TAGGED
from features.parsing.text_columns import is_text, plain_texts
from features.sources.cells import NESTED, NO_COLUMN
from features.sources.column_types import converted


def joined_type(types: Iterable[pa.DataType]) -> pa.DataType:
    """Finds the type that holds the cells of all pieces; null where none has any.

    >>> joined_type([pa.int64(), pa.null(), pa.float64()]), joined_type([pa.int64(), pa.string()])
    (DataType(double), DataType(string))
    """
    plain = (pa.string() if type_ == TAGGED else type_ for type_ in types)
    some = [type_ for type_ in dict.fromkeys(plain) if not pa.types.is_null(type_)]
    if len(some) < 2:
        return some[0] if some else pa.null()
    if NESTED in some or any(map(pa.types.is_nested, some)):
        return NESTED
    if any(map(is_text, some)):
        return pa.string()
    try:
        fields = [pa.schema([("column", type_)]) for type_ in some]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except NO_COLUMN:
        return pa.string()


def as_joined(column: pa.ChunkedArray, type_: pa.DataType, rule: TextRule) -> pa.ChunkedArray:
    """Gives a column a type of `joined_type`."""
    column = without_tags(column)
    if not is_text(type_) or is_text(column.type) or pa.types.is_null(column.type):
        return converted(column, type_, rule)
    texts = plain_texts(column, rule)
    if texts is not None:
        return texts
    # Times and bytes beside texts.
    return pa.chunked_array([pa.array([object_text(cell, rule) for cell in column.to_pylist()], pa.string())])


def without_tags(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives the texts of a column of cells of several types: which column is an attribute, a map says."""
    if column.type != TAGGED:
        return column
    texts = pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())
    return pc.utf8_slice_codeunits(texts, 1)
