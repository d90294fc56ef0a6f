"""The score of every lead as it stands: what the ranked list is read from, and who is to be scored anew.

A row is the answer of `GET /v1/leads/{id}/score` at its own `as_of` by its own model version, with what the
list is ordered and filtered by beside it. Leads that converted or were lost have a row without a priority.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from features.errors import LeadOddsError
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from serving.database.schema import ACCOUNT_CHANGES, CURRENT_SCORES, INSTANTS, LISTS, STORE, replacing
from serving.database.writer import Receipt
from serving.errors import LeadUnknownError
from serving.intake.leads import with_their_accounts
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.json_rows import JsonObject, failed_object
from serving.scoring.lead_requests import LeadRequest, score_each
from serving.scoring.predictor import Predictor
from serving.store.evidence import Evidence, read_evidence
from serving.stored_leads.score_lead import ScoreOptions, known_values, request_of_evidence

_LOG: Final = logging.getLogger("leadodds.serving")

SOURCE_ATTRIBUTE: Final = "source"
_CHANGING: Final = (ACCOUNT_CHANGES, ATTRIBUTE_CHANGES, INTERACTIONS, OUTCOMES)
_SEARCH_LENGTH: Final = 500
# Ranks below every lead with a number.
_FAILED_PRIORITY: Final = -1.0
_IDS_AT_ONCE: Final = 500


def changed_leads(connection: sa.Connection, predictor: Predictor, *, since: int) -> list[str]:
    """Finds the leads whose score may have changed after a transaction.

    Args:
        connection: in a transaction.
        predictor: that answers; whether it reads accounts decides whom a change concerns.
        since: number of the transaction.
    """
    # No join: SQLite would walk over all leads every time. Nor would a plain DISTINCT do: it would walk over
    # all interactions, in the order of their leads, which the added nothing keeps it from.
    told = [sa.select(table.c.lead_id + "").distinct().where(table.c.sequence > since) for table in _CHANGING]
    ids = sorted({lead_id for one in told for lead_id in connection.scalars(one)})
    parts = [ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE)]
    if predictor.reads_account:
        return sorted({one for part in parts for one in with_their_accounts(connection, part)})
    kept = sa.select(LEADS.c.lead_id)
    return [one for part in parts for one in connection.scalars(kept.where(LEADS.c.lead_id.in_(part)))]


def aged_leads(connection: sa.Connection, *, version: str, before: int, limit: int) -> list[str]:
    """Finds open leads whose score is of another version, or was made as of a moment before this one."""
    current = CURRENT_SCORES.c
    is_open = current.priority.is_not(None)
    # Three ranges of one index; "is not this version" would look at every row.
    ranges = (
        current.model_version < version,
        current.model_version > version,
        (current.model_version == version) & (current.as_of < before),
    )
    found: list[str] = []
    for one in ranges:
        aged = sa.select(current.lead_id).where(is_open, one).limit(limit - len(found))
        found.extend(connection.scalars(aged))
    return found


def score_current(
    connection: sa.Connection, predictor: Predictor, lead_ids: Sequence[str], *, now: int
) -> list[dict[str, Any]]:
    """Scores leads together and writes their rows; a lead that cannot be scored has a row that says so.

    Returns:
        The rows, in the order of the leads, but of those that are gone.
    """
    kept = [one for lead_id in lead_ids if (one := _read(connection, predictor, lead_id)) is not None]
    # The clock of a source may be ahead of ours, and a lead is not scored before it was created.
    moments = [max(now, evidence.lead.created_at) for evidence in kept]
    answers = score_each(
        [_ask(predictor, one, as_of, now=now) for one, as_of in zip(kept, moments, strict=True)]
    )
    return [
        _row(_told(predictor, evidence, answer, now=now), evidence, as_of=as_of, scored_at=now)
        for evidence, as_of, answer in zip(kept, moments, answers, strict=True)
    ]


def write_current(
    connection: sa.Connection,
    receipt: Receipt,  # noqa: ARG001 - the signature is the writer's
    *,
    rows: Sequence[Mapping[str, Any]],
    rescored: int | None,
) -> None:
    """Writes rows of leads that are still there, and up to which transaction all leads were scored."""
    ids = [row["lead_id"] for row in rows]
    there = set(connection.scalars(sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(ids))))
    if kept := [row for row in rows if row["lead_id"] in there]:
        connection.execute(replacing(connection, CURRENT_SCORES, unless_older="sequence"), kept)
    if rescored is not None:
        connection.execute(sa.update(STORE).values(rescored=rescored))


def _read(connection: sa.Connection, predictor: Predictor, lead_id: str) -> Evidence | None:
    try:
        return read_evidence(connection, lead_id, with_account=predictor.reads_account)
    except LeadUnknownError:
        # Erased since it was taken.
        return None


def _ask(predictor: Predictor, evidence: Evidence, as_of: int, *, now: int) -> LeadRequest | Exception:
    try:
        return request_of_evidence(predictor, evidence, ScoreOptions(as_of), now=now)
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their place in the list
        return error


def _told(
    predictor: Predictor, evidence: Evidence, answer: JsonObject | Exception, *, now: int
) -> JsonObject:
    if isinstance(answer, LeadOddsError):
        raise answer
    if isinstance(answer, Exception):
        _LOG.error("a lead of the list met a defect: %s", type(answer).__name__)
        return failed_object(predictor, lead_id=evidence.lead.lead_id, scored_at=now)
    return answer


def _row(answer: JsonObject, evidence: Evidence, *, as_of: int, scored_at: int) -> dict[str, Any]:
    lead = evidence.lead
    texts = {name: value for name, value in known_values(lead.values, as_of).items() if value.text}
    source = texts.get(SOURCE_ATTRIBUTE)
    own = {name: answer[name] for name in SCORE_COLUMNS if name not in (*INSTANTS, *LISTS)}
    names = [lead.lead_id, lead.account_id or ""]
    names += [value.text or "" for value in texts.values() if value.type == "category"]
    return {
        **own,
        **{name: to_json(answer[name]).decode() for name in LISTS},
        "as_of": as_of,
        "scored_at": scored_at,
        "priority": _priority(answer),
        "created_at": lead.created_at,
        "account_id": lead.account_id,
        "source": None if source is None else source.text,
        "search_text": "\n".join(names).casefold()[:_SEARCH_LENGTH],
        "sequence": lead.sequence,
    }


def _priority(answer: JsonObject) -> object:
    """Gives the number that the nightly ranking sorts by; None for a closed lead."""
    if answer["status"] == "failed":
        return _FAILED_PRIORITY
    return answer["probability"] if answer["expected_value"] is None else answer["expected_value"]
