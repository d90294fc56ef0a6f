"""Examples of response bodies for OpenAPI, by operation; tests check them against the schemas.

Those of the server and its model stand in `server_examples`.
"""

from __future__ import annotations

from typing import Any, Final

from serving.http.cloud_events import score_event
from serving.http.list_queries import write_cursor
from serving.http.openapi.server_examples import REQUEST_ID, SERVER_EXAMPLES
from serving.http.route_scopes import TRACKING
from serving.intake.ingest import OTHER_CONTENT

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
    "held_out": False,
    "notes": [],
}
_COUNTS: Final = {
    "received": 1,
    "stored": 1,
    "duplicate": 0,
    "quarantined": 0,
    "refused": 0,
    "request_id": REQUEST_ID,
}


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

_FEED: Final = {
    "next_cursor": None,
    "resume_cursor": write_cursor((None, 1042, "", 0.0, 0, "")),
    "updated_until": "2026-05-20T12:00:00Z",
    "request_id": REQUEST_ID,
}
EXAMPLES: Final[dict[str, Any]] = {
    **SERVER_EXAMPLES,
    "score": {**SCORE, "request_id": REQUEST_ID},
    "leadScore": {**SCORE, "score_id": "0f8c1b0e5d9a4c0c8b7f2a6d3e914b57", "request_id": REQUEST_ID},
    "leadScores": {
        "request_id": REQUEST_ID,
        "scores": [{**SCORE, "errors": [], "score_id": "0f8c1b0e5d9a4c0c8b7f2a6d3e914b57"}],
    },
    "scoreBatch": {"request_id": REQUEST_ID, "scores": [{**SCORE, "errors": []}]},
    "putLead": {"lead_id": "L-1042", "changed": ["country"], "notes": [], "request_id": REQUEST_ID},
    "patchLead": {"lead_id": "L-1042", "changed": ["country"], "notes": [], "request_id": REQUEST_ID},
    "addInteractions": {
        **_COUNTS,
        "interactions": [{"interaction_id": "crm-77", "lead_id": "L-1042", "status": "stored"}],
    },
    **{
        f"tracking{call.removeprefix('/v1/').capitalize()}": {
            "success": True,
            **_COUNTS,
            "batch": [{"messageId": "ajs-next-1", "status": "stored"}],
        }
        for call in sorted(TRACKING)
    },
    "addAliases": {
        **_COUNTS,
        "aliases": [{"alias_id": "visitor-8f2c", "lead_id": "L-1042", "status": "stored"}],
    },
    "addLeads": {**_COUNTS, "leads": [{"lead_id": "L-1042", "status": "stored"}]},
    "addOutcomes": {**_COUNTS, "outcomes": [{"lead_id": "L-1042", "status": "stored"}]},
    "lead": {
        "lead_id": "L-1042",
        "created_at": "2026-05-01T08:00:00Z",
        "account_id": "A-7",
        "attributes": {"company_size": 120.0, "country": "DE", "has_budget": True},
        "outcome": None,
        "record_url": None,
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
                "is_automated": None,
            }
        ],
        "request_id": REQUEST_ID,
    },
    "eraseLead": {"lead_id": "L-1042", "erased": {"leads": 1, "interactions": 3}, "request_id": REQUEST_ID},
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
                "owner": "Kim Lee",
                "territory": None,
                "sales": "inside",
                "created_at": "2026-05-01T08:00:00Z",
                "set_aside_until": None,
                "display": {"company": "Acme"},
                "record_url": "https://crm.example.com/leads/L-1042",
            }
        ],
        "next_cursor": write_cursor((1, 0.08, "L-1042")),
        "total": 214,
        "bands": ["A", "B", "C", "D"],
        "display": ["company"],
        "request_id": REQUEST_ID,
    },
    "scores": {"scores": [SCORE], **_FEED},
    "scoreEvents": {"events": [score_event(SCORE)], **_FEED},
    "hook": {"status": "stored", "request_id": REQUEST_ID},
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
}
