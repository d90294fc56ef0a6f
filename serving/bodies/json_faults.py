"""Finds what has no single meaning in a parsed body, and takes it out of the item that it belongs to.

Inside one item of a list of items it makes that item faulty, and no other; who can do without the part at
fault goes on with the rest of the item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from serving.errors import MOST_FAULTS, Fault, NotJsonError, pointer

MOST_LEVELS: Final = 64
_DEEP: Final = "nesting"
_MESSAGES: Final = {
    "duplicate_key": "An object has each key only once.",
    "finite_number": "A number is finite: NaN, Infinity and numbers beyond a double are refused.",
    "integer_range": "An integer has at most 19 digits.",
    "unicode": "A text is valid Unicode: no half of a surrogate pair.",
    "no_nul": "A text holds no NUL character.",
    _DEEP: f"Objects and lists are nested up to {MOST_LEVELS} levels.",
}
TOO_DEEP: Final = Fault("", _DEEP, _MESSAGES[_DEEP])
# An item lies in a list in the body.
_LEVELS_AROUND: Final = 2

_Steps = tuple[object, ...]


class Bad:
    """A placeholder for a value that breaks a rule."""

    def __init__(self, rule: str) -> None:
        self.rule = rule


@dataclass(frozen=True, slots=True)
class FaultyItem:
    """Stands for an item, in a list or as a whole body, that has no single meaning.

    Attributes:
        faults: with paths inside the item.
        steps: to each fault, in the order of the faults.
        rest: the item without what is faulty: members are left out, entries of lists are null.
        ids: the members of the item that are sound texts, by name.
    """

    faults: tuple[Fault, ...]
    steps: tuple[_Steps, ...]
    rest: Any
    ids: Mapping[str, str]


def sent_ids(item: object) -> Mapping[str, Any]:
    """Gives the members of an item by which an answer names it: all of a sound one, none of no object."""
    if isinstance(item, FaultyItem):
        return item.ids
    return item if isinstance(item, dict) else {}


def rest_of(document: object) -> Any:
    """Gives a document as it was sent, but for what has no single meaning."""
    return document.rest if isinstance(document, FaultyItem) else document


def refuse_faulty(document: object) -> None:
    """Refuses a body that may not have a part at fault.

    Raises:
        NotJsonError: it has one.
    """
    if isinstance(document, FaultyItem):
        raise NotJsonError(*document.faults)


def is_too_deep(document: object, levels: int = MOST_LEVELS) -> bool:
    """Tells whether objects and lists are nested in more than some levels."""
    level: list[Any] = [document] if isinstance(document, dict | list) else []
    for _ in range(levels):
        inside = (part.values() if isinstance(part, dict) else part for part in level)
        level = [member for members in inside for member in members if isinstance(member, dict | list)]
        if not level:
            return False
    return bool(level)


def mark_deep(document: Any, item_lists: Collection[str], *, is_item: bool) -> None:
    """Puts placeholders into the items where they are nested too deeply.

    Raises:
        NotJsonError: what else is too deep.
    """
    for name in item_lists if isinstance(document, dict) else ():
        items = document.get(name)
        for item in items if isinstance(items, list) else ():
            _mark_members(item, MOST_LEVELS - _LEVELS_AROUND)
    if is_item:
        _mark_members(document, MOST_LEVELS)
    if is_too_deep(document):
        raise NotJsonError(TOO_DEEP)


def separate_faulty(document: Any, item_lists: Collection[str] = (), *, is_item: bool = True) -> Any:
    """Replaces the items that break a rule, and the document itself where it is an item.

    Raises:
        NotJsonError: a rule is broken outside of them.
    """
    of_items: dict[tuple[str, int], list[tuple[_Steps, str]]] = {}
    of_body: list[tuple[_Steps, str]] = []
    for steps, rule in _broken_places(document):
        match steps:
            case (str(name), int(position), *inside) if name in item_lists:
                of_items.setdefault((name, position), []).append((tuple(inside), rule))
            case _:
                of_body.append((steps, rule))
    if of_body and not is_item:
        raise NotJsonError(*(_fault(steps, rule) for steps, rule in of_body[:MOST_FAULTS]))
    for (name, position), places in of_items.items():
        items = document[name]
        items[position] = _faulty(items[position], places)
    return _faulty(document, of_body) if of_body else document


def _faulty(item: Any, places: Sequence[tuple[_Steps, str]]) -> FaultyItem:
    ids = _sound_texts(item)
    faults = tuple(_fault(steps, rule) for steps, rule in places)
    rest = item
    for steps, _ in places:
        rest = _without(rest, steps)
    return FaultyItem(faults, tuple(steps for steps, _ in places), rest, ids)


def _fault(steps: _Steps, rule: str) -> Fault:
    return Fault(pointer(steps), rule, _MESSAGES[rule])


def _without(item: Any, steps: _Steps) -> Any:
    """Takes one place out of an item, and returns what is left of it."""
    if not steps:
        return None
    *way, last = steps
    holder = item
    for step in way:
        holder = holder[step]
    if isinstance(holder, dict):
        del holder[last]
    else:
        holder[last] = None
    return item


def _mark_members(part: Any, levels: int, *, is_outer: bool = True) -> None:
    """Marks the members of an object, or of an object in it, that are nested too deeply."""
    if not is_too_deep(part, levels):
        return
    for key, member in [*part.items()] if isinstance(part, dict) else [*enumerate(part)]:
        if is_outer and isinstance(member, dict):
            _mark_members(member, levels - 1, is_outer=False)
        elif is_too_deep(member, levels - 1):
            part[key] = Bad(_DEEP)


def _sound_texts(item: object) -> dict[str, str]:
    members = item.items() if isinstance(item, dict) else ()
    texts = {name: text for name, text in members if isinstance(text, str)}
    return {name: text for name, text in texts.items() if not (_broken_rule(name) or _broken_rule(text))}


def _broken_places(document: object) -> Iterator[tuple[_Steps, str]]:
    """Finds the steps to each value or key that breaks a rule, and the rule."""
    waiting: list[tuple[_Steps, object]] = [((), document)]
    while waiting:
        steps, part = waiting.pop()
        rule = _broken_rule(part)
        if rule is not None:
            yield steps, rule
        elif isinstance(part, dict):
            for key, member in part.items():
                waiting.append(((*steps, key), Bad(rule) if (rule := _broken_rule(key)) else member))
        elif isinstance(part, list):
            waiting.extend(((*steps, position), member) for position, member in enumerate(part))


def _broken_rule(part: object) -> str | None:
    if isinstance(part, Bad):
        return part.rule
    if not isinstance(part, str):
        return None
    if "\0" in part:
        return "no_nul"
    return "unicode" if any("\ud800" <= character <= "\udfff" for character in part) else None
