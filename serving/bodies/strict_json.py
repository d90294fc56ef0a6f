"""Parses JSON more strictly than Python: a body has one meaning, or a fault with its place.

Python accepts NaN, 1e999 as infinity, half a surrogate pair, and takes the last of two equal keys; databases
refuse NUL. All of these are found here, in ignored fields too, so that no later code has to handle them.
Inside one item of a list of items they make that item faulty, and no other; see `json_faults`.
The fast pass only detects that something is wrong; a second pass over bad bodies finds where.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Final, NoReturn

from serving.bodies.json_faults import (
    MOST_LEVELS,
    TOO_DEEP,
    Bad,
    is_too_deep,
    mark_deep,
    separate_faulty,
)
from serving.errors import Fault, NotJsonError

# An int64 has at most 19 digits; no count, id or amount needs more.
_MOST_DIGITS: Final = 20
# Still too deep for any item, and far from what ends a parser.
_LEVELS_KEPT: Final = MOST_LEVELS + 3
# A string without an end goes to the end of the text, so that the search takes linear time.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_DOUBTFUL_ESCAPE: Final = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


def parse_json(body: bytes, *, item_lists: Collection[str] = (), is_item: bool = False) -> object:
    """Parses a body.

    Args:
        body: as it was sent.
        item_lists: names of the lists in the body whose items are judged each by itself.
        is_item: whether the body itself is judged as an item.

    Returns:
        The document, of dicts, lists, str, int, float, bool and None; a `FaultyItem` in place of each item
        that is nested too deeply or has a part of no single meaning.

    Raises:
        NotJsonError: bytes that are not UTF-8, not JSON, or, outside of these items, nested too deeply or of
            more than one meaning.

    >>> parse_json(b'{"a": 1}')
    {'a': 1}
    >>> parse_json(b'{"leads": [{"lead_id": "b", "x": 1e999}]}', item_lists=["leads"])["leads"][0].ids
    {'lead_id': 'b'}
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJsonError(Fault("", "utf8", "The body is UTF-8.")) from None
    is_doubtful = _DOUBTFUL_ESCAPE.search(text) is not None
    try:
        document = _STRICT.decode(text)
    except RecursionError:
        document, is_doubtful = _shallow_document(text), True
    except ValueError:
        document, is_doubtful = _marked_document(text), True
    # Nesting to this depth takes this many brackets.
    if text.count("[") + text.count("{") > MOST_LEVELS and is_too_deep(document):
        mark_deep(document, item_lists, is_item=is_item)
        is_doubtful = True
    return separate_faulty(document, item_lists, is_item=is_item) if is_doubtful else document


class _DoubtfulError(ValueError):
    """Ends the fast pass: the body has a fault."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DoubtfulError
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _DoubtfulError
    return number


def _bounded(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _DoubtfulError
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise _DoubtfulError(text)


def _marked(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for key, member in pairs:
        members[key] = Bad("duplicate_key") if key in members else member
    return members


def _finite_or_mark(text: str) -> float | Bad:
    number = float(text)
    return number if math.isfinite(number) else Bad("finite_number")


def _bounded_or_mark(text: str) -> int | Bad:
    return int(text) if len(text) <= _MOST_DIGITS else Bad("integer_range")


def _mark(text: str) -> Bad:  # noqa: ARG001 - the signature is json's
    return Bad("finite_number")


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_finite, parse_int=_bounded, parse_constant=_refuse
)
_MARKING: Final = json.JSONDecoder(
    object_pairs_hook=_marked, parse_float=_finite_or_mark, parse_int=_bounded_or_mark, parse_constant=_mark
)


def _marked_document(text: str) -> object:
    """Parses a text with a placeholder for each number or key that breaks a rule."""
    try:
        return _MARKING.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotJsonError(Fault("", "json", f"The body is not JSON from {place} on.")) from None
    except RecursionError:
        return _shallow_document(text)


def _shallow_document(text: str) -> object:
    """Parses a text of far too many levels without what lies deeper than a level that is refused."""
    shallow: list[str] = []
    level = start = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            level += 1
            if level == _LEVELS_KEPT:
                shallow.append(text[start : token.end()])
        elif token[0] in "]}":
            if level == _LEVELS_KEPT:
                start = token.start()
            level -= 1
    if level >= _LEVELS_KEPT:
        raise NotJsonError(TOO_DEEP)
    try:
        return _MARKING.decode("".join([*shallow, text[start:]]))
    except ValueError:
        raise NotJsonError(TOO_DEEP) from None
