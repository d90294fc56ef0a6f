"""Reads columns of texts, each distinct one once; what the rule lists as missing is missing, everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.history.categories import compact
from features.history.lead_history import Categories, Codes
from features.history.text_rule import EXACT_FLOATS, LEAST_PLAIN, TextRule, category_text


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

    Numbers and booleans become the texts that the rule gives them.
    """
    if pa.types.is_dictionary(column.type):
        if is_text(column.type.value_type):
            return _of_codes(column.unify_dictionaries(), rule)
        column = column.cast(column.type.value_type)
    texts = column if is_text(column.type) else _written(column, rule)
    return None if texts is None else _of_codes(pc.dictionary_encode(texts), rule)


def plain_texts(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Gives the texts of a column, null where missing; None where its type has no texts."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = column.cast(pa.string()) if is_text(column.type) else _written(column, rule)
    return None if texts is None else without_missing(texts, rule.spellings)


def without_missing(texts: pa.ChunkedArray, spellings: frozenset[str]) -> pa.ChunkedArray:
    """Makes null the cells that spell a missing one."""
    is_missing = _is_missing(texts, spellings)
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


def _drop_missing(texts: Texts, rule: TextRule) -> Texts:
    """Makes the texts missing that the rule lists, and the codes those of the others."""
    is_missing = _is_missing(texts.values, rule.spellings)
    if is_missing is None:
        return texts
    kept = ~np.asarray(is_missing)
    ranks = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)
    return Texts(ranks[texts.codes], texts.values.filter(pa.array(kept)))


def _is_missing(texts: pa.Array | pa.ChunkedArray, spellings: frozenset[str]) -> Any:
    """Finds the texts that spell a missing cell: booleans of Arrow; None where there is none.

    Only texts as short as a spelling are looked up: most ids are longer.
    """
    listed = pa.array(sorted(spellings), pa.string())
    short = texts.filter(pc.less_equal(pc.binary_length(texts), pc.max(pc.binary_length(listed))))
    if not len(short) or not pc.any(pc.is_in(short, listed)).as_py():
        return None
    return pc.is_in(texts, listed)


def _written(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Writes numbers and booleans as the rule says, null where missing; None for a type without texts."""
    kind = column.type
    if pa.types.is_floating(kind):
        return _floats_by_column(column) if rule.number == 1 else _floats(column, rule)
    if pa.types.is_decimal(kind) and rule.number > 1 and kind.scale:
        encoded = column.combine_chunks().dictionary_encode()
        texts = pa.array([category_text(one, rule) for one in encoded.dictionary.to_pylist()], pa.string())
        return pa.chunked_array([texts.take(encoded.indices)])
    return column.cast(pa.string()) if pa.types.is_null(kind) or is_number(kind) else None


def _floats_by_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Writes floats as rule 1 did: as integers where all of them are, else as Arrow does."""
    try:
        return column.cast(pa.int64()).cast(pa.string())
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def _floats(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    """Writes floats as `category_text` does: whole ones by one cast."""
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
    """Writes floats that are not whole; Arrow gives the same digits, and the same form where it has no e."""
    if numbers.dtype == np.float16:
        return pa.array([category_text(number, rule) for number in numbers])
    texts = pa.array(numbers).cast(pa.string())
    is_odd = np.asarray(pc.match_substring(texts, "e")) | (np.abs(numbers) < LEAST_PLAIN)
    distinct, places = np.unique(numbers[is_odd], return_inverse=True)
    written = pa.array([category_text(number, rule) for number in distinct], pa.string())
    return pc.replace_with_mask(texts, pa.array(is_odd), written.take(pa.array(places)))
