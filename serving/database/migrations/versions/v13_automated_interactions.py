"""Version 13: whether a machine made an interaction, as the sender says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "13"
down_revision = "12"


def upgrade() -> None:
    """Adds the column; of stored interactions nothing is said."""
    op.add_column("interactions", sa.Column("is_automated", sa.Boolean))
