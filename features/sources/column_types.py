"""The type of a column that has several: the narrowest that holds them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.parsing.tagged_cells import TAGGED, as_tagged
from features.parsing.text_columns import is_text, plain_texts
from features.sources.cells import NESTED, nested_array
from features.tables.schema import OPTIONAL, REQUIRED

# Columns that are read as texts whatever their type, by table.
TEXTS: Final[Mapping[str, frozenset[str]]] = {
    "leads": frozenset({"lead_id", "account_id"}),
    "interactions": frozenset(
        {"lead_id", "kind", "source", "interaction_id", "direction", "channel", "campaign"}
    ),
    "outcomes": frozenset({"lead_id", "outcome", "source", "outcome_id"}),
    "attribute_changes": frozenset({"lead_id", "attribute", "value"}),
    "lead_aliases": frozenset({"alias_id", "lead_id"}),
}


def is_attribute(table: str, column: str) -> bool:
    """Tells whether a column is an attribute of the leads."""
    return table == "leads" and column not in {*REQUIRED[table], *OPTIONAL[table]}


_CODES: Final = pa.dictionary(pa.int32(), pa.string())
_INSTANT: Final = pa.timestamp("us", tz="UTC")
# Most digits of a decimal of 128 and of 256 bits, and of an integer of 64 bits.
_PLAIN_DIGITS: Final = 38
_MOST_DIGITS: Final = 76
_INTEGER_DIGITS: Final = 20


def joined_type(table: str, name: str, types: Sequence[pa.DataType]) -> pa.DataType | None:
    """Finds the type of a column.

    Args:
        table: its table.
        name: its name.
        types: its types in the files of the table.

    Returns:
        The narrowest type that holds all; null where there is no value; None where no type does.

    >>> joined_type("leads", "size", [pa.int32(), pa.float32()])
    DataType(double)
    >>> joined_type("leads", "lead_id", [pa.int32(), pa.string()])
    DataType(string)
    """
    some = [*dict.fromkeys(type_ for type_ in types if not pa.types.is_null(type_))]
    if len(some) < 2:
        return some[0] if some else pa.null()
    families = {_family(type_) for type_ in some}
    if families == {"text"} or (name in TEXTS[table] and families <= _WRITABLE):
        return _CODES if any(map(pa.types.is_dictionary, some)) else pa.string()
    if families <= {"integer", "float", "decimal"}:
        return _number(some, families)
    if "tagged" in families and families <= _WRITABLE:
        return TAGGED
    if len(families) > 1:
        return None
    return _OF_FAMILY.get(families.pop())


# Families of types of which every cell has a text.
_WRITABLE: Final = frozenset({"text", "integer", "float", "decimal", "boolean", "tagged"})
_OF_FAMILY: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "instant": _INSTANT,
    "local time": pa.timestamp("us"),
    "nested": NESTED,
}


def _family(type_: pa.DataType) -> str:
    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    if pa.types.is_timestamp(plain):
        return "instant" if plain.tz is not None else "local time"
    tests = {
        "text": is_text,
        "integer": pa.types.is_integer,
        "float": pa.types.is_floating,
        "decimal": pa.types.is_decimal,
        "boolean": pa.types.is_boolean,
        "local time": pa.types.is_date,
        "tagged": lambda kind: kind == TAGGED,
        "nested": lambda kind: pa.types.is_nested(kind) or kind == NESTED,
    }
    return next((family for family, belongs in tests.items() if belongs(plain)), str(plain))


def _number(types: Sequence[pa.DataType], families: set[str]) -> pa.DataType:
    plain = [type_.value_type if pa.types.is_dictionary(type_) else type_ for type_ in types]
    if "float" in families:
        return pa.float64()
    if families == {"integer"} and pa.uint64() not in plain:
        return pa.int64()
    decimals = [type_ for type_ in plain if pa.types.is_decimal(type_)]
    scale = max((type_.scale for type_ in decimals), default=0)
    digits = [type_.precision - type_.scale for type_ in decimals]
    digits += [_INTEGER_DIGITS] if "integer" in families else []
    precision = max(digits) + scale
    if precision > _MOST_DIGITS:
        return pa.float64()
    return (pa.decimal128 if precision <= _PLAIN_DIGITS else pa.decimal256)(precision, scale)


def converted(column: pa.ChunkedArray, type_: pa.DataType, rule: TextRule) -> pa.ChunkedArray:
    """Converts a column to a type of `joined_type`, exactly; times are cut to microseconds.

    Raises:
        pyarrow.ArrowInvalid: a cell does not fit.
    """
    if column.type == type_:
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type) and type_ != TAGGED:
        return pa.chunked_array([pa.nulls(len(column), type_)])
    if type_ in (TAGGED, NESTED):
        array = nested_array(column.to_pylist()) if type_ == NESTED else None
        return as_tagged(column, rule) if array is None else pa.chunked_array([array])
    if pa.types.is_dictionary(type_):
        return _text(column, rule).dictionary_encode().cast(type_)
    if is_text(type_):
        return _text(column, rule).cast(type_)
    if pa.types.is_decimal(column.type) and pa.types.is_floating(type_):
        # Through the text, because Arrow's own way to a double ends beside the nearest one now and then.
        column = column.cast(pa.string())
    return column.cast(type_, safe=not (pa.types.is_timestamp(type_) or pa.types.is_floating(type_)))


def _text(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    return column if is_text(column.type) else plain_texts(column, rule)
