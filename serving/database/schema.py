"""The tables of the service beside those of a history; `VERSION` numbers all of them together.

`serving.database.migrations` says how to change them.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from features.sources.history_settings import SETTINGS_TABLE
from features.sources.service_tables import (
    ATTRIBUTE_CHANGES,
    INTERACTIONS,
    LEAD_ALIASES,
    LEADS,
    METADATA,
    OUTCOMES,
    VERSION_TABLE,
    Text,
    sequence_column,
)
from serving.database.score_tables import AUDIT, CURRENT_SCORES, SCORES, SCORES_HISTORY
from serving.database.statements import CompiledStatement

VERSION: Final = 16

STORE: Final = sa.Table(
    VERSION_TABLE,
    METADATA,
    sa.Column("version", sa.Integer, nullable=False),
    # Names the secret that salts the hashes of erased ids; see `serving.database.secret`.
    sa.Column("secret_check", sa.LargeBinary, nullable=False),
    sequence_column(),
    # The last transaction that the current scores take into account.
    sa.Column("rescored", sa.BigInteger, nullable=False),
)
# The account of a lead from a transaction on; the first row of a lead is written with the lead.
ACCOUNT_CHANGES: Final = sa.Table(
    "account_changes",
    METADATA,
    sa.Column("lead_id", Text, primary_key=True),
    sequence_column(primary_key=True, index=True),
    sa.Column("account_id", Text, index=True),
)
# Which `created_at` of a lead was corrected by a transaction: the one that held until then.
CREATION_CORRECTIONS: Final = sa.Table(
    "creation_corrections",
    METADATA,
    sa.Column("lead_id", Text, primary_key=True),
    sequence_column(primary_key=True, index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("available_at", sa.BigInteger, nullable=False),
)
# Answers to requests with an Idempotency-Key, and the leads that each names, with which it is erased.
STORED_ANSWERS: Final = sa.Table(
    "stored_answers",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("answered_at", sa.BigInteger, nullable=False, index=True),
)
STORED_ANSWER_LEADS: Final = sa.Table(
    "stored_answer_leads",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("lead_id", Text, primary_key=True, index=True),
)
# The identify messages of Segment that were taken lately, so that each counts once.
IDENTIFY_MESSAGES: Final = sa.Table(
    "identify_messages",
    METADATA,
    sa.Column("message_id", Text, primary_key=True),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False, server_default="0", index=True),
)
# The time of the newest statement that named an attribute of a lead, or its `account_id`: of a message of
# Segment, or of a PUT that said the same again. `known_at` is the `available_at` of the attribute's last
# change then: a later change is newer.
ATTRIBUTE_TIMES: Final = sa.Table(
    "attribute_times",
    METADATA,
    sa.Column("lead_id", Text, primary_key=True),
    sa.Column("attribute", Text, primary_key=True),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    sa.Column("known_at", sa.BigInteger, nullable=False),
)
QUARANTINE: Final = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("item", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Index("quarantine_received", "received_at", "key"),
)
ERASED: Final = sa.Table(
    "erased",
    METADATA,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("erased_at", sa.BigInteger, nullable=False),
)
API_KEYS: Final = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("scopes", Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("requests_per_second", sa.Double),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("revoked_at", sa.BigInteger),
    # The one source that the key may send for.
    sa.Column("source", Text),
)
# Sessions of the page that somebody ended, until their time is over.
ENDED_SESSIONS: Final = sa.Table(
    "ended_sessions",
    METADATA,
    sa.Column("session_id", Text, primary_key=True),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
)


_NEXT_SEQUENCE: Final = CompiledStatement(
    sa.update(STORE).values(sequence=STORE.c.sequence + 1).returning(STORE.c.sequence)
)
INGESTION: Final = sa.Table(
    "ingestion",
    METADATA,
    sa.Column("item", Text, primary_key=True),
    sa.Column("status", Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
# What a history that was loaded says of itself: a key, and its value as TOML.
HISTORY_SETTINGS: Final = sa.Table(
    SETTINGS_TABLE,
    METADATA,
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)
# The histories that were loaded: how far each got, in the transactions that wrote its rows.
LOADS: Final = sa.Table(
    "loads",
    METADATA,
    sa.Column("load_id", Text, primary_key=True),
    sa.Column("partition", sa.BigInteger, nullable=False),
    sa.Column("leads", sa.BigInteger, nullable=False),
    sa.Column("counts", Text, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("written_at", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.BigInteger),
)
# What was written last to a CRM of each lead: a hash, so that only news is written again.
SYNCED: Final = sa.Table(
    "synced",
    METADATA,
    sa.Column("target", Text, primary_key=True),
    sa.Column("lead_id", Text, primary_key=True, index=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("written_at", sa.BigInteger, nullable=False),
)
# Messages for the hooks of `[alerts]`, each until it is taken. `next_at` is when it is sent next; null where
# it was given up. `event` is what it says; it is erased with its lead.
ALERTS: Final = sa.Table(
    "alerts",
    METADATA,
    sa.Column("hook", Text, primary_key=True),
    sa.Column("alert_id", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("lead_id", Text, index=True),
    sa.Column("event", Text, nullable=False),
    sa.Column("found_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.BigInteger),
    # Why the last attempt failed.
    sa.Column("fault", Text),
    sa.Index("alerts_due", "hook", "next_at", "found_at"),
    sa.Index("alerts_found", "found_at"),
)
# What was delivered to each hook so far.
ALERT_HOOKS: Final = sa.Table(
    "alert_hooks",
    METADATA,
    sa.Column("hook", Text, primary_key=True),
    sa.Column("delivered", sa.BigInteger, nullable=False),
    sa.Column("delivered_at", sa.BigInteger, nullable=False),
)
# How the leads stood when alerts were last looked for; leads that neither wait nor are in the highest band
# have no row.
ALERT_LEADS: Final = sa.Table(
    "alert_leads",
    METADATA,
    sa.Column("lead_id", Text, primary_key=True),
    sa.Column("is_top", sa.Boolean, nullable=False),
    sa.Column("waiting_since", sa.BigInteger),
    sa.Column("is_reported", sa.Boolean, nullable=False),
    sa.Index("alert_leads_waiting", "is_reported", "waiting_since"),
)
# How far the current scores were looked at: one row, once alerts are configured.
ALERT_FEED: Final = sa.Table(
    "alert_feed",
    METADATA,
    # Counted up by each, so that of two processes one goes on.
    sa.Column("steps", sa.BigInteger, nullable=False),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("lead_id", Text, nullable=False),
    sa.Column("model_version", Text, nullable=False),
    sa.Column("waiting_hours", sa.Double),
    sa.Column("verdicts", Text, nullable=False),
)
# Bodies of web hooks as they came: waiting to be mapped, mapped, early (their lead is not stored yet), or
# quarantined; `reason` says why.
HOOK_BODIES: Final = sa.Table(
    "hook_bodies",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("crm", Text, nullable=False),
    sa.Column("query", Text, nullable=False),
    sa.Column("content_type", Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Index("hook_bodies_status", "status", "received_at", "key"),
)
# The leads that a body is about, as far as it could be mapped; it is erased with them.
HOOK_BODY_LEADS: Final = sa.Table(
    "hook_body_leads",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("lead_id", Text, primary_key=True, index=True),
)
# All tables with rows of a lead; an erasure removes them.
OF_A_LEAD: Final = (
    *(LEADS, LEAD_ALIASES, ATTRIBUTE_CHANGES, INTERACTIONS, OUTCOMES, QUARANTINE),
    *(ACCOUNT_CHANGES, SCORES, CURRENT_SCORES, AUDIT, IDENTIFY_MESSAGES, ATTRIBUTE_TIMES, SYNCED),
    *(CREATION_CORRECTIONS, SCORES_HISTORY, ALERTS, ALERT_LEADS, HOOK_BODY_LEADS),
)
# Tables with the id of a lead that an erasure changes otherwise: answers go whole, and a place in the feed of
# alerts goes back before the lead.
ERASED_OTHERWISE: Final = (STORED_ANSWER_LEADS, ALERT_FEED)


def next_sequence(connection: sa.Connection) -> int:
    """Counts the sequence up and returns the number of this transaction."""
    ((sequence,),) = _NEXT_SEQUENCE.rows(connection)
    return int(sequence)
