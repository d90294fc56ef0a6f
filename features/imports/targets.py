"""Which folder an import may write."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from features.imports.format.map_format import TABLES
from features.output.targets import TargetError, place_of, refuse_history_as_target
from features.sources.history_settings import SETTINGS_FILE

# What an import writes; a folder that holds anything else is left alone.
_OWN: Final = frozenset({SETTINGS_FILE, *(f"{table}.parquet" for table in TABLES)})


def check_target(out: Path, source: str | Path, *, append: bool, replace: bool) -> bool:
    """Tells whether a history is there already.

    Args:
        out: the target.
        source: what is read.
        append: whether a history that is there is added to.
        replace: whether it is written anew.

    Raises:
        TargetError: the target is a part of the source or no folder, or holds what an import may not replace.
    """
    refuse_history_as_target(out, source)
    place = place_of(out)
    if not place.parent.is_dir():
        remedy = "Create the folder, or name another."
        raise TargetError(out, fault="its folder does not exist", remedy=remedy)
    if place.exists() and not place.is_dir():
        raise TargetError(out, fault="a file of this name exists", remedy="Name a folder.")
    present = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if present and not (append or replace):
        remedy = "Add --append to add this export to it, --replace to write it anew, or name another folder."
        raise TargetError(out, fault="the folder is not empty", remedy=remedy)
    if others := sorted(present - _OWN):
        fault = f"the folder holds {', '.join(others[:3])}, which no import has written"
        raise TargetError(out, fault=fault, remedy="Name another folder.")
    return bool(present)
