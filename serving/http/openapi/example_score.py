"""The score that all examples of answers show."""

from __future__ import annotations

from typing import Any, Final

REQUEST_ID: Final = "crm-42"
SCORE: Final[dict[str, Any]] = {
    "lead_id": "L-1042",
    "as_of": "2026-05-20T12:00:00Z",
    "status": "scored",
    "probability": 0.08,
    "probability_low": 0.06,
    "probability_high": 0.11,
    "band": "B",
    "stage": "sql",
    "prospect": False,
    "rank": None,
    "expected_value": None,
    "waiting_hours": 19.5,
    "base_log_odds": -3.9,
    "reasons": [
        {
            "feature": "days_since_last_demo_requested",
            "label": "Days since the last demo was requested",
            "value": "0.8",
            "points": 1.2,
            "direction": "raises",
        },
        {
            "feature": "other",
            "label": "Everything else",
            "value": None,
            "points": 0.26,
            "direction": "raises",
        },
    ],
    "curve": [{"days": 7.0, "probability": 0.02}, {"days": 30.0, "probability": 0.08}],
    "horizon_days": 30.0,
    "model_version": "3",
    "feature_set": "b611ba6ec89b",
    "scored_at": "2026-05-20T12:00:00Z",
    "notes": [],
}
