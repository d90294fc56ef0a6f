"""Current scores of made-up leads, written straight into a database of the service."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from serving.database.score_tables import CURRENT_SCORES
from tests.support.builders import at
from tests.support.stores import HandClock, open_store

REASONS = (
    '[{"feature":"pricing_7d","label":"Pricing pages, 7 days","value":"3","points":0.8,"direction":"raises"},'
    '{"feature":"age","label":"Age","value":"40","points":-0.2,"direction":"lowers"},'
    '{"feature":"other","label":"other","value":null,"points":0.1,"direction":"raises"}]'
)


def store_of_scores(folder: Path, ids: Iterable[str]) -> str:
    """Makes a database with a current score of each lead; gives its URL.

    The probability of the lead at place n is (n modulo 90 + 1) percent.
    """
    url = sqlite_url(folder / "service.db")
    open_store(url, clock=HandClock(at(10))).close()
    rows = [_row(lead_id, place) for place, lead_id in enumerate(ids)]
    with open_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.execute(sa.insert(CURRENT_SCORES), rows)
    return url


def change_scores(url: str, ids: Iterable[str], **columns: object) -> None:
    """Changes columns of the current scores of some leads."""
    with open_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        where = CURRENT_SCORES.c.lead_id.in_(list(ids))
        connection.execute(sa.update(CURRENT_SCORES).where(where).values(**columns))


def _row(lead_id: str, place: int) -> dict[str, object]:
    return {
        "lead_id": lead_id,
        "as_of": at(10),
        "status": "scored",
        "probability": (place % 90 + 1) / 100,
        "probability_low": 0.001,
        "probability_high": 0.95,
        "band": "B",
        "stage": "mql",
        "prospect": True,
        "base_log_odds": -2.0,
        "reasons": REASONS,
        "curve": "[]",
        "horizon_days": 30.0,
        "model_version": "7",
        "feature_set": "abc",
        "scored_at": at(10),
        "priority": 0.5,
        "created_at": at(1),
        "search_text": lead_id,
        "sequence": 1,
    }
