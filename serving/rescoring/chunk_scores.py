"""Scores some leads of the store in one pass of the predictor, and makes their rows of the current scores."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from features.errors import LeadOddsError
from features.history.known import is_still_own
from features.history.lead_history import Ints, LeadHistory
from features.inputs.interaction_inputs import NO_INTERACTIONS
from features.inputs.lead_inputs import LeadInput
from serving.rescoring.store_chunk import read_chunk
from serving.scoring.json_rows import JsonObject, failed_object, score_objects
from serving.scoring.notes import notes_of
from serving.scoring.predictor import Predictor
from serving.store.records import Evidence, StoredLead
from serving.stored_leads.current_scores import row_of_score
from serving.stored_leads.score_lead import lead_of_evidence

_LOG: Final = logging.getLogger("leadodds.serving")


def score_chunk(
    connection: sa.Connection, predictor: Predictor, lead_ids: Sequence[str], *, now: int
) -> list[dict[str, Any]]:
    """Scores leads; one that cannot be scored gets the status failed, and costs no other its score.

    Args:
        connection: in a transaction.
        predictor: scores the leads.
        lead_ids: of the leads, best whole accounts: each is read once then.
        now: microseconds UTC; a lead that is created later, by a clock that is ahead, is scored as of then.

    Returns:
        The rows, without leads that no longer exist.
    """
    chunk = read_chunk(connection, predictor, lead_ids)
    history = chunk.history
    places = pc.index_in(pa.array(sorted({*lead_ids}), pa.string()), history.lead_ids).drop_null()
    leads = np.asarray(places, np.int64)
    # Who became an alias has no row; its survivor changed, too.
    leads = leads[is_still_own(history, leads, now)]
    as_of = np.maximum(history.created_at[leads], now)
    moments = dict(zip(leads.tolist(), as_of.tolist(), strict=True))
    rows = []
    for place, score in _objects(predictor, history, leads, as_of, now):
        lead = chunk.leads[history.lead_ids[place].as_py()]
        if "notes" not in score:
            score["notes"] = notes_of(predictor, _named(predictor, lead, moments[place]))
        interactions = chunk.set_aside.get(lead.lead_id, NO_INTERACTIONS)
        rows.append(row_of_score(score, lead, interactions, as_of=moments[place], scored_at=now))
    return rows


def _named(predictor: Predictor, lead: StoredLead, as_of: int) -> LeadInput:
    """Makes the lead without its interactions: notes are about attributes and the account."""
    evidence = Evidence(lead, NO_INTERACTIONS, NO_INTERACTIONS)
    return lead_of_evidence(predictor, evidence, as_of=as_of)


def _objects(
    predictor: Predictor, history: LeadHistory, leads: Ints, as_of: Ints, now: int
) -> Iterator[tuple[int, JsonObject]]:
    """Scores leads together; where that fails, halves them until the lead at fault is alone."""
    ids = history.lead_ids.take(pa.array(leads)).to_pylist()
    try:
        scores = predictor.score(history, leads, as_of, reasons=3)
        objects = score_objects(
            predictor, scores, lead_ids=ids, as_of=as_of.tolist(), scored_at=[now] * len(ids)
        )
    except (LeadOddsError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their place in the list
        if len(leads) > 1:
            middle = len(leads) // 2
            yield from _objects(predictor, history, leads[:middle], as_of[:middle], now)
            yield from _objects(predictor, history, leads[middle:], as_of[middle:], now)
            return
        _LOG.error("a lead of the list met a defect: %s", type(error).__name__)
        objects = [failed_object(predictor, lead_id=ids[0], scored_at=now)]
    yield from zip(leads.tolist(), objects, strict=True)
