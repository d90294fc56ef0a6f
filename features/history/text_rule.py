"""The text of an id or category, and which texts count as missing: the one home of both, for every door.

Rule 2 is the one in force. Whole numbers are their digits: integers of any size, decimals, and floats below
2^53, up to which a float tells every integer from its neighbours. Any other float is the shortest decimal
that reads back to it in its own width, written as Python, JSON and PostgreSQL write it (0.1, 1e-05, 1e+16),
so that a float32 of 0.1 is 0.1. Booleans are `true` and `false`. A text stands as it is: 007 is not 7, and
nothing is trimmed.

Rule 1, of bundles that name no rule, wrote floats by column, as Arrow does, and objects as Python shows them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import numpy as np

# Spellings of a missing cell where a history lists none of its own.
MISSING: Final = ("NULL", "\\N", "None", "n/a", "NaN")
# Missing in columns of numbers and times, where it can be nothing else.
DASH: Final = "-"
# From here on some neighbouring integers are the same float.
EXACT_FLOATS: Final = 2.0**53
# Below it, a float is written with an exponent.
LEAST_PLAIN: Final = 1e-4


@dataclass(frozen=True, slots=True)
class TextRule:
    """How cells become texts of ids and categories, and which texts count as missing.

    A bundle keeps the rule that its history was read by, and every door that scores with it reads by that
    rule.

    Attributes:
        number: of the rule.
        missing: spellings of a missing cell, in any column; null, NaN and the empty text need no mention.
    """

    number: int
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Turns the rule into what a bundle keeps of it."""
        return {"number": self.number, "missing": list(self.missing)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TextRule:
        """Reads what `to_json` wrote."""
        return cls(record["number"], tuple(record["missing"]))

    @property
    def spellings(self) -> frozenset[str]:
        """All texts that are missing in any column.

        Each spelling counts as listed, in lower case, in upper case, and in lower case with a first capital.

        >>> sorted(TextRule(2, ("n/a",)).spellings)
        ['', 'N/A', 'N/a', 'n/a']
        """
        return _spellings(self.missing)

    @property
    def no_numbers(self) -> frozenset[str]:
        """All texts that are missing in a column of numbers or times."""
        return self.spellings if self.number == 1 else self.spellings | {DASH}


@lru_cache(maxsize=16)
def _spellings(missing: tuple[str, ...]) -> frozenset[str]:
    ways = (str, str.lower, str.upper, str.capitalize)
    return frozenset(("", *(way(text) for text in missing for way in ways)))


# The rule of bundles that name none.
FIRST_RULE: Final = TextRule(1)
# The rule by which a history is read where neither it nor a bundle says otherwise.
TEXT_RULE: Final = TextRule(2, MISSING)


def category_text(value: object, rule: TextRule) -> str | None:
    """Writes one value as the text of an id or category.

    Args:
        value: a text, number, boolean or None, as Python, numpy or a database driver holds it.
        rule: by which it is written.

    Returns:
        None where it is missing.

    >>> [category_text(value, TEXT_RULE) for value in (5.0, 1e-05, np.float32(0.1), True, "5.0", "n/a")]
    ['5', '1e-05', '0.1', 'true', '5.0', None]
    """
    if value is None:
        return None
    write = str if isinstance(value, str) else _first_text if rule.number == 1 else _text
    text = write(value)
    return None if text in rule.spellings else text


def object_text(value: object, rule: TextRule) -> str | None:
    """Writes a cell that a database driver or pandas gave as an object; None where it is missing.

    Rule 1 wrote it as Python shows it.

    >>> object_text(5.0, FIRST_RULE), object_text(5.0, TEXT_RULE)
    ('5.0', '5')
    """
    return category_text(str(value) if rule.number == 1 and value is not None else value, rule)


def float_text(value: float) -> str:
    """Writes a float of 64 bits that is not NaN; see the rule.

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
        # The shortest decimal of its own width: str gives it, and the float nearest to it has the same.
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
