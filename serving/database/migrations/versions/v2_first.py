"""Version 2, the first that can be upgraded: releases before Alembic made its tables."""

from __future__ import annotations

revision = "2"
down_revision = None


def upgrade() -> None:
    """Changes nothing: every upgrade begins at a database of this version or a later one."""
