"""Version 11: the salt lies outside, sessions end, keys have a source, feeds are in the order of writing."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "11"
down_revision = "10"


def upgrade() -> None:
    """Replaces the salt, which the file of the secret holds now, by its check value, and adds the others."""
    bind = op.get_bind()
    text = sa.Text(collation="C" if bind.dialect.name == "postgresql" else None)
    op.execute("ALTER TABLE leadodds_store RENAME COLUMN salt TO secret_check")
    salt = bytes(bind.execute(sa.text("SELECT secret_check FROM leadodds_store")).scalar_one())
    check = hashlib.blake2b(b"check", key=salt, digest_size=16).digest()
    bind.execute(sa.text("UPDATE leadodds_store SET secret_check = :value"), {"value": check})
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", text, primary_key=True),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
    )
    op.add_column("api_keys", sa.Column("source", text))
    for table in ("scores", "current_scores"):
        op.add_column(table, sa.Column("written", sa.BigInteger, nullable=False, server_default="0"))
        op.drop_index(f"{table}_written", table)
        op.create_index(f"{table}_written", table, ["written", "lead_id"])
        op.create_index(f"{table}_scored", table, ["scored_at", "written"])
    op.create_index("quarantine_received", "quarantine", ["received_at", "key"])
