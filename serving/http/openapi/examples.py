"""What the routes answer, by operation, for people who read OpenAPI; tests hold them against the schemas."""

from __future__ import annotations

from typing import Any, Final

from serving.http.openapi.example_score import REQUEST_ID, SCORE
from serving.http.openapi.list_examples import LIST_ANSWERS

_COUNTS: Final = {
    "received": 1,
    "stored": 1,
    "duplicate": 0,
    "quarantined": 0,
    "refused": 0,
    "request_id": REQUEST_ID,
}

ANSWERS: Final[dict[str, Any]] = {
    "score": {**SCORE, "request_id": REQUEST_ID},
    "leadScore": {**SCORE, "score_id": "0f8c1b0e5d9a4c0c8b7f2a6d3e914b57", "request_id": REQUEST_ID},
    "scoreBatch": {"request_id": REQUEST_ID, "scores": [{**SCORE, "errors": []}]},
    "model": {"format_version": 1, "model_version": "3", "horizon_days": 30.0, "request_id": REQUEST_ID},
    "modelTerms": {
        "model_version": "3",
        "horizon_days": 30.0,
        "curves": [
            {
                "feature": "call_count_7d",
                "label": "Calls in the last 7 days",
                "missing": "",
                "bins": ["missing", "< 1", "≥ 1"],
                "points": [0.0, -0.2, 0.6],
                "share": [0.0, 0.75, 0.25],
                "weight": 0.3,
            }
        ],
        "pairs": [],
        "request_id": REQUEST_ID,
    },
    "modelVersions": {
        "champion": "3",
        "answering": "3",
        "versions": [
            {
                "model_version": "3",
                "created_at": "2026-05-18T12:00:00Z",
                "observed_until": "2026-05-18T00:00:00Z",
                "horizon_days": 30.0,
                "feature_set": "b611ba6ec89b",
                "metrics": {"log_loss": {"value": 0.113, "low": 0.108, "high": 0.118, "n": 20480}},
                "promoted_at": ["2026-05-18T12:04:31Z"],
                "fault": None,
            }
        ],
        "versions_left_out": 0,
        "request_id": REQUEST_ID,
    },
    "livez": {"status": "alive", "request_id": REQUEST_ID},
    "readyz": {"status": "ready", "model_version": "3", "refused": None, "request_id": REQUEST_ID},
    "metrics": 'leadodds_requests_total{method="POST",route="/v1/score",status="200"} 12.0\n',
    "putLead": {"lead_id": "L-1042", "changed": ["country"], "request_id": REQUEST_ID},
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
        "request_id": REQUEST_ID,
    },
    "eraseLead": {"lead_id": "L-1042", "erased": {"leads": 1, "interactions": 3}, "request_id": REQUEST_ID},
    **LIST_ANSWERS,
}
