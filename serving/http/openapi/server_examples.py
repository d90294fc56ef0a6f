"""Examples of what the server says of itself and of its model, by operation."""

from __future__ import annotations

from typing import Any, Final

from serving.intake.ingest import OTHER_CONTENT

REQUEST_ID: Final = "crm-42"
SERVER_EXAMPLES: Final[dict[str, Any]] = {
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
        "decisions": [
            {
                "at": "2026-05-18T12:04:31Z",
                "action": "promote",
                "version": "3",
                "before": "2",
                "by": "leadodds",
                "reason": "Every rule of the gate held.",
                "done": True,
            }
        ],
        "decisions_left_out": 0,
        "request_id": REQUEST_ID,
    },
    "modelMonitor": {
        "monitor": {
            "as_of": "2026-06-18T02:00:00Z",
            "observed_until": "2026-06-18T01:00:00Z",
            "horizon_days": 30.0,
            "champion": "3",
            "verdict": {
                "action": "wait",
                "flagged": False,
                "sentence": "wait: nothing to do, no limit is crossed.",
                "lines": [],
            },
            "expected_observed": {
                "recent": {
                    "name": "the last horizon",
                    "scores": 39174,
                    "expected": 551.5,
                    "observed": 560,
                    "ratio": {"value": 1.015, "low": 0.91, "high": 1.13, "n": 39174},
                    "complete_share": 0.0,
                },
                "last_complete": None,
                "by": {},
            },
        },
        "request_id": REQUEST_ID,
    },
    "livez": {"status": "alive", "request_id": REQUEST_ID},
    "readyz": {
        "status": "ready",
        "model_version": "3",
        "refused": None,
        "scores": {"oldest_as_of": "2026-06-01T02:15:00Z", "leads_pending": 0},
        "alerts": {"pending": 0, "given_up": 0},
        "request_id": REQUEST_ID,
    },
    "metrics": 'leadodds_requests_total{method="POST",route="/v1/score",status="200"} 12.0\n',
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
            "aliases": {"received": 12, "stored": 12, "duplicate": 0, "quarantined": 0, "refused": 0},
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
        "alerts": [
            {
                "hook": "sales",
                "pending": 0,
                "given_up": 0,
                "delivered": 42,
                "oldest_pending_at": None,
                "delivered_at": "2026-05-20T07:58:12Z",
                "fault": None,
            }
        ],
        "request_id": REQUEST_ID,
    },
}
