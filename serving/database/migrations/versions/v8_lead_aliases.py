"""Version 8: ids that are aliases of leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Makes the table."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "lead_aliases",
        sa.Column("alias_id", text, primary_key=True),
        sa.Column("lead_id", text, nullable=False),
        sa.Column("available_at", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    for column in ("lead_id", "sequence"):
        op.create_index(f"ix_lead_aliases_{column}", "lead_aliases", [column])
