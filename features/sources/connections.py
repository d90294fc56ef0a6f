"""Opens databases: the one place that chooses their drivers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa


def sqlite_driver() -> ModuleType:
    """Gives the SQLite that a wheel brings, which is newer than that of most systems; else the system's."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3")


def open_engine(url: str, **options: Any) -> sa.Engine:
    """Makes an engine; nothing is connected yet.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        options: of `sqlalchemy.create_engine`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: no URL of a database, or of one without a driver here.
        ImportError: the driver is not installed.
    """
    address = sa.make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() == "sqlite":
        return sa.create_engine(address, module=sqlite_driver(), **options)
    return sa.create_engine(address, **options)


def redacted_url(url: str) -> str:
    """Writes a database URL without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return url.partition("://")[0] + "://..."


def sqlite_url(path: Path) -> str:
    """Writes the URL of a database file."""
    return sa.URL.create("sqlite", database=str(path)).render_as_string()
