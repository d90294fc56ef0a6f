"""Opens databases: the only module that chooses their drivers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa


def sqlite_driver() -> ModuleType:
    """Gives the SQLite module of the wheel, which is newer than most systems' SQLite; else the system's."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3")


def open_engine(url: str, **options: Any) -> sa.Engine:
    """Builds an engine, without connecting.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        options: options of `sqlalchemy.create_engine`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: not the URL of a database, or no driver for it.
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


def lasting_url(url: str) -> str:
    """Writes a database URL without its password, and a file by its absolute path.

    >>> lasting_url("postgresql://sales:secret@db.example/crm")
    'postgresql://sales@db.example/crm'
    """
    # With `set`, None would leave the password as it is.
    address = sa.make_url(url)._replace(password=None)
    if address.get_backend_name() == "sqlite" and address.database:
        address = address.set(database=str(Path(address.database).absolute()))
    return address.render_as_string()


def sqlite_url(path: Path) -> str:
    """Writes the URL of a database file, with %, ? and # of its path quoted.

    >>> sqlite_url(Path("/data/50%/service.db"))
    'sqlite:////data/50%25/service.db'
    """
    return sa.URL.create("sqlite", database=str(path)).render_as_string()
