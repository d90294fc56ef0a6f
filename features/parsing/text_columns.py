"""Reads columns of texts, each distinct one once; what the rule lists as missing is missing, everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.categories import compact
from features.history.lead_history import Categories, Codes
from features.history.text_rule import TextRule


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts, each distinct one once.

    Attributes:
        codes: (rows,) index into `values`, -1 where missing.
        values: distinct, in no particular order, none missing.
    """

    codes: Codes
    values: pa.Array


def as_texts(column: pa.ChunkedArray, rule: TextRule) -> Texts | None:
    """Reads a column of texts, ids or categories; None where its type has no texts.

    Whole numbers become their digits, those that a missing value once turned into floats too.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        encoded = column.unify_dictionaries() if is_text(kind.value_type) else None
        return (
            _of_codes(encoded, rule) if encoded is not None else as_texts(column.cast(kind.value_type), rule)
        )
    if is_text(kind):
        return _of_codes(pc.dictionary_encode(column), rule)
    digits = _as_digits(column)
    return None if digits is None else _of_codes(pc.dictionary_encode(digits), rule)


def plain_texts(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Gives the texts of a column as they are, null where missing; None where its type has no texts."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = column.cast(pa.string()) if is_text(column.type) else _as_digits(column)
    return None if texts is None else without_missing(texts, rule)


def without_missing(texts: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    """Makes null what the rule lists as missing, cell by cell."""
    is_missing = _is_missing(texts, rule)
    return texts if is_missing is None else pc.if_else(is_missing, None, texts)


def as_categories(texts: Texts) -> Categories:
    """Sorts the distinct texts and keeps those that occur."""
    order = pc.sort_indices(texts.values).to_numpy()
    ranks = np.empty(len(order) + 1, np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    ranks[-1] = -1
    return compact(ranks[texts.codes], tuple(texts.values.take(pa.array(order)).to_pylist()))


def is_text(kind: pa.DataType) -> bool:
    """Tells whether a column of this type holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Tells whether a column of this type holds numbers, or booleans."""
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(is_plain or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _of_codes(column: pa.ChunkedArray, rule: TextRule) -> Texts:
    """Takes apart codes and texts; all chunks have the same texts."""
    if not column.num_chunks:
        return Texts(np.empty(0, np.int32), pa.array([], pa.string()))
    chunks = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks]
    values = column.chunk(0).dictionary.cast(pa.string())
    return _drop_missing(Texts(np.concatenate(chunks, dtype=np.int32), values), rule)


def _as_digits(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if pa.types.is_floating(column.type):
        try:
            return column.cast(pa.int64()).cast(pa.string())
        except pa.ArrowInvalid:
            return column.cast(pa.string())
    is_plain = pa.types.is_null(column.type) or is_number(column.type)
    return column.cast(pa.string()) if is_plain else None


def _drop_missing(texts: Texts, rule: TextRule) -> Texts:
    """Makes the texts missing that the rule lists, and the codes those of the others."""
    is_missing = _is_missing(texts.values, rule)
    if is_missing is None:
        return texts
    kept = ~np.asarray(is_missing)
    ranks = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)
    return Texts(ranks[texts.codes], texts.values.filter(pa.array(kept)))


def _is_missing(texts: pa.Array | pa.ChunkedArray, rule: TextRule) -> pa.Array | pa.ChunkedArray | None:
    """Finds the texts that the rule lists, null among them; None where there is none.

    No text is looked up that is longer than the longest spelling: most ids are.
    """
    longest = max(map(len, (text.encode() for text in rule.spellings)))
    is_short = pc.less_equal(pc.binary_length(texts), longest)
    if not pc.any(is_short).as_py():
        return None
    is_missing = pc.is_in(texts, pa.array(sorted(rule.spellings), pa.string()))
    return is_missing if pc.any(is_missing).as_py() else None
