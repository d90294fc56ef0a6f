"""Opens databases: the only module that chooses their drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from features.sources.sqlite_driver import sqlite_driver

# Parameters of a URL that hold passwords, in the drivers of PostgreSQL.
_SECRETS: Final = frozenset({"password", "sslpassword"})


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
    """Writes a database URL without its passwords.

    >>> redacted_url("postgresql://sales:secret@db.example/crm?password=secret&sslmode=require")
    'postgresql://sales:***@db.example/crm?sslmode=require'
    """
    try:
        return _without_secrets(sa.make_url(url)).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return url.partition("://")[0] + "://..."


def lasting_url(url: str) -> str:
    """Writes a database URL without its passwords, and a file by its absolute path.

    >>> lasting_url("postgresql://sales:secret@db.example/crm?password=secret")
    'postgresql://sales@db.example/crm'
    """
    # With `set`, None would leave the password as it is.
    address = _without_secrets(sa.make_url(url))._replace(password=None)
    if address.get_backend_name() == "sqlite" and address.database:
        address = address.set(database=str(Path(address.database).absolute()))
    return address.render_as_string()


def _without_secrets(address: sa.URL) -> sa.URL:
    """Leaves out the parameters that hold passwords, which drivers accept, too."""
    return address.difference_update_query([name for name in address.query if name.lower() in _SECRETS])


def sqlite_url(path: Path) -> str:
    """Writes the URL of a database file, with %, ? and # of its path quoted.

    >>> sqlite_url(Path("/data/50%/service.db"))
    'sqlite:////data/50%25/service.db'
    """
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


def sqlite_file(url: str) -> Path | None:
    """Finds the file of a database; None where the URL is that of another kind of place, or names no file.

    >>> str(sqlite_file("sqlite:////data/50%25/service.db")), sqlite_file("postgresql://db.example/crm")
    ('/data/50%/service.db', None)
    """
    if url.partition("://")[0].partition("+")[0] != "sqlite":
        return None
    database = sa.make_url(url).database
    return Path(database) if database else None
