"""What the routes answer, by operation, for people who read OpenAPI; tests hold them against the schemas."""

from __future__ import annotations

from typing import Any, Final

_ID: Final = "crm-42"
_SCORE: Final[dict[str, Any]] = {
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
_COUNTS: Final = {
    "received": 1,
    "stored": 1,
    "duplicate": 0,
    "quarantined": 0,
    "refused": 0,
    "request_id": _ID,
}

ANSWERS: Final[dict[str, Any]] = {
    "score": {**_SCORE, "request_id": _ID},
    "leadScore": {**_SCORE, "request_id": _ID},
    "scoreBatch": {"request_id": _ID, "scores": [{**_SCORE, "errors": []}]},
    "model": {"format_version": 1, "model_version": "3", "horizon_days": 30.0, "request_id": _ID},
    "livez": {"status": "alive", "request_id": _ID},
    "readyz": {"status": "ready", "model_version": "3", "refused": None, "request_id": _ID},
    "metrics": 'leadodds_requests_total{method="POST",route="/v1/score",status="200"} 12.0\n',
    "putLead": {"lead_id": "L-1042", "changed": ["country"], "request_id": _ID},
    "addInteractions": {
        **_COUNTS,
        "interactions": [{"interaction_id": "crm-77", "lead_id": "L-1042", "status": "stored"}],
    },
    "addOutcomes": {**_COUNTS, "outcomes": [{"lead_id": "L-1042", "status": "stored"}]},
    "lead": {
        "lead_id": "L-1042",
        "created_at": "2026-05-01T08:00:00Z",
        "account_id": "A-7",
        "attributes": {"company_size": 120.0, "country": "DE", "has_budget": True},
        "outcome": None,
        "interactions": [
            {
                "source": "crm",
                "interaction_id": "crm-77",
                "kind": "demo_requested",
                "occurred_at": "2026-05-19T16:30:00Z",
                "available_at": "2026-05-19T16:30:02Z",
                "direction": "inbound",
                "channel": "web",
                "campaign": None,
                "value": None,
            }
        ],
        "request_id": _ID,
    },
    "eraseLead": {"lead_id": "L-1042", "erased": {"leads": 1, "interactions": 3}, "request_id": _ID},
}
