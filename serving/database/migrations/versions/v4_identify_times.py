"""Version 4: an identify message of Segment counts once, and an older one replaces no newer value."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Makes the two tables; messages that came before are not known by their ids."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "identify_messages",
        sa.Column("message_id", text, primary_key=True),
        sa.Column("lead_id", text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_identify_messages_lead_id", "identify_messages", ["lead_id"])
    op.create_table(
        "attribute_times",
        sa.Column("lead_id", text, primary_key=True),
        sa.Column("attribute", text, primary_key=True),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("known_at", sa.BigInteger, nullable=False),
    )
