"""Numbers as people write them: grouped digits, decimal commas, currencies, percents, parentheses.

A text is read where it has one meaning. `1,234.50` is a decimal point with groups, `12,5` a decimal comma;
`1,234` could be either and is read only beside cells of the same column that have one meaning, or where the
settings of the history say which it has. A percent is
the number before its sign: 12% is 12.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Floats
from features.history.settings import NUMBER_FORMATS, Format
from features.parsing.marks import Marks, least

# Share of the filled cells from which on a column of texts is one of numbers.
NEARLY_ALL: Final = 0.95

_SPACES: Final = " \u00a0\u202f"
# Codes of ISO 4217, and RMB: other letters beside digits are a name, such as REF001.
# Source: https://www.iso.org/iso-4217-currency-codes.html.
_CODES: Final = (
    "COD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW "
    "KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN "
    "NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RMB RON RSD RUB RWF SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU "
    "UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG HRK"
)
_SIGN: Final = r"[+\-\u2212]"
_SYMBOL: Final = r"(?:[A-Z]{1,3})?[$€£¥₹₽₩₺]|R\$|kr|zł"
_CURRENCY: Final = rf"{_SYMBOL}|{_CODES.replace(' ', '|')}"
# A sign may follow a symbol at once, $-5; after letters it is the dash of a code: TOP-5.
_WRITTEN: Final = re.compile(
    rf"^(?P<open>\()?(?P<sign>{_SIGN})?[{_SPACES}]*"
    rf"(?:(?:(?:{_SYMBOL})[{_SPACES}]*|(?:{_CURRENCY})[{_SPACES}]+)?(?P<later>{_SIGN})?|(?:{_CURRENCY}))"
    rf"(?P<digits>[0-9][0-9.,'’{_SPACES}]*|[.,][0-9]+)[{_SPACES}]*(?:%|{_CURRENCY})?(?P<close>\))?$"
)
_GROUPS: Final = rf"(?:[{{group}}'’{_SPACES}][0-9]{{{{3}}}})+"
_FORMS: Final = {
    mark: re.compile(
        rf"^(?:[0-9]*|[1-9][0-9]{{0,2}}{_GROUPS.format(group=group).replace('{{', '{').replace('}}', '}')})"
        rf"(?:{re.escape(mark)}[0-9]*)?$"
    )
    for mark, group in ((".", ","), (",", "."))
}
# A plain number that a decimal comma beside it gives another meaning: 1.234, but not 0.123.
_PLAIN_WITH_TWO_MEANINGS: Final = r"^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}$"
# Texts that Arrow reads as numbers, and few others.
PLAIN: Final = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity|nan.*))$"
# What any such number looks like, for Arrow: most texts are none.
_CANDIDATE: Final = (
    rf"^\(?[+\-\x{{2212}}]?[{_SPACES}]*[A-Za-zł$€£¥₹₽₩₺]{{0,4}}[{_SPACES}]*[+\-\x{{2212}}]?"
    rf"[0-9.,][0-9.,'’{_SPACES}]*[%A-Za-zł$€£¥₹₽₩₺]{{0,4}}\)?$"
)


def may_be_written(texts: pa.Array | pa.ChunkedArray) -> Bools:
    """Finds the texts that may be numbers, (n,); few others are among them."""
    return _mask(pc.match_substring_regex(texts, _CANDIDATE))


def read_written(texts: Sequence[str], format_: Format | None) -> tuple[Floats, Bools]:
    """Reads the distinct texts of one column.

    Args:
        texts: (n,) not missing.
        format_: how the column is written; None: cells with two meanings are left out.

    Returns:
        (n,) values, NaN where a text is no number of the format; and (n,) whether a text looks like a number.

    >>> read_written(["1,234.50", "$22,700.00", "12%", "(3)", "x1"], None)[0].tolist()
    [1234.5, 22700.0, 12.0, -3.0, nan]
    >>> read_written(["1.234", "12,5"], "1.234,5")[0].tolist(), read_written(["1,234"], None)[0].tolist()
    ([1234.0, 12.5], [nan])
    """
    meanings = [_meanings(text) for text in texts]
    values = [_chosen(point, comma, format_) for point, comma in meanings]
    looks_like = np.array([meaning != (None, None) for meaning in meanings], np.bool_)
    return np.array([math.nan if value is None else value for value in values], np.float64), looks_like


def _chosen(point: float | None, comma: float | None, format_: Format | None) -> float | None:
    if format_ in NUMBER_FORMATS:
        return point if format_ == NUMBER_FORMATS[0] else comma
    return point if comma is None or comma == point else comma if point is None else None


def number_marks(texts: pa.Array | pa.ChunkedArray) -> Marks:
    """Finds what the cells of a column tell about its decimal mark.

    Args:
        texts: cells, distinct or not, null where missing.
    """
    is_plain = _mask(pc.match_substring_regex(texts, PLAIN))
    has_point = is_plain & _mask(pc.match_substring_regex(texts, r"[.]"))
    is_open = has_point & _mask(pc.match_substring_regex(texts, _PLAIN_WITH_TWO_MEANINGS))
    is_other = ~is_plain & may_be_written(texts)
    cells = [] if not is_other.any() else texts.filter(pa.array(is_other)).unique().to_pylist()
    told = {cell: _told(*_meanings(cell)) for cell in cells}
    by_way = {
        way: least([cell for cell in cells if told[cell] == way]) for way in ("first", "second", "both")
    }
    marks = Marks(**by_way, is_written=any(by_way.values()))
    first, plain = (_least_of(texts, mask) for mask in (has_point & ~is_open, is_open))
    return marks.merged(Marks(first=first, plain=plain))


def _told(point: float | None, comma: float | None) -> str:
    if point == comma:
        return ""
    return "second" if point is None else "first" if comma is None else "both"


def _least_of(texts: pa.Array | pa.ChunkedArray, mask: Bools) -> str:
    return str(pc.min(texts.filter(pa.array(mask))).as_py()) if mask.any() else ""


def _mask(booleans: pa.Array | pa.ChunkedArray) -> Bools:
    return np.asarray(booleans.fill_null(False), np.bool_)


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
