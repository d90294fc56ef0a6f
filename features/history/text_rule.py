"""The text of an id or category, and the texts that count as missing: the only definition of both.

Rule 2 is in force. Whole numbers are written as their digits: integers of any size, decimals, and floats
below 2^53, where floats still distinguish neighbouring integers. Any other float is written as the shortest
decimal that reads back to it in its own width, in the form of Python, JSON and PostgreSQL (0.1, 1e-05,
1e+16): a float32 of 0.1 is 0.1. Booleans are `true` and `false`. Texts are kept as they are: 007 is not 7,
and nothing is trimmed.

Rule 1, of bundles that name no rule, writes floats by column, as Arrow does, and objects by Python's `str`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import numpy as np

# Default spellings of a missing cell, for a history that lists none.
MISSING: Final = ("NULL", "\\N", "None", "n/a", "NaN")
# Missing in columns of numbers and times only.
DASH: Final = "-"
# From this number on, neighbouring integers can be the same float.
EXACT_FLOATS: Final = 2.0**53
# Below this number, a float is written with an exponent.
LEAST_PLAIN: Final = 1e-4


@dataclass(frozen=True, slots=True)
class TextRule:
    """How cells become texts of ids and categories, and which texts count as missing.

    A bundle keeps the rule by which its training history was read; scoring with the bundle reads by that
    rule.

    Attributes:
        number: number of the rule.
        missing: spellings of a missing cell, in any column; null, NaN and the empty text are always missing.
        spellings: all texts that are missing in any column: each spelling as listed, in lower case, in upper
            case, and in lower case with a first capital.
        no_numbers: all texts that are missing in a column of numbers or times.

    >>> sorted(TextRule(2, ("n/a",)).spellings)
    ['', 'N/A', 'N/a', 'n/a']
    """

    number: int
    missing: tuple[str, ...] = ()
    spellings: frozenset[str] = field(init=False, repr=False, compare=False)
    no_numbers: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Makes the sets of texts once: every cell of a request is looked up in one."""
        spellings = _spellings(self.missing)
        object.__setattr__(self, "spellings", spellings)
        object.__setattr__(self, "no_numbers", spellings if self.number == 1 else spellings | {DASH})

    def to_json(self) -> dict[str, Any]:
        """Converts the rule to the JSON that a bundle keeps."""
        return {"number": self.number, "missing": list(self.missing)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TextRule:
        """Reads the JSON of `to_json`."""
        return cls(record["number"], tuple(record["missing"]))


@lru_cache(maxsize=16)
def _spellings(missing: tuple[str, ...]) -> frozenset[str]:
    ways = (str, str.lower, str.upper, str.capitalize)
    return frozenset(("", *(way(text) for text in missing for way in ways)))


# The rule of bundles that name no rule.
FIRST_RULE: Final = TextRule(1)
# The default rule, for histories and bundles that name no other.
TEXT_RULE: Final = TextRule(2, MISSING)


def category_text(value: object, rule: TextRule) -> str | None:
    """Writes one value as the text of an id or category.

    Args:
        value: a text, number, boolean or None of Python, NumPy or a database driver.
        rule: rule by which it is written.

    Returns:
        The text, None where the value is missing.

    >>> [category_text(value, TEXT_RULE) for value in (5.0, 1e-05, np.float32(0.1), True, "5.0", "n/a")]
    ['5', '1e-05', '0.1', 'true', '5.0', None]
    """
    if value is None:
        return None
    if type(value) is str:
        return None if value in rule.spellings else value
    write = str if isinstance(value, str) else _first_text if rule.number == 1 else _text
    text = write(value)
    return None if text in rule.spellings else text


def object_text(value: object, rule: TextRule) -> str | None:
    """Writes an object of a database driver or pandas as text; None where it is missing.

    Rule 1 uses Python's `str`.

    >>> object_text(5.0, FIRST_RULE), object_text(5.0, TEXT_RULE)
    ('5.0', '5')
    """
    return category_text(str(value) if rule.number == 1 and value is not None else value, rule)


def float_text(value: float) -> str:
    """Writes a 64-bit float that is not NaN by rule 2.

    >>> float_text(51200000001.0), float_text(2.0**53), float_text(1e16)
    ('51200000001', '9007199254740992.0', '1e+16')
    """
    return str(int(value)) if abs(value) < EXACT_FLOATS and value.is_integer() else repr(value)


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, np.floating) and not isinstance(value, float):
        exact = float(value)
        # `str` gives the shortest decimal of its own width; the 64-bit float nearest to it has the same text.
        value = exact if exact.is_integer() and abs(exact) < EXACT_FLOATS else float(str(value))
    if isinstance(value, float):
        return "" if math.isnan(value) else float_text(float(value))
    return str(value)


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        return "" if value.is_nan() else float_text(float(value))
    if value == value.to_integral_value():
        return str(int(value))
    as_float = repr(float(value))
    is_small = abs(value) < LEAST_PLAIN
    return as_float if is_small and Decimal(as_float) == value else f"{value.normalize():f}"


def _first_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
