"""Inserts that say what becomes of a row whose key is there, which every database writes in its own way."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

# The databases that rows go to.
DIALECTS: Final = ("sqlite", "postgresql")


def insert_into(dialect: str, table: sa.Table) -> Any:
    """Begins an insert that can go on with `on_conflict_do_nothing` or `on_conflict_do_update`.

    Args:
        dialect: one of `DIALECTS`.
        table: with a primary key.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    # Imported late: most servers keep a file, and start sooner without.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
