"""Reads columns of numbers, NaN where missing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.history.lead_history import Bools, Floats
from features.history.text_rule import TextRule
from features.parsing.text_columns import Texts, as_texts, is_number, is_text


def as_numbers(column: pa.ChunkedArray, rule: TextRule) -> tuple[Floats, Bools] | None:
    """Reads a column of numbers: values with NaN where missing, and which cells are no number.

    Returns:
        (rows,) values and (rows,) whether the cell holds something else; None where the type has no numbers.
    """
    if pa.types.is_dictionary(column.type) or is_text(column.type):
        texts = as_texts(column, rule)
        return None if texts is None else numbers_of_texts(texts)
    if pa.types.is_null(column.type) or is_number(column.type):
        numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
        # Adding zero makes one zero of two: minus zero sorts like zero but has other bits.
        return np.add(numbers, 0.0, dtype=np.float64), np.zeros(len(column), np.bool_)
    return None


def numbers_of_texts(texts: Texts) -> tuple[Floats, Bools]:
    """Reads numbers written as text; see `as_numbers`."""
    try:
        # Texts have no nulls; `to_numpy` would import pandas, which a server does without.
        values: Floats = np.asarray(np.from_dlpack(texts.values.cast(pa.float64())), dtype=np.float64)
        is_faulty = np.zeros(len(values) + 1, np.bool_)
    except pa.ArrowInvalid:
        values, is_faulty = _numbers_one_by_one(texts.values)
    return np.append(values + 0.0, np.nan)[texts.codes], is_faulty[texts.codes]


def _numbers_one_by_one(values: pa.Array) -> tuple[Floats, Bools]:
    numbers = np.full(len(values), np.nan)
    is_faulty = np.zeros(len(values) + 1, np.bool_)
    for place, text in enumerate(values.to_pylist()):
        try:
            numbers[place] = values[place : place + 1].cast(pa.float64())[0].as_py()
        except pa.ArrowInvalid:
            is_faulty[place] = bool(text)
    return numbers, is_faulty
