"""Scores of a nightly job in the database of the service: in its own form, none of a lead that was erased."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from features.sources.service_tables import VERSION_TABLE
from serving.database.schema import STORE
from serving.database.scores_table import SCORES, replacing, score_rows
from serving.intake.ingest import erased_leads


def is_of_service(connection: sa.Connection) -> bool:
    """Tells whether a database is one of the service."""
    return sa.inspect(connection).has_table(VERSION_TABLE)


def write_store_scores(connection: sa.Connection, scores: pa.Table) -> None:
    """Writes rows, in place of older ones of the same question.

    Args:
        connection: in a transaction.
        scores: some rows of a job; a lead may have been erased since they were computed.
    """
    # Whoever erases writes this row too: nothing is erased between the question and the writing.
    connection.execute(sa.update(STORE).values(sequence=STORE.c.sequence))
    salt = bytes(connection.execute(sa.select(STORE.c.salt)).scalar_one())
    rows = score_rows(scores)
    erased = erased_leads(connection, salt, [row["lead_id"] for row in rows])
    if kept := [row for row in rows if row["lead_id"] not in erased]:
        connection.execute(replacing(connection, SCORES, unless_older="scored_at"), kept)
