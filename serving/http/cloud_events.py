"""A score as a CloudEvent, for brokers and functions that take these.

Source: CloudEvents 1.0.2, "Required attributes" and "JSON Format", https://github.com/cloudevents/spec.
"""

from __future__ import annotations

import hashlib
from typing import Final

from pydantic_core import to_json

from serving.scoring.json_rows import JsonObject

EVENT_TYPE: Final = "leadodds.lead.scored"
# Two rows with the same of all of these are the same score.
_IDENTITY: Final = ("lead_id", "horizon_days", "as_of", "model_version", "scored_at")
_ID_BYTES: Final = 16


def score_event(row: JsonObject) -> JsonObject:
    """Makes the event of a row; the same row always gets the same id, so that receivers can drop repeats."""
    identity = to_json([row[name] for name in _IDENTITY])
    return {
        "specversion": "1.0",
        "id": hashlib.blake2b(identity, digest_size=_ID_BYTES).hexdigest(),
        "source": "/v1/scores",
        "type": EVENT_TYPE,
        "subject": row["lead_id"],
        "time": row["scored_at"],
        "datacontenttype": "application/json",
        "data": row,
    }
