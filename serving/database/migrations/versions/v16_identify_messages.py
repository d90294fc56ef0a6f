"""Version 16: when identify messages were received, so that they are not kept for ever."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "16"
down_revision = "15"


def upgrade() -> None:
    """Adds the column; those of before count as received now, so that none goes too early."""
    column = sa.Column("received_at", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("identify_messages", column)
    messages = sa.table("identify_messages", sa.column("received_at"))
    op.execute(sa.update(messages).values(received_at=time.time_ns() // 1000))
    op.create_index("ix_identify_messages_received_at", "identify_messages", ["received_at"])
