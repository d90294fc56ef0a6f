"""Version 14: bodies of web hooks, as they came, and the leads that they are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "14"
down_revision = "13"


def upgrade() -> None:
    """Makes the tables; no hook came before."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "hook_bodies",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("crm", text, nullable=False),
        sa.Column("query", text, nullable=False),
        sa.Column("content_type", text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("reason", text, nullable=False),
    )
    op.create_index("hook_bodies_status", "hook_bodies", ["status", "received_at", "key"])
    op.create_table(
        "hook_body_leads",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("lead_id", text, primary_key=True),
    )
    op.create_index("ix_hook_body_leads_lead_id", "hook_body_leads", ["lead_id"])
