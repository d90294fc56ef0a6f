"""Numbers as people write them: grouped digits, decimal commas, currencies, percents, parentheses.

A text is read where it has one meaning. `1,234.50` is a decimal point with groups, `12,5` a decimal comma;
`1,234` could be either and is read only beside cells of the same column that have one meaning. A percent is
the number before its sign: 12% is 12.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Floats

# Share of the filled cells from which on a column of texts is one of numbers.
NEARLY_ALL: Final = 0.95

_SPACES: Final = " \u00a0\u202f"
_CURRENCY: Final = r"(?:[A-Z]{1,3})?[$€£¥₹₽₩₺]|[A-Z]{3}|R\$|kr|zł"
_WRITTEN: Final = re.compile(
    rf"^(?P<open>\()?(?P<sign>[+\-\u2212])?[{_SPACES}]*(?:{_CURRENCY})?[{_SPACES}]*(?P<later>[+\-\u2212])?"
    rf"(?P<digits>[0-9][0-9.,'’{_SPACES}]*|[.,][0-9]+)[{_SPACES}]*(?:%|{_CURRENCY})?(?P<close>\))?$"
)
_GROUPS: Final = rf"(?:[{{group}}'’{_SPACES}][0-9]{{{{3}}}})+"
_FORMS: Final = {
    mark: re.compile(
        rf"^(?:[0-9]*|[0-9]{{1,3}}{_GROUPS.format(group=group).replace('{{', '{').replace('}}', '}')})"
        rf"(?:{re.escape(mark)}[0-9]*)?$"
    )
    for mark, group in ((".", ","), (",", "."))
}


# What any such number looks like, for Arrow: most texts are none.
_CANDIDATE: Final = (
    rf"^\(?[+\-\x{{2212}}]?[{_SPACES}]*[A-Za-zł$€£¥₹₽₩₺]{{0,4}}[{_SPACES}]*[+\-\x{{2212}}]?"
    rf"[0-9.,][0-9.,'’{_SPACES}]*[%A-Za-zł$€£¥₹₽₩₺]{{0,4}}\)?$"
)


def may_be_written(texts: pa.Array) -> Bools:
    """Finds the texts that may be numbers, (n,); few others are among them."""
    return np.from_dlpack(pc.match_substring_regex(texts, _CANDIDATE).cast(pa.uint8())).astype(np.bool_)


def read_written(texts: Sequence[str]) -> tuple[Floats, Bools, Bools]:
    """Reads the distinct texts of one column.

    Args:
        texts: (n,) not missing.

    Returns:
        (n,) values, NaN where a text has not one meaning; (n,) whether a text looks like a number; and (n,)
        whether it is one with a single meaning.

    >>> read_written(["1,234.50", "$22,700.00", "12%", "(3)", "x1"])[0].tolist()
    [1234.5, 22700.0, 12.0, -3.0, nan]
    >>> read_written(["1.234", "12,5"])[0].tolist(), read_written(["1,234"])[0].tolist()
    ([1234.0, 12.5], [nan])
    """
    meanings = [_meanings(text) for text in texts]
    proves_point = any(point is not None and comma is None for point, comma in meanings)
    proves_comma = any(comma is not None and point is None for point, comma in meanings)
    values = np.full(len(texts), np.nan)
    for row, (point, comma) in enumerate(meanings):
        if point is not None and (comma is None or comma == point):
            values[row] = point
        elif comma is not None and (point is None or (proves_comma and not proves_point)):
            values[row] = comma
        elif point is not None and proves_point and not proves_comma:
            values[row] = point
    looks_like = np.array([meaning != (None, None) for meaning in meanings], np.bool_)
    return values, looks_like, ~np.isnan(values)


def _meanings(text: str) -> tuple[float | None, float | None]:
    """Reads a text with a decimal point, and with a decimal comma; None where it is no such number."""
    found = _WRITTEN.match(text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None, None
    is_negative = any(sign in ("-", "\u2212") for sign in (found["sign"], found["later"])) or found["open"]
    digits = found["digits"].strip(_SPACES)
    point, comma = (_value(digits, mark) for mark in _FORMS)
    return (_negative(point), _negative(comma)) if is_negative else (point, comma)


def _negative(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _value(digits: str, mark: str) -> float | None:
    """Reads digits with this decimal mark; None where they do not fit."""
    if _FORMS[mark].match(digits) is None:
        return None
    whole, _, decimals = digits.partition(mark)
    return float(f"{re.sub('[^0-9]', '', whole) or 0}.{decimals or 0}")
