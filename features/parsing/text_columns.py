"""Reads columns of texts, each distinct text once; texts that the rule lists as missing become missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.history.categories import compact
from features.history.lead_history import Categories, Codes
from features.history.text_rule import EXACT_FLOATS, FIRST_RULE, LEAST_PLAIN, TextRule, category_text


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts, each distinct text once.

    Attributes:
        codes: (rows,) index into `values`, -1 where missing.
        values: the distinct texts, in no particular order, without missing ones.
    """

    codes: Codes
    values: pa.Array


def as_texts(column: pa.ChunkedArray, rule: TextRule) -> Texts | None:
    """Reads a column of texts, ids or categories; None where its type has no texts.

    Numbers and booleans become text by the rule.
    """
    if pa.types.is_dictionary(column.type):
        if is_text(column.type.value_type):
            return _of_codes(column.unify_dictionaries(), rule)
        column = column.cast(column.type.value_type)
    texts = column if is_text(column.type) else _written(column, rule)
    return None if texts is None else _of_codes(pc.dictionary_encode(texts), rule)


def distinct_texts(column: pa.ChunkedArray) -> Texts:
    """Reads texts, none of which spells a missing cell."""
    return _of_codes(pc.dictionary_encode(column), FIRST_RULE)


def plain_texts(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Gives the texts of a column, null where missing; None where its type has no texts."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = column.cast(pa.string()) if is_text(column.type) else _written(column, rule)
    return None if texts is None else without_missing(texts, rule.spellings)


def without_missing(texts: pa.ChunkedArray, spellings: frozenset[str]) -> pa.ChunkedArray:
    """Replaces spellings of a missing cell by null."""
    is_missing = _is_missing(texts, spellings)
    return texts if is_missing is None else pc.if_else(is_missing, None, texts)


def as_categories(texts: Texts) -> Categories:
    """Converts texts to categories: the distinct texts that occur, sorted."""
    order = pc.sort_indices(texts.values).to_numpy()
    ranks = np.empty(len(order) + 1, np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    ranks[-1] = -1
    return compact(ranks[texts.codes], tuple(texts.values.take(pa.array(order)).to_pylist()))


def is_text(type_: pa.DataType) -> bool:
    """Tells whether a column of this type holds texts."""
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def type_name(type_: pa.DataType) -> str:
    """Names a type of columns for people."""
    is_extension = isinstance(type_, pa.BaseExtensionType)
    return type_.extension_name.removeprefix("arrow.") if is_extension else str(type_)


def is_number(type_: pa.DataType) -> bool:
    """Tells whether a column of this type holds numbers or booleans."""
    is_plain = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return bool(is_plain or pa.types.is_decimal(type_) or pa.types.is_boolean(type_))


def _of_codes(column: pa.ChunkedArray, rule: TextRule) -> Texts:
    """Splits a dictionary column, whose chunks share one dictionary, into codes and texts."""
    if not column.num_chunks:
        return Texts(np.empty(0, np.int32), pa.array([], pa.string()))
    chunks = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks]
    values = column.chunk(0).dictionary.cast(pa.string())
    return _drop_missing(Texts(np.concatenate(chunks, dtype=np.int32), values), rule)


def _drop_missing(texts: Texts, rule: TextRule) -> Texts:
    """Removes the texts that the rule lists as missing; their codes become -1."""
    is_missing = _is_missing(texts.values, rule.spellings)
    if is_missing is None:
        return texts
    kept = ~np.asarray(is_missing)
    ranks = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)
    return Texts(ranks[texts.codes], texts.values.filter(pa.array(kept)))


def _is_missing(texts: pa.Array | pa.ChunkedArray, spellings: frozenset[str]) -> Any:
    """Finds spellings of a missing cell, as Arrow booleans; None where there are none.

    Only texts as short as a spelling are looked up: most ids are longer.
    """
    listed = pa.array(sorted(spellings), pa.string())
    short = texts.filter(pc.less_equal(pc.binary_length(texts), pc.max(pc.binary_length(listed))))
    if not len(short) or not pc.any(pc.is_in(short, listed)).as_py():
        return None
    return pc.is_in(texts, listed)


def _written(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Writes numbers and booleans by the rule, null where missing; None for a type without texts."""
    type_ = column.type
    if pa.types.is_floating(type_):
        return _floats_by_column(column) if rule.number == 1 else _floats(column, rule)
    if pa.types.is_decimal(type_) and rule.number > 1 and type_.scale:
        encoded = column.combine_chunks().dictionary_encode()
        texts = [category_text(number, rule) for number in encoded.dictionary.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string()).take(encoded.indices)])
    return column.cast(pa.string()) if pa.types.is_null(type_) or is_number(type_) else None


def _floats_by_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Writes floats by rule 1: as integers where the whole column is whole, else as Arrow does."""
    try:
        return column.cast(pa.int64()).cast(pa.string())
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def _floats(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    """Writes floats as `category_text` does; whole numbers by a single cast."""
    own = np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False))
    numbers = own.astype(np.float64)
    is_whole = (np.abs(numbers) < EXACT_FLOATS) & (numbers == np.trunc(numbers))
    digits = pa.array(np.where(is_whole, numbers, 0).astype(np.int64), mask=~is_whole).cast(pa.string())
    is_other = ~is_whole & ~np.isnan(numbers)
    if not is_other.any():
        return pa.chunked_array([digits])
    return pa.chunked_array(
        [pc.replace_with_mask(digits, pa.array(is_other), _shortest(own[is_other], rule))]
    )


def _shortest(numbers: npt.NDArray[np.floating], rule: TextRule) -> pa.Array:
    """Writes floats that are not whole as `category_text` does.

    Arrow writes the same digits, and the same text where it uses no exponent.
    """
    if numbers.dtype == np.float16:
        return pa.array([category_text(number, rule) for number in numbers])
    texts = pa.array(numbers).cast(pa.string())
    is_different = np.asarray(pc.match_substring(texts, "e")) | (np.abs(numbers) < LEAST_PLAIN)
    distinct, positions = np.unique(numbers[is_different], return_inverse=True)
    written = pa.array([category_text(number, rule) for number in distinct], pa.string())
    return pc.replace_with_mask(texts, pa.array(is_different), written.take(pa.array(positions)))
