"""Reads columns of numbers; NaN where missing."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Floats
from features.history.settings import NUMBER_FORMATS, Format
from features.history.text_rule import TextRule
from features.parsing.marks import decide
from features.parsing.text_columns import Texts, as_texts, is_number, is_text
from features.parsing.written_numbers import PLAIN, may_be_written, number_marks, read_written

DECIMAL_COMMA: Final = NUMBER_FORMATS[1]
# Texts of booleans, in any case, as numbers: what a column of booleans is as a column of numbers.
BOOLEANS: Final = {"true": 1.0, "false": 0.0}


def as_numbers(
    column: pa.ChunkedArray, rule: TextRule, format_: Format | None = None
) -> tuple[Floats, Bools] | None:
    """Reads a column of numbers.

    Args:
        column: the cells.
        rule: rule by which texts are missing.
        format_: how its texts are written; None: as they tell themselves.

    Returns:
        (rows,) values, NaN where missing, and (rows,) whether a cell is not a number; None where the type of
        the column has no numbers.
    """
    if pa.types.is_dictionary(column.type) or is_text(column.type):
        texts = as_texts(column, rule)
        return None if texts is None else numbers_of_texts(texts, rule, format_)
    if pa.types.is_decimal(column.type):
        # Through text: Arrow's own cast to double is not always the nearest double.
        column = column.cast(pa.string())
    if pa.types.is_null(column.type) or is_text(column.type) or is_number(column.type):
        numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
        # Adding 0 turns -0.0, which sorts like 0.0 but has other bits, into 0.0.
        return np.add(numbers, 0.0, dtype=np.float64), np.zeros(len(column), np.bool_)
    return None


def numbers_of_texts(texts: Texts, rule: TextRule, format_: Format | None = None) -> tuple[Floats, Bools]:
    """Reads numbers written as text; see `as_numbers`."""
    try:
        if format_ == DECIMAL_COMMA:
            raise pa.ArrowInvalid
        values = _cast(texts.values)
        is_faulty = np.zeros(len(values) + 1, np.bool_)
    except pa.ArrowInvalid:
        values, is_faulty = _numbers_among(texts.values, rule, format_)
    return np.append(values + 0.0, np.nan)[texts.codes], is_faulty[texts.codes]


def told_format(texts: pa.Array) -> Format | None:
    """Finds the way in which numbers are written, as all texts tell; None where they do not."""
    cells = texts.filter(pa.array(may_be_written(texts)))
    return decide(number_marks(cells), NUMBER_FORMATS).format if len(cells) else None


def are_plain(texts: pa.Array) -> bool:
    """Tells whether all texts are numbers as computers write them."""
    try:
        texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def are_booleans(texts: pa.Array) -> Bools:
    """Tells which texts are names of booleans."""
    return _mask(pc.is_in(pc.utf8_lower(texts), pa.array([*BOOLEANS], texts.type)))


def _cast(texts: pa.Array) -> Floats:
    """Reads texts that are all numbers, without nulls."""
    # `to_numpy` would import pandas, which the server does not load.
    return np.asarray(np.from_dlpack(texts.cast(pa.float64())), dtype=np.float64)


def _numbers_among(texts: pa.Array, rule: TextRule, format_: Format | None) -> tuple[Floats, Bools]:
    """Reads the numbers among texts: (texts,) values, (texts + 1,) which are neither number nor missing.

    A boolean is 1 or 0, as in a column of booleans; rule 1 takes its text for no number.
    """
    numbers = np.full(len(texts), np.nan)
    is_candidate = _mask(pc.match_substring_regex(texts, PLAIN))
    is_faulty = np.append(~is_candidate, False)
    try:
        numbers[is_candidate] = _cast(texts.filter(pa.array(is_candidate)))
    except pa.ArrowInvalid:
        for i in np.flatnonzero(is_candidate).tolist():
            try:
                numbers[i] = texts[i : i + 1].cast(pa.float64())[0].as_py()
            except pa.ArrowInvalid:
                is_faulty[i] = True
    if rule.number > 1:
        for text, number in BOOLEANS.items():
            is_named = _mask(pc.equal(pc.utf8_lower(texts), text))
            numbers[is_named], is_faulty[:-1][is_named] = number, False
    is_missing = pc.is_in(texts, pa.array(sorted(rule.no_numbers), pa.string()))
    is_faulty[:-1] &= ~_mask(is_missing)
    if rule.number > 1 and (is_faulty.any() or format_ == DECIMAL_COMMA):
        _read_written(texts, numbers, is_faulty, format_)
    return numbers, is_faulty


def _read_written(texts: pa.Array, numbers: Floats, is_faulty: Bools, format_: Format | None) -> None:
    """Adds the numbers that only people write so; a decimal comma is that of all texts."""
    rows = np.flatnonzero(may_be_written(texts))
    if not len(rows) or not (is_faulty[rows].any() or format_ == DECIMAL_COMMA):
        return
    cells = texts.take(pa.array(rows))
    format_ = format_ or told_format(cells)
    if format_ != DECIMAL_COMMA:
        # What Arrow reads stays as it is.
        rows = rows[is_faulty[rows]]
        cells = texts.take(pa.array(rows))
    values, _ = read_written(cells.to_pylist(), format_)
    numbers[rows], is_faulty[rows] = values, np.isnan(values)


def _mask(booleans: pa.Array) -> Bools:
    return np.from_dlpack(booleans.cast(pa.uint8())).astype(np.bool_)
