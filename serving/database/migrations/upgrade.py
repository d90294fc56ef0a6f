"""Upgrades a database of the service to the newest version, after a copy of an SQLite file."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from serving.database.engine import beginning_by_hand
from serving.database.schema import STORE

_LOG: Final = logging.getLogger("leadodds.serving")

VERSIONS: Final = Path(__file__).parent / "versions"


def upgrade(connection: sa.Connection, *, version: int) -> int:
    """Runs the migrations after a version, in the transaction of the connection: all of them or none.

    Args:
        connection: in a transaction that writes, which no other process does meanwhile.
        version: of the database, which has a file among the migrations.

    Returns:
        The version that the database has now.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refuses a step.
        OSError: the copy of the file cannot be written.
    """
    copy = _copy_file(connection, version=version)
    script = ScriptDirectory(VERSIONS, version_locations=[VERSIONS])
    newer = reversed([*script.iterate_revisions("head", str(version))])
    steps = [MigrationStep.upgrade_from_script(script.revision_map, revision) for revision in newer]
    context = MigrationContext.configure(connection, opts={"fn": lambda heads, context: steps})  # noqa: ARG005
    # The version in `leadodds_store` counts. The table of Alembic follows it, and is missing in a database
    # that was never upgraded.
    context.stamp(script, str(version))
    with Operations.context(context):
        context.run_migrations()
    reached = int(script.get_current_head() or version)
    connection.execute(sa.update(STORE).values(version=reached))
    kept = "" if copy is None else f"; the file as it was is {copy.name}"
    _LOG.warning("the database was upgraded from version %s to version %s%s", version, reached, kept)
    return reached


def _copy_file(connection: sa.Connection, *, version: int) -> Path | None:
    """Copies an SQLite file to a file beside it, readable to the same users; None without a file."""
    database = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not database:
        return None
    path = Path(database)
    copy = path.with_name(f"{path.name}.version-{version}")
    partial = copy.with_name(f"{copy.name}.part")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    # Another connection sees the file as it was before this transaction.
    with beginning_by_hand(connection.engine).connect() as reader:
        reader.exec_driver_sql("VACUUM INTO ?", (str(partial),))
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    shutil.copymode(path, partial)
    return partial.replace(copy)
