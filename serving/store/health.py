"""Reads the health of the service: counts of items, the age of the scores, the age of the model."""

from __future__ import annotations

import sqlalchemy as sa

from features.sources.service_tables import LEAD_ALIASES, LEADS
from features.times import US_PER_DAY, format_time
from serving.database.score_tables import CURRENT_SCORES
from serving.intake.counts import count_quarantined, read_ingestion
from serving.scoring.json_rows import JsonObject
from serving.scoring.live_model import LiveModel


def read_health(connection: sa.Connection, live: LiveModel, *, now: int) -> JsonObject:
    """Reads the health of the service.

    Args:
        connection: in a transaction.
        live: the model in use.
        now: microseconds UTC.
    """
    return {
        "ingestion": read_ingestion(connection),
        "quarantine": count_quarantined(connection),
        "leads": _leads(connection, live.predictor.model_version),
        "model": _model(live, now=now),
    }


def _leads(connection: sa.Connection, version: str) -> JsonObject:
    current = CURRENT_SCORES.c
    by_version = sa.select(current.model_version, sa.func.count(), sa.func.min(current.as_of))
    opened = connection.execute(
        by_version.where(current.priority.is_not(None)).group_by(current.model_version)
    ).all()
    # Leads that became aliases of others have no score.
    own = LEADS.c.lead_id.not_in(sa.select(LEAD_ALIASES.c.alias_id))
    stored = connection.scalar(sa.select(sa.func.count()).select_from(LEADS).where(own)) or 0
    scored = connection.scalar(sa.select(sa.func.count()).select_from(CURRENT_SCORES)) or 0
    open_count = sum(count for _, count, _ in opened)
    oldest = min((as_of for _, _, as_of in opened), default=None)
    return {
        "stored": stored,
        "open": open_count,
        "closed": scored - open_count,
        "not_yet_scored": stored - scored,
        "of_another_version": sum(count for other, count, _ in opened if other != version),
        "oldest_as_of": None if oldest is None else format_time(oldest),
    }


def _model(live: LiveModel, *, now: int) -> JsonObject:
    card, refusal = live.predictor.bundle.card, live.refusal
    refused = None if refusal is None else {"model_version": refusal.version, "reason": refusal.reason}
    return {
        "model_version": card.model_version,
        "created_at": format_time(card.created_at),
        "observed_until": format_time(card.observed_until),
        "age_days": (now - card.created_at) / US_PER_DAY,
        "observed_age_days": (now - card.observed_until) / US_PER_DAY,
        "refused": refused,
    }
