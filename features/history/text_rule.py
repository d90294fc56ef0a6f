"""The text of an id or category, and which texts count as missing: the one home of both, for every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final


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
        """All texts that are missing in any column."""
        return _spellings(self.missing)


@lru_cache(maxsize=16)
def _spellings(missing: tuple[str, ...]) -> frozenset[str]:
    return frozenset(("", *missing))


# The rule of bundles that name none.
FIRST_RULE: Final = TextRule(1)
# The rule by which a history is read where no bundle says otherwise.
TEXT_RULE: Final = FIRST_RULE


def category_text(value: float | str) -> str:
    """Writes one value as the text of a category: a whole number as its digits.

    >>> category_text(5.0), category_text(True)
    ('5', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def object_text(value: object) -> str:
    """Writes a cell that a database driver or pandas gave as an object.

    >>> object_text(5.0), object_text(True)
    ('5.0', 'True')
    """
    return str(value)
