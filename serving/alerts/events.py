"""What an alert says: an event for machines, with a title and a text for people in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from features.times import US_PER_HOUR, format_time
from serving.alerts.config import Kind
from serving.alerts.verdicts import Verdict
from serving.scoring.json_rows import JsonObject
from serving.scoring.reasons import reasons_line

TYPES: Final[Mapping[Kind, str]] = {
    "entered": "lead.entered_highest_band",
    "left": "lead.left_highest_band",
    "waiting": "lead.waiting",
    "verdict": "model.verdict",
}
TEST_TYPE: Final = "test"
_ACTIONS: Final = {
    "wait": "repair its inputs, and do not train until then",
    "level_shift": "shift its level",
    "retrain": "retrain it",
    "roll_back": "roll back to the version before",
}
_COLUMNS: Final = (
    *("lead_id", "account_id", "status", "band", "stage", "prospect", "probability", "probability_low"),
    *("probability_high", "expected_value", "horizon_days", "model_version", "owner", "territory"),
)
_LONG_HOURS: Final = 48


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What an alert says of a lead.

    Attributes:
        row: of the current scores.
        display: attributes that people see beside the lead, by name.
        page_url: of the lead on LeadOdds' page; None without one.
        record_url: of the lead in the CRM; None without one.
    """

    row: Mapping[str, Any]
    display: Mapping[str, str | None]
    page_url: str | None
    record_url: str | None

    @property
    def name(self) -> str:
        """What people call the lead: what is shown of it, else its id."""
        known = [text for text in self.display.values() if text]
        return ", ".join(dict.fromkeys(known)) or str(self.row["lead_id"])


def lead_event(kind: Kind, facts: LeadFacts, *, top: str, now: int, waiting_since: int | None) -> JsonObject:
    """Makes the event of a lead.

    Args:
        kind: of the alert.
        facts: of the lead.
        top: name of the highest band.
        now: microseconds UTC.
        waiting_since: microseconds UTC; None where the lead does not wait.
    """
    row = facts.row
    waiting = None if waiting_since is None else (now - waiting_since) / US_PER_HOUR
    title = _title(kind, facts.name, top=top, band=row["band"], waiting_hours=waiting)
    own = {name: row[name] for name in _COLUMNS}
    return {
        "type": TYPES[kind],
        "timestamp": format_time(now),
        "data": {
            **own,
            "as_of": format_time(row["as_of"]),
            "waiting_hours": waiting,
            "display": dict(facts.display),
            "reasons": json.loads(row["reasons"]),
            "page_url": facts.page_url,
            "record_url": facts.record_url,
            "title": title,
            "text": _text(row, waiting),
        },
    }


def verdict_event(verdict: Verdict, *, now: int, page_url: str | None) -> JsonObject:
    """Makes the event of a line of the monitoring's verdict."""
    advice = _ACTIONS.get(verdict.action, verdict.action.replace("_", " "))
    return {
        "type": TYPES["verdict"],
        "timestamp": format_time(now),
        "data": {
            "action": verdict.action,
            "page_url": page_url,
            "record_url": None,
            "title": f"The monitoring of the model advises: {advice}",
            "text": verdict.text,
        },
    }


def message_event(hook: str, *, now: int) -> JsonObject:
    """Makes the event of a message that only tests a hook."""
    return {
        "type": TEST_TYPE,
        "timestamp": format_time(now),
        "data": {
            "page_url": None,
            "record_url": None,
            "title": f"A test of the hook {hook}",
            "text": "LeadOdds reaches this hook. Nothing is to be done.",
        },
    }


def facts_of(event: JsonObject) -> Sequence[tuple[str, str]]:
    """Lists what stands beside the text: name and value."""
    own: Any = event["data"]
    named = (("Owner", own.get("owner")), ("Territory", own.get("territory")), ("Lead", own.get("lead_id")))
    return [(name, value) for name, value in named if value]


def _title(kind: Kind, name: str, *, top: str, band: str | None, waiting_hours: float | None) -> str:
    if kind == "entered":
        return f"{name} is in band {top} now"
    if kind == "left":
        return f"{name} fell out of band {top}" + (f", to {band}" if band else "")
    return f"{name} waits for an answer for {_duration(waiting_hours or 0.0)}"


def _duration(hours: float) -> str:
    """Writes a time as people say it.

    >>> _duration(5.2), _duration(75.0)
    ('5 hours', '3 days')
    """
    return f"{hours:.0f} hours" if hours < _LONG_HOURS else f"{hours / 24:.0f} days"


def _text(row: Mapping[str, Any], waiting_hours: float | None) -> str:
    parts = []
    if row["probability"] is not None:
        chance = f"{100 * row['probability']:.1f}".removesuffix(".0")
        parts.append(f"Chance to convert within {row['horizon_days']:g} days: {chance} %.")
    if waiting_hours is not None:
        parts.append(f"Waits for an answer for {_duration(waiting_hours)}.")
    if why := reasons_line(json.loads(row["reasons"])):
        parts.append(f"Why: {why}.")
    return " ".join(parts)
