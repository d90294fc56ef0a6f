"""Homes with MLflow's database: its first migration takes seconds, so it is made once and copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from models.registry.registry import Registry, open_registry


def open_empty_registry(folder: Path) -> Registry:
    """A registry without versions in a new folder."""
    shutil.copytree(_empty_home(), folder)
    return open_registry(folder)


@cache
def _empty_home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="leadodds-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_registry(folder)
    return folder
