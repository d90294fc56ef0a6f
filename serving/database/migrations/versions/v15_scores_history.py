"""Version 15: whether a lead is ranked by chance, and the scores that were given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "15"
down_revision = "14"


def upgrade() -> None:
    """Adds the column, null in rows of before, and the table."""
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    for table in ("scores", "current_scores"):
        op.add_column(table, sa.Column("held_out", sa.Boolean))
    op.create_table(
        "scores_history",
        sa.Column("lead_id", text, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("probability_low", sa.Double),
        sa.Column("probability_high", sa.Double),
        sa.Column("band", text),
        sa.Column("stage", text),
        sa.Column("prospect", sa.Boolean),
        sa.Column("rank", sa.BigInteger),
        sa.Column("expected_value", sa.Double),
        sa.Column("waiting_hours", sa.Double),
        sa.Column("base_log_odds", sa.Double),
        sa.Column("reasons", text, nullable=False),
        sa.Column("curve", text, nullable=False),
        sa.Column("horizon_days", sa.Double, nullable=False),
        sa.Column("model_version", text, nullable=False),
        sa.Column("feature_set", text, nullable=False),
        sa.Column("scored_at", sa.BigInteger, nullable=False),
        sa.Column("held_out", sa.Boolean),
        sa.PrimaryKeyConstraint("lead_id", "horizon_days", "as_of", "model_version"),
    )
    op.create_index("scores_history_scored", "scores_history", ["scored_at"])
