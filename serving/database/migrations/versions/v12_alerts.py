"""Version 12: alerts, each until it is taken, and how the leads stood when alerts were last looked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "12"
down_revision = "11"


def upgrade() -> None:
    """Makes the four tables of alerts."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "alerts",
        sa.Column("hook", text, primary_key=True),
        sa.Column("alert_id", text, primary_key=True),
        sa.Column("kind", text, nullable=False),
        sa.Column("lead_id", text),
        sa.Column("event", text, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("fault", text),
    )
    op.create_index("ix_alerts_lead_id", "alerts", ["lead_id"])
    op.create_index("alerts_due", "alerts", ["hook", "next_at", "found_at"])
    op.create_index("alerts_found", "alerts", ["found_at"])
    op.create_table(
        "alert_hooks",
        sa.Column("hook", text, primary_key=True),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("delivered_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_leads",
        sa.Column("lead_id", text, primary_key=True),
        sa.Column("is_top", sa.Boolean, nullable=False),
        sa.Column("waiting_since", sa.BigInteger),
        sa.Column("is_reported", sa.Boolean, nullable=False),
    )
    op.create_index("alert_leads_waiting", "alert_leads", ["is_reported", "waiting_since"])
    op.create_table(
        "alert_feed",
        sa.Column("steps", sa.BigInteger, nullable=False),
        sa.Column("written", sa.BigInteger, nullable=False),
        sa.Column("lead_id", text, nullable=False),
        sa.Column("model_version", text, nullable=False),
        sa.Column("waiting_hours", sa.Double),
        sa.Column("verdicts", text, nullable=False),
    )
