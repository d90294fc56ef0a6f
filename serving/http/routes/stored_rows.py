"""Writes rows of the store as the JSON objects of responses."""

from __future__ import annotations

from collections.abc import Sequence

from features.history.outcomes import current_outcome
from features.times import format_time
from serving.bodies.json_faults import sent_ids
from serving.errors import fault_records
from serving.intake.counts import count_verdicts
from serving.intake.items import Verdict
from serving.scoring.json_rows import JsonObject
from serving.store.records import StoredLead, StoredValue, TimelineEntry
from serving.stored_leads.score_lead import known_values


def items_object(verdicts: Sequence[Verdict], items: Sequence[object], *, list_name: str) -> JsonObject:
    """Writes the counts of items by status, then the status of each item in the order sent."""
    numbered = enumerate(zip(verdicts, items, strict=True))
    return {
        **count_verdicts(verdicts, items),
        list_name: [_item(verdict, sent, f"/{list_name}/{place}") for place, (verdict, sent) in numbered],
    }


def lead_object(lead: StoredLead, timeline: Sequence[TimelineEntry], *, now: int) -> JsonObject:
    """Writes a lead with its timeline."""
    return {
        "lead_id": lead.lead_id,
        "created_at": format_time(lead.created_known(now)),
        "account_id": lead.account_id,
        "attributes": {
            name: _attribute(value) for name, value in sorted(known_values(lead.values, now).items())
        },
        "outcome": _outcome(lead),
        "interactions": [_entry(entry) for entry in timeline],
    }


def _item(verdict: Verdict, sent: object, path: str) -> JsonObject:
    ids = sent_ids(sent)
    item: JsonObject = {
        name: ids[name]
        for name in ("interaction_id", "messageId", "alias_id", "lead_id")
        if isinstance(ids.get(name), str)
    }
    if verdict.lead_id is not None:
        item["lead_id"] = verdict.lead_id
    item["status"] = verdict.status
    if verdict.reason:
        item["reason"] = verdict.reason
    if verdict.faults:
        records = fault_records(verdict.faults)
        item.setdefault("reason", records[0]["message"])
        item["errors"] = [{**record, "path": path + record["path"]} for record in records]
    return item


def _attribute(value: StoredValue) -> float | str | bool | None:
    if value.text is None or value.type == "category":
        return value.text
    return value.text == "true" if value.type == "boolean" else float(value.text)


def _outcome(lead: StoredLead) -> JsonObject | None:
    outcome = current_outcome(lead.outcomes, created_at=lead.created_at)
    if outcome is None:
        return None
    return {
        "outcome": outcome.outcome,
        "occurred_at": format_time(outcome.occurred_at),
        "available_at": format_time(outcome.available_at),
        "amount": outcome.amount,
    }


def _entry(entry: TimelineEntry) -> JsonObject:
    own = entry._asdict()
    further = own.pop("further")
    times = {name: format_time(own[name]) for name in ("occurred_at", "available_at")}
    return {**further, **own, **times}
