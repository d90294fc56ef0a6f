"""Version 10: corrected creations of leads, and answers to requests with an Idempotency-Key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "10"
down_revision = "9"


def upgrade() -> None:
    """Makes the tables; nothing was corrected, and no answer stored, before."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "creation_corrections",
        sa.Column("lead_id", text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("available_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_creation_corrections_sequence", "creation_corrections", ["sequence"])
    op.create_table(
        "stored_answers",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("answered_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_stored_answers_answered_at", "stored_answers", ["answered_at"])
    op.create_table(
        "stored_answer_leads",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("lead_id", text, primary_key=True),
    )
    op.create_index("ix_stored_answer_leads_lead_id", "stored_answer_leads", ["lead_id"])
