"""Version 6: the list of open leads is filtered by who sells, and leaves out who is not to be called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"

_INDEXED = (
    *("worth DESC", "lead_id", "waiting_hours", "band", "stage", "probability", "source", "words"),
    *("owner", "territory", "sales", "set_aside_until"),
)


def upgrade() -> None:
    """Adds the columns, also to the index; they are filled when a score is made again, within hours."""
    dialect = op.get_bind().dialect.name
    text = sa.Text(collation="C" if dialect == "postgresql" else None)
    for name in ("owner", "territory", "sales"):
        op.add_column("current_scores", sa.Column(name, text))
    op.add_column("current_scores", sa.Column("set_aside_until", sa.BigInteger))
    if dialect == "sqlite":
        op.drop_index("current_scores_list", "current_scores")
        columns = [sa.text(name) for name in _INDEXED]
        op.create_index(
            "current_scores_list", "current_scores", columns, sqlite_where=sa.text("worth IS NOT NULL")
        )
