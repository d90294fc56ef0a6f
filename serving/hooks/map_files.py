"""Reads maps of hooks: a TOML file of the user, or one that is shipped with the project."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from features.imports.format.map_files import MapError, worded_faults
from serving.hooks.map_format import HookMap


def read_hook_map(crm: str, path: Path | None) -> HookMap:
    """Reads the map of a CRM.

    Args:
        crm: that it has to be for.
        path: of a TOML file; None is the shipped map.

    Raises:
        MapError: there is no such file, it is not TOML, or a key or value is not as it should be.
    """
    name = f"{crm} of hooks" if path is None else str(path)
    try:
        text = shipped_hook_map(crm) if path is None else path.read_text("utf-8-sig")
        found = HookMap.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MapError(name, [f"{error}."]) from None
    except ValidationError as error:
        raise MapError(name, worded_faults(error)) from None
    if found.crm != crm:
        raise MapError(name, [f"It is for {found.crm}, not for {crm}."])
    return found


def shipped_hook_map(crm: str) -> str:
    """Gives the text of the shipped map of a CRM."""
    return (files("serving.hooks") / "maps" / f"{crm}.toml").read_text("utf-8")
