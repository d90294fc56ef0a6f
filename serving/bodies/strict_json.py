"""Parses JSON more strictly than Python: a body has one meaning, or a fault with its place.

Python accepts NaN, 1e999 as infinity, half a surrogate pair, and takes the last of two equal keys; databases
refuse NUL. All of these are refused here, in ignored fields too, so that no later code has to handle them.
Inside one item of a list of items they make that item faulty, and no other.
The fast pass only detects that something is wrong; a second pass over bad bodies finds where.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from serving.errors import MOST_FAULTS, Fault, NotJsonError, pointer

# An int64 has at most 19 digits; no count, id or amount needs more.
_MOST_DIGITS: Final = 20
_MOST_LEVELS: Final = 64
# Still too deep for any item, and far from what ends a parser.
_LEVELS_KEPT: Final = _MOST_LEVELS + 3
# A string without an end goes to the end of the text, so that the search takes linear time.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_DOUBTFUL_ESCAPE: Final = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")

_MESSAGES: Final = {
    "duplicate_key": "An object has each key only once.",
    "finite_number": "A number is finite: NaN, Infinity and numbers beyond a double are refused.",
    "integer_range": "An integer has at most 19 digits.",
    "unicode": "A text is valid Unicode: no half of a surrogate pair.",
    "no_nul": "A text holds no NUL character.",
}
_TOO_DEEP: Final = Fault("", "nesting", f"Objects and lists are nested up to {_MOST_LEVELS} levels.")


@dataclass(frozen=True, slots=True)
class FaultyItem:
    """Stands in a list of items for one that has no single meaning.

    Attributes:
        faults: with paths inside the item.
        ids: the members of the item that are sound texts, by name.
    """

    faults: tuple[Fault, ...]
    ids: Mapping[str, str]


def parse_json(body: bytes, *, item_lists: Collection[str] = ()) -> object:
    """Parses a body.

    Args:
        body: as it was sent.
        item_lists: names of the lists in the body whose items are judged each by itself.

    Returns:
        The document, of dicts, lists, str, int, float, bool and None; in a list of items, a `FaultyItem` for
        each item nested too deeply or of more than one meaning.

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
    if text.count("[") + text.count("{") > _MOST_LEVELS and _is_too_deep(document):
        _separate_deep_items(document, item_lists)
    if is_doubtful:
        _separate_faulty_items(document, item_lists)
    return document


class _DoubtfulError(ValueError):
    """Ends the fast pass: the body has a fault."""


class _Bad:
    """A placeholder for a value that breaks a rule."""

    def __init__(self, rule: str) -> None:
        self.rule = rule


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
        members[key] = _Bad("duplicate_key") if key in members else member
    return members


def _finite_or_mark(text: str) -> float | _Bad:
    number = float(text)
    return number if math.isfinite(number) else _Bad("finite_number")


def _bounded_or_mark(text: str) -> int | _Bad:
    return int(text) if len(text) <= _MOST_DIGITS else _Bad("integer_range")


def _mark(text: str) -> _Bad:  # noqa: ARG001 - the signature is json's
    return _Bad("finite_number")


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_finite, parse_int=_bounded, parse_constant=_refuse
)
_MARKING: Final = json.JSONDecoder(
    object_pairs_hook=_marked, parse_float=_finite_or_mark, parse_int=_bounded_or_mark, parse_constant=_mark
)


def _is_too_deep(document: object) -> bool:
    level: list[Any] = [document]
    for _ in range(_MOST_LEVELS):
        inside = (part.values() if isinstance(part, dict) else part for part in level)
        level = [member for members in inside for member in members if isinstance(member, dict | list)]
        if not level:
            return False
    return True


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
        raise NotJsonError(_TOO_DEEP)
    try:
        return _MARKING.decode("".join([*shallow, text[start:]]))
    except ValueError:
        raise NotJsonError(_TOO_DEEP) from None


def _separate_deep_items(document: Any, item_lists: Collection[str]) -> None:
    """Replaces the items that are nested too deeply; what else is too deep makes the body faulty."""
    for name in item_lists if isinstance(document, dict) else ():
        items = document.get(name)
        for position, item in enumerate(items) if isinstance(items, list) else ():
            if _is_too_deep([[item]]):
                items[position] = FaultyItem((_TOO_DEEP,), _sound_texts(item))
    if _is_too_deep(document):
        raise NotJsonError(_TOO_DEEP)


def _separate_faulty_items(document: Any, item_lists: Collection[str]) -> None:
    """Replaces the items that break a rule; a rule that is broken elsewhere makes the body faulty."""
    of_items: dict[tuple[str, int], list[Fault]] = {}
    of_body: list[Fault] = []
    for steps, rule in _broken_places(document):
        match steps:
            case (str(name), int(position), *inside) if name in item_lists:
                fault = Fault(pointer(inside), rule, _MESSAGES[rule])
                of_items.setdefault((name, position), []).append(fault)
            case _:
                of_body.append(Fault(pointer(steps), rule, _MESSAGES[rule]))
    if of_body:
        raise NotJsonError(*of_body)
    for (name, position), faults in of_items.items():
        items = document[name]
        items[position] = FaultyItem(tuple(faults[:MOST_FAULTS]), _sound_texts(items[position]))


def sent_ids(item: object) -> Mapping[str, Any]:
    """Gives the members of an item by which an answer names it: all of a sound one, none of no object."""
    if isinstance(item, FaultyItem):
        return item.ids
    return item if isinstance(item, dict) else {}


def _sound_texts(item: object) -> dict[str, str]:
    members = item.items() if isinstance(item, dict) else ()
    texts = {name: text for name, text in members if isinstance(text, str)}
    return {name: text for name, text in texts.items() if not (_broken_rule(name) or _broken_rule(text))}


def _broken_places(document: object) -> Iterator[tuple[tuple[object, ...], str]]:
    """Finds the steps to each value or key that breaks a rule, and the rule."""
    waiting: list[tuple[tuple[object, ...], object]] = [((), document)]
    while waiting:
        steps, part = waiting.pop()
        rule = _broken_rule(part)
        if rule is not None:
            yield steps, rule
        elif isinstance(part, dict):
            for key, member in part.items():
                waiting.append(((*steps, key), _Bad(rule) if (rule := _broken_rule(key)) else member))
        elif isinstance(part, list):
            waiting.extend(((*steps, position), member) for position, member in enumerate(part))


def _broken_rule(part: object) -> str | None:
    if isinstance(part, _Bad):
        return part.rule
    if not isinstance(part, str):
        return None
    if "\0" in part:
        return "no_nul"
    return "unicode" if any("\ud800" <= character <= "\udfff" for character in part) else None
