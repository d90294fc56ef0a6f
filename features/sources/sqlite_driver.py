"""Which SQLite is used; loaded without SQLAlchemy by what only switches a version."""

from __future__ import annotations

import importlib
from types import ModuleType


def sqlite_driver() -> ModuleType:
    """Gives the SQLite module of the wheel, which is newer than most systems' SQLite; else the system's."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3")
