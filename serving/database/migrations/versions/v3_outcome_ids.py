"""Version 3: outcomes may have an id, by which a later one corrects an earlier one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Adds the column; outcomes that were sent before have no id."""
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.add_column("outcomes", sa.Column("outcome_id", sa.Text(collation=collation)))
