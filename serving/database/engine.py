"""Opens the database of the service: commits are durable, and readers never wait for the writer."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from features.errors import LeadOddsError
from features.sources.connections import open_engine
from features.sources.sqlite_driver import sqlite_driver

# In older ones a checkpoint at the wrong moment can damage a database with a write-ahead log.
# Source: https://sqlite.org/wal.html, "The WAL-Reset Bug".
OLDEST_SQLITE: Final = (3, 51, 3)

# Held by the process that writes; an arbitrary number that other programs are unlikely to lock.
_WRITER_LOCK: Final = 0x4C656164
# Held by the process that does what only one should, such as keeping the current scores current.
_LEADER_LOCK: Final = _WRITER_LOCK + 1
# A connection to PostgreSQL that is cut without a word is noticed after so long.
_KEEP_ALIVE: Final = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_POOL: Final = {"pool_size": 12, "max_overflow": 8}
_OWNER_ONLY: Final = 0o600
_WRITES: Final = "leadodds_writes"
# Of a connection that writes very many rows: memory for pages, and pages of the log at which it is moved into
# the file.
_CACHE_KIB: Final = 256 * 1024
_LOG_PAGES: Final = 65_536
_BY_HAND: Final = "leadodds_begins_by_hand"


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """How long a database may take, and how much may wait for it; None is without limit.

    Attributes:
        lock_seconds: an SQLite file that another process holds is waited for so long.
        statement_seconds: PostgreSQL cancels a statement that takes longer.
        connect_seconds: to PostgreSQL.
        waiting_writes: calls that may wait for the writer.
    """

    lock_seconds: float = 30.0
    statement_seconds: float | None = None
    connect_seconds: float = 30.0
    waiting_writes: int | None = None


# Of commands, which may take long.
UNLIMITED: Final = DatabaseLimits()


class OldSqliteError(LeadOddsError):
    """An SQLite that can damage the database."""

    def __init__(self, version: tuple[int, ...]) -> None:
        found, oldest = (".".join(map(str, numbers)) for numbers in (version, OLDEST_SQLITE))
        super().__init__(
            f"SQLite {found} can damage a database with a write-ahead log; {oldest} or newer is needed. "
            "Install the package pysqlite3, which brings one."
        )


def open_store_engine(url: str, *, must_exist: bool = False, limits: DatabaseLimits = UNLIMITED) -> sa.Engine:
    """Makes an engine whose transactions see one state of the database from begin to end.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        must_exist: refuses a missing file instead of making it.
        limits: of time.

    Raises:
        OldSqliteError: the installed SQLite is too old.
        FileNotFoundError: the file is missing.
    """
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        return open_engine(
            url,
            pool_pre_ping=True,
            pool_timeout=limits.connect_seconds,
            isolation_level="REPEATABLE READ",
            connect_args=_postgresql_options(limits),
            **_POOL,
        )
    if must_exist and not Path(address.database or "").is_file():
        raise FileNotFoundError(f"there is no file {address.database}")
    check_sqlite_version(sqlite_driver().sqlite_version_info)
    _keep_private(Path(address.database or ""))
    engine = open_engine(url, connect_args={"timeout": limits.lock_seconds}, **_POOL)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_options(limits: DatabaseLimits) -> dict[str, Any]:
    options: dict[str, Any] = {"connect_timeout": max(1, round(limits.connect_seconds)), **_KEEP_ALIVE}
    if limits.statement_seconds is not None:
        options["options"] = f"-c statement_timeout={round(limits.statement_seconds * 1000)}"
    return options


def lift_statement_limit(connection: sa.Connection) -> None:
    """Lets the statements of a transaction take as long as they need: an upgrade may take minutes."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _keep_private(file: Path) -> None:
    """Makes the file of a database for its owner alone, and takes from others what an older one gave them.

    SQLite gives its log the same rights. A group that was let in by hand stays.
    """
    if file.parent.is_dir():
        file.touch(mode=_OWNER_ONLY)
        rights = stat.S_IMODE(file.stat().st_mode)
        if os.name == "posix" and rights & stat.S_IRWXO and file.stat().st_uid == os.getuid():
            file.chmod(rights & ~stat.S_IRWXO)


def writing(engine: sa.Engine) -> sa.Engine:
    """Returns the engine for transactions that write: one at a time, each sees all earlier ones."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_WRITES: True})
    return engine.execution_options(isolation_level="READ COMMITTED")


def beginning_by_hand(engine: sa.Engine) -> sa.Engine:
    """Returns the engine for connections whose owner begins and ends transactions himself; SQLite only."""
    return engine.execution_options(**{_BY_HAND: True})


def lock_for_writing(connection: sa.Connection) -> None:
    """Waits until no other process writes; SQLite did so when the transaction began."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))


class Leadership:
    """Elects the process that does what only one should, by a lock of the server or of a file beside ours."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._session: sa.Connection | None = None
        self._file: int | None = None

    def is_ours(self) -> bool:
        """Whether this process leads; takes the lead where it is free, for as long as the session lasts."""
        if self._engine.dialect.name == "sqlite":
            return self._has_file()
        try:
            if self._session is None:
                self._session = self._engine.connect()
            is_ours = self._session.scalar(sa.select(sa.func.pg_try_advisory_lock(_LEADER_LOCK)))
            self._session.commit()
        except sa.exc.OperationalError:
            self._session = None
            return False
        return bool(is_ours)

    def give_up(self) -> None:
        """Gives the lead up to another process."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._session is None:
            return
        with suppress(sa.exc.OperationalError), self._session as session:
            session.execute(sa.select(sa.func.pg_advisory_unlock_all()))
        self._session = None

    def _has_file(self) -> bool:
        if self._file is None:
            self._file = lock_file(Path(f"{self._engine.url.database}-leader"))
        return self._file is not None


def lock_file(path: Path) -> int | None:
    """Locks a file, which is made; returns its handle, or None where another process has the lock.

    The lock ends with this process, however it ends.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def check_sqlite_version(version: tuple[int, ...]) -> None:
    """Refuses an SQLite that is too old.

    Raises:
        OldSqliteError: it is older than `OLDEST_SQLITE`.
    """
    if version < OLDEST_SQLITE:
        raise OldSqliteError(version)


def _set_up_sqlite(connection: Any, record: object) -> None:  # noqa: ARG001 - the signature is SQLAlchemy's
    # Transactions begin where the code says so, not where the driver guesses.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    # What is deleted is overwritten: an erased lead must not be found in the file.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_BY_HAND, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, False) else "BEGIN")


def expect_many_rows(connection: sa.Connection) -> None:
    """Gives a connection of SQLite more memory, and lets its log grow before it is moved into the file.

    Rows whose places in an index are far apart else have the same pages written again and again.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")


def truncate_log(engine: sa.Engine) -> bool:
    """Moves the write-ahead log into the file and empties it: it holds what was erased, too.

    Returns:
        Whether it is empty now; not while another connection reads an older state. PostgreSQL has none.
    """
    if engine.dialect.name != "sqlite":
        return True
    with beginning_by_hand(engine).connect() as connection:
        # A reader is waited for elsewhere: the one writer must not stand still.
        (patience,) = connection.exec_driver_sql("PRAGMA busy_timeout").one()
        connection.exec_driver_sql("PRAGMA busy_timeout=100")
        is_busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")
    return not is_busy


def read_size(connection: sa.Connection) -> int:
    """Reads the size of the database in bytes; of SQLite with its write-ahead log."""
    if connection.dialect.name != "sqlite":
        found = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
        return int(found.scalar_one())
    file = connection.engine.url.database or ""
    return sum(path.stat().st_size for path in (Path(file), Path(f"{file}-wal")) if path.exists())


# The supported databases.
DIALECTS: Final = ("sqlite", "postgresql")


def insert_into(dialect: str, table: sa.Table) -> Any:
    """Makes an insert with the methods `on_conflict_do_nothing` and `on_conflict_do_update`.

    Args:
        dialect: one of `DIALECTS`.
        table: with a primary key.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    # Imported late: servers with SQLite start faster without it.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
