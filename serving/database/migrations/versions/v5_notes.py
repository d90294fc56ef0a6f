"""Version 5: the current score of a lead keeps its notes, which say what the lead lacked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Adds the column; scores from before get their notes when they are made again, within hours."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.add_column("current_scores", sa.Column("notes", text, nullable=False, server_default="[]"))
