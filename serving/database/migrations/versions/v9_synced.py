"""Version 9: what was written last to a CRM of each lead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "9"
down_revision = "8"


def upgrade() -> None:
    """Makes the table; nothing was written before."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "synced",
        sa.Column("target", text, primary_key=True),
        sa.Column("lead_id", text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_synced_lead_id", "synced", ["lead_id"])
