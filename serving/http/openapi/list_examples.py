"""What the routes of lists, of a lead's life and of the health answer; `serving.http.openapi.examples` has all."""

from __future__ import annotations

from typing import Any, Final

from serving.http.list_queries import write_cursor
from serving.http.openapi.example_score import REQUEST_ID, SCORE
from serving.intake.ingest import OTHER_CONTENT

_NOW: Final = {
    name: SCORE[name]
    for name in (
        *("status", "probability", "probability_low", "probability_high", "band", "stage"),
        "waiting_hours",
    )
}
_EARLIER: Final = {
    "probability": 0.02,
    "probability_low": 0.01,
    "probability_high": 0.03,
    "band": "C",
    "stage": "cold",
    "waiting_hours": None,
}

LIST_ANSWERS: Final[dict[str, Any]] = {
    "leadLife": {
        "lead_id": "L-1042",
        "created_at": "2026-05-01T08:00:00Z",
        "horizon_days": 30.0,
        "model_version": "3",
        "feature_set": "b611ba6ec89b",
        "scored_at": "2026-05-20T12:00:00Z",
        "moments_left_out": 0,
        "points": [
            {**_NOW, "as_of": "2026-05-01T08:00:00Z", **_EARLIER},
            {**_NOW, "as_of": "2026-05-20T12:00:00Z"},
        ],
        "request_id": REQUEST_ID,
    },
    "leads": {
        "leads": [
            {
                **SCORE,
                "rank": 1,
                "account_id": "A-7",
                "source": "referral",
                "created_at": "2026-05-01T08:00:00Z",
            }
        ],
        "next_cursor": write_cursor((1, 0.08, "L-1042")),
        "total": 214,
        "bands": ["A", "B", "C", "D"],
        "request_id": REQUEST_ID,
    },
    "scores": {
        "scores": [SCORE],
        "next_cursor": None,
        "updated_until": "2026-05-20T12:00:00Z",
        "request_id": REQUEST_ID,
    },
    "quarantine": {
        "items": [
            {
                "source": "crm",
                "lead_id": "L-1042",
                "item": "interactions",
                "reason": OTHER_CONTENT,
                "received_at": "2026-05-19T16:31:10Z",
                "sent": {
                    "interaction_id": "crm-77",
                    "lead_id": "L-1042",
                    "kind": "demo_held",
                    "occurred_at": "2026-05-19T16:30:00Z",
                },
            }
        ],
        "next_cursor": None,
        "request_id": REQUEST_ID,
    },
    "health": {
        "ingestion": {
            "interactions": {
                "received": 5210,
                "stored": 5190,
                "duplicate": 18,
                "quarantined": 1,
                "refused": 1,
            },
            "outcomes": {"received": 96, "stored": 95, "duplicate": 1, "quarantined": 0, "refused": 0},
        },
        "quarantine": {OTHER_CONTENT: 1},
        "leads": {
            "stored": 310,
            "open": 214,
            "closed": 95,
            "not_yet_scored": 1,
            "of_another_version": 0,
            "oldest_as_of": "2026-05-20T02:00:00Z",
        },
        "model": {
            "model_version": "3",
            "created_at": "2026-05-18T12:00:00Z",
            "observed_until": "2026-05-18T00:00:00Z",
            "age_days": 2.0,
            "observed_age_days": 2.5,
            "refused": None,
        },
        "request_id": REQUEST_ID,
    },
}
