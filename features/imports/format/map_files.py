"""Reads maps: a TOML file of the user, or one that is shipped with the project."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from features.errors import LeadOddsError
from features.imports.format.map_format import ImportMap

_SUFFIX: Final = ".toml"
_MISSING: Final = {
    "leads": "the map has no [leads]: without leads there is no history",
    "created_at": "the leads have no created_at: without any dates nothing can be learnt about time, and a "
    "date of export is no substitute; export the column that says when a lead was created",
    "occurred_at": "occurred_at is missing: what happened at an unknown time is refused, never guessed",
}


class MapError(LeadOddsError):
    """A map that cannot be used, with every fault found."""

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        listing = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(faults, 1))
        super().__init__(f"The map {name} cannot be used:\n{listing}")


def read_map(name: str) -> ImportMap:
    """Reads a map.

    Args:
        name: path of a TOML file, or name of a shipped map.

    Raises:
        MapError: there is no such file or map, it is not TOML, or a key or value is not as it should be.
    """
    return parse_map(text_of_map(name), name)


def parse_map(text: str, name: str) -> ImportMap:
    """Reads a map written as TOML.

    Args:
        text: the map.
        name: its name, for messages.

    Raises:
        MapError: as `read_map`.
    """
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MapError(name, [f"It is not TOML: {error}."]) from None
    try:
        return ImportMap.model_validate(keys)
    except ValidationError as error:
        raise MapError(name, worded_faults(error)) from None


def worded_faults(error: ValidationError) -> list[str]:
    """Words the faults of a map, each once."""
    return list(dict.fromkeys(map(_fault_text, error.errors())))


def shipped_maps() -> dict[str, str]:
    """Lists the shipped maps with their descriptions, by name."""
    return {name: read_map(name).description for name in shipped_names()}


def shipped_names() -> list[str]:
    """Lists the names of the shipped maps."""
    folder = files("features.imports") / "maps"
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def _shipped_text(name: str) -> str | None:
    """Gives the text of a shipped map; None where there is none of that name."""
    path = files("features.imports") / "maps" / f"{name}{_SUFFIX}"
    return path.read_text("utf-8") if name.isidentifier() and path.is_file() else None


def text_of_map(name: str) -> str:
    """Gives the text of a map.

    Raises:
        MapError: there is no such file or map, or it cannot be read.
    """
    if (shipped := _shipped_text(name)) is not None:
        return shipped
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        listed = ", ".join(shipped_names())
        fault = f"There is no such file, and no shipped map of this name. Shipped are: {listed or 'none'}."
        raise MapError(name, [fault]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(name, [f"{error}."]) from None


def _fault_text(fault: ErrorDetails) -> str:
    """Words one fault, without the value: a map may hold ids."""
    place = _place(fault["loc"])
    kind = fault["type"]
    last = str(fault["loc"][-1]) if fault["loc"] else ""
    if kind == "missing":
        told = _MISSING.get(last, "it is missing")
    elif kind == "extra_forbidden":
        told = "there is no such key"
    else:
        told = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {told}." if place else f"{told[:1].upper()}{told[1:]}."


def _place(steps: tuple[Any, ...]) -> str:
    """Writes where a fault is: blocks count from 1.

    >>> _place(("interactions", 0, "kind"))
    'interactions 1, kind'
    """
    words: list[str] = []
    for step in steps:
        if isinstance(step, int) and words:
            words[-1] += f" {step + 1}"
        else:
            words.append(str(step))
    return ", ".join(words)
