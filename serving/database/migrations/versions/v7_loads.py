"""Version 7: how far the loading of each history got, and what the histories say of themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Makes the two tables; nothing was loaded before."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "loads",
        sa.Column("load_id", text, primary_key=True),
        sa.Column("partition", sa.BigInteger, nullable=False),
        sa.Column("leads", sa.BigInteger, nullable=False),
        sa.Column("counts", text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
    )
    op.create_table(
        "history_settings",
        sa.Column("key", text, primary_key=True),
        sa.Column("value", text, nullable=False),
    )
