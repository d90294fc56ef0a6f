"""The current score of every lead, which the ranked list reads, and which leads need a new one.

A row equals `GET /v1/leads/{id}/score` at its own `as_of` and model version, and holds what the list is
sorted and filtered by. Leads that converted or were lost have a row without a priority.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from features.errors import LeadOddsError
from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from serving.database.schema import (
    ACCOUNT_CHANGES,
    CURRENT_SCORES,
    INSTANTS,
    LISTS,
    SALES_ATTRIBUTES,
    STORE,
    replacing,
)
from serving.database.writer import Receipt
from serving.errors import LeadUnknownError
from serving.intake.leads import with_their_accounts
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.body_leads import add_notes
from serving.scoring.json_rows import JsonObject, failed_object
from serving.scoring.lead_requests import LeadRequest, score_each
from serving.scoring.predictor import Predictor
from serving.store.evidence import Evidence, read_evidence
from serving.stored_leads.score_lead import ScoreOptions, known_values, request_of_evidence
from serving.stored_leads.set_aside import set_aside_until

_LOG: Final = logging.getLogger("leadodds.serving")

SOURCE_ATTRIBUTE: Final = "source"
# Attributes with a column of their own.
_OWN_COLUMNS: Final = (SOURCE_ATTRIBUTE, *SALES_ATTRIBUTES)
_CHANGING: Final = (ACCOUNT_CHANGES, ATTRIBUTE_CHANGES, INTERACTIONS, OUTCOMES)
_SEARCH_LENGTH: Final = 500
# Ranks below every lead with a number.
_FAILED_PRIORITY: Final = -1.0
_IDS_AT_ONCE: Final = 500


def changed_leads(connection: sa.Connection, predictor: Predictor, *, since: int) -> list[str]:
    """Finds the leads whose score may have changed after a transaction.

    Args:
        connection: in a transaction.
        predictor: scores the leads; where it reads accounts, a change concerns all leads of the account.
        since: number of the transaction.
    """
    # No join, because SQLite would scan all leads. The empty text keeps DISTINCT from a scan of all
    # interactions in the order of their leads.
    queries = [
        sa.select(table.c.lead_id + "").distinct().where(table.c.sequence > since) for table in _CHANGING
    ]
    ids = sorted({lead_id for query in queries for lead_id in connection.scalars(query)})
    parts = [ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE)]
    if predictor.reads_account:
        return sorted({lead_id for part in parts for lead_id in with_their_accounts(connection, part)})
    stored = [sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(part)) for part in parts]
    return [lead_id for query in stored for lead_id in connection.scalars(query)]


def aged_leads(connection: sa.Connection, *, version: str, before: int, limit: int) -> list[str]:
    """Finds open leads whose score is of another version, or as of an earlier moment."""
    current = CURRENT_SCORES.c
    is_open = current.priority.is_not(None)
    # Three ranges of one index; "not this version" would scan every row.
    ranges = (
        current.model_version < version,
        current.model_version > version,
        (current.model_version == version) & (current.as_of < before),
    )
    found: list[str] = []
    for is_aged in ranges:
        aged = sa.select(current.lead_id).where(is_open, is_aged).limit(limit - len(found))
        found.extend(connection.scalars(aged))
    return found


def score_current(
    connection: sa.Connection, predictor: Predictor, lead_ids: Sequence[str], *, now: int
) -> list[dict[str, Any]]:
    """Scores leads in one pass and makes their rows; a lead that cannot be scored gets the status failed.

    Returns:
        The rows in the order of the leads, without leads that no longer exist.
    """
    accounts: dict[str, InteractionInputs] = {}
    found = [_read(connection, predictor, lead_id, accounts) for lead_id in lead_ids]
    leads = [evidence for evidence in found if evidence is not None]
    # The clock of a source may be ahead, and a lead is not scored before it was created.
    moments = [max(now, evidence.lead.created_at) for evidence in leads]
    requests = [
        _request(predictor, evidence, as_of, now=now) for evidence, as_of in zip(leads, moments, strict=True)
    ]
    scores = [
        _score(predictor, evidence, request, reply, now=now)
        for evidence, request, reply in zip(leads, requests, score_each(requests), strict=True)
    ]
    return [
        _row(score, evidence, as_of=as_of, scored_at=now)
        for evidence, as_of, score in zip(leads, moments, scores, strict=True)
    ]


def write_current(
    connection: sa.Connection,
    receipt: Receipt,  # noqa: ARG001 - the signature is the writer's
    *,
    rows: Sequence[Mapping[str, Any]],
    rescored: int | None,
) -> None:
    """Writes the rows of leads that still exist, and up to which transaction all leads are scored."""
    ids = [row["lead_id"] for row in rows]
    existing = set(connection.scalars(sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(ids))))
    if written := [row for row in rows if row["lead_id"] in existing]:
        connection.execute(replacing(connection, CURRENT_SCORES, unless_older="sequence"), written)
    if rescored is not None:
        connection.execute(sa.update(STORE).values(rescored=rescored))


def _read(
    connection: sa.Connection, predictor: Predictor, lead_id: str, accounts: dict[str, InteractionInputs]
) -> Evidence | None:
    try:
        return read_evidence(
            connection,
            lead_id,
            with_account=predictor.reads_account,
            text_rule=predictor.text_rule,
            accounts=accounts,
        )
    except LeadUnknownError:
        # Erased since it was found.
        return None


def _request(predictor: Predictor, evidence: Evidence, as_of: int, *, now: int) -> LeadRequest | Exception:
    try:
        return request_of_evidence(predictor, evidence, ScoreOptions(as_of), now=now)
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their place in the list
        return error


def _score(
    predictor: Predictor,
    evidence: Evidence,
    request: LeadRequest | Exception,
    reply: JsonObject | Exception,
    *,
    now: int,
) -> JsonObject:
    if isinstance(reply, LeadOddsError):
        raise reply
    if isinstance(reply, Exception) or isinstance(request, Exception):
        _LOG.error("a lead of the list met a defect: %s", type(reply).__name__)
        return failed_object(predictor, lead_id=evidence.lead.lead_id, scored_at=now)
    return add_notes(reply, request)


def _row(score: JsonObject, evidence: Evidence, *, as_of: int, scored_at: int) -> dict[str, Any]:
    lead = evidence.lead
    texts = {name: value for name, value in known_values(lead.values, as_of).items() if value.text}
    own = {name: score[name] for name in SCORE_COLUMNS if name not in (*INSTANTS, *LISTS)}
    names = [lead.lead_id, lead.account_id or ""]
    names += [value.text or "" for value in texts.values() if value.type == "category"]
    return {
        **own,
        **{name: to_json(score[name]).decode() for name in (*LISTS, "notes")},
        "as_of": as_of,
        "scored_at": scored_at,
        "priority": _priority(score),
        "created_at": lead.created_at,
        "account_id": lead.account_id,
        **{name: texts[name].text if name in texts else None for name in _OWN_COLUMNS},
        "set_aside_until": set_aside_until(evidence.interactions, as_of),
        "search_text": "\n".join(names).casefold()[:_SEARCH_LENGTH],
        "sequence": lead.sequence,
    }


def _priority(score: JsonObject) -> object:
    """Returns what the nightly ranking sorts by; None for a closed lead."""
    if score["status"] == "failed":
        return _FAILED_PRIORITY
    return score["probability"] if score["expected_value"] is None else score["expected_value"]
