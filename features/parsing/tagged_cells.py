"""Columns of attributes whose cells are of several types: each cell as a text with the letter of its type.

Files of JSON lines, SQLite and DataFrames of objects may hold numbers, booleans and texts in one column. The
type of the attribute is that of the cells that are known at a moment, so each cell keeps its own: where
nearly all are numbers, lone dashes left out, it is a number, as in files of texts; booleans alone are
booleans; all else is a category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.history.lead_history import AttributeType
from features.history.text_rule import DASH, TextRule, object_text
from features.parsing.text_columns import Texts, is_number, is_text, plain_texts
from features.parsing.written_numbers import NEARLY_ALL

NUMBER, BOOLEAN, TEXT = "n", "b", "t"
# Of a cell that is written as a text whatever its type, as in `attribute_changes`.
UNTYPED: Final = "?"
TAGS: Final[dict[str, str]] = {"number": NUMBER, "boolean": BOOLEAN, "category": TEXT}
_NUMBERS: Final = (int, float, Decimal, np.integer, np.floating)
_INT64: Final = 2**63
_BOOLEANS: Final = (bool, np.bool_)


class TaggedType(pa.ExtensionType):  # type: ignore[misc] # Arrow has no types here
    """The type of such a column: texts with the letter of a type before them."""

    def __init__(self) -> None:
        super().__init__(pa.string(), "leadodds.tagged")

    def __hash__(self) -> int:
        """Is that of the name: Arrow compares types, and gives its own a hash alone."""
        return hash(self.extension_name)

    def __arrow_ext_serialize__(self) -> bytes:
        """Has no parameters."""
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> TaggedType:
        """Is the only type of its name."""
        return cls()


TAGGED: Final = TaggedType()
pa.register_extension_type(TAGGED)


def needs_tags(cells: Sequence[Any], rule: TextRule) -> bool:
    """Tells whether cells are of several of these types, or a number or boolean stands beside a dash."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    tags = {*map(_tag_of_type, kinds)}
    if rule.number == 1 or None in tags or len(tags) < 2:
        return False
    texts = {cell for cell in cells if isinstance(cell, str)} - rule.spellings
    return len(tags - {TEXT}) > 1 or bool(texts)


def has_large(cells: Sequence[Any], rule: TextRule) -> bool:
    """Tells whether cells can be such a column, and one is an integer that no column of numbers holds."""
    if rule.number == 1 or None in {_tag_of_type(kind) for kind in {*map(type, cells)} - {type(None)}}:
        return False
    return any(isinstance(cell, int) and is_large(cell) for cell in cells)


def is_large(number: int) -> bool:
    """Tells whether an integer is beyond 64 bits: a number loses its digits, a category keeps them."""
    return not -_INT64 <= number < _INT64


def tagged_array(cells: Sequence[Any], rule: TextRule) -> pa.Array:
    """Makes a column of cells of several types, None where missing."""
    return _array([_tagged(cell, rule) for cell in cells])


def as_tagged(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray | None:
    """Makes a column of one type such a column; None where it cannot be one."""
    if column.type == TAGGED:
        return column
    if pa.types.is_null(column.type):
        return pa.chunked_array([_array([None] * len(column))])
    if not (is_text(column.type) or is_number(column.type)):
        return None
    tag = TEXT if is_text(column.type) else BOOLEAN if pa.types.is_boolean(column.type) else NUMBER
    texts = plain_texts(column, rule) or pa.chunked_array([], pa.string())
    return pa.chunked_array(
        [
            _array([None if text is None else tag + text for text in chunk.to_pylist()])
            for chunk in texts.chunks
        ],
        TAGGED,
    )


def with_tags(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Makes a column of texts with their letters such a column."""
    chunks = [pa.ExtensionArray.from_storage(TAGGED, chunk) for chunk in texts.chunks]
    return pa.chunked_array(chunks, TAGGED)


def storage_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives the texts of a column with their letters."""
    return pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())


def with_tag(texts: Texts, tag: str) -> Texts:
    """Puts the letter of a type before texts."""
    return Texts(texts.codes, pa.array([tag + text for text in texts.values.to_pylist()], pa.string()))


def type_of_tagged(columns: Iterable[Texts]) -> AttributeType | None:
    """Finds the type of the cells of some columns; None where none has a type."""
    counts, has_dash = Counter[str](), False
    for column in columns:
        of_cells = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values)).tolist()
        for cell, count in zip(column.values.to_pylist(), of_cells, strict=True):
            if cell == TEXT + DASH:
                has_dash = True
            elif cell[0] != UNTYPED:
                counts[cell[0]] += count
    if counts[NUMBER] and counts[NUMBER] >= NEARLY_ALL * counts.total():
        return "number"
    if counts[BOOLEAN] and counts[BOOLEAN] == counts.total() and not has_dash:
        return "boolean"
    return "category" if counts.total() or has_dash else None


def _tag_of_type(kind: type) -> str | None:
    if issubclass(kind, str):
        return TEXT
    if issubclass(kind, _BOOLEANS):
        return BOOLEAN
    return NUMBER if issubclass(kind, _NUMBERS) else None


def _tagged(cell: Any, rule: TextRule) -> str | None:
    text = object_text(cell, rule)
    return None if text is None else f"{_tag_of_type(type(cell))}{text}"


def _array(texts: Sequence[str | None]) -> pa.Array:
    return pa.ExtensionArray.from_storage(TAGGED, pa.array(texts, pa.string()))
