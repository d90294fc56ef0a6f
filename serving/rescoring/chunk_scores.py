"""Scores some leads of the store in one pass of the predictor, and makes their rows of the current scores."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pydantic_core import to_json

from features.history.known import is_still_own
from features.history.lead_history import LeadHistory
from features.inputs.interaction_inputs import NO_INTERACTIONS
from serving.rescoring.store_chunk import StoreChunk, read_chunk
from serving.scoring.arrow_rows import SCORE_SCHEMA, priorities, score_table
from serving.scoring.isolation import score_isolated
from serving.scoring.notes import meant_kinds, noted_of, notes_of
from serving.scoring.predictor import Predictor
from serving.store.records import Evidence, StoredLead, StoredValue
from serving.stored_leads.current_scores import CurrentLead, CurrentRow, current_rows
from serving.stored_leads.score_lead import known_values_of, lead_of_evidence, value_as
from serving.stored_leads.set_aside import set_aside_until

_LOG: Final = logging.getLogger("leadodds.serving")

_Noted = tuple[bool, bool, bool]


def score_chunk(
    connection: sa.Connection, predictor: Predictor, lead_ids: Sequence[str], *, now: int
) -> list[CurrentRow]:
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
    tables, priority = [SCORE_SCHEMA.empty_table()], [np.empty(0)]
    for part, scores in score_isolated(predictor, history, leads, as_of, reasons=3):
        for why in scores.failures.values():
            _LOG.error("a lead of the list has no score: %s", why.partition(":")[0])
        ids = history.lead_ids.take(pa.array(part))
        tables.append(score_table(predictor, scores, ids, scored_at=now))
        priority.append(priorities(scores))
    scored = pa.concat_tables(tables)
    stored = [chunk.leads[lead_id] for lead_id in scored["lead_id"].to_pylist()]
    known = known_values_of([lead.values for lead in stored], as_of)
    notes, protected = _Notes(predictor), predictor.settings.protected
    kinds = _kinds_meant(predictor, history, now)
    own = [
        CurrentLead(
            lead,
            {name: value for name, value in values.items() if name not in protected} if protected else values,
            notes.of(lead, values, at, kinds.get(lead.lead_id, frozenset())),
            _set_aside(chunk, lead.lead_id, at, predictor),
        )
        for lead, values, at in zip(stored, known, as_of.tolist(), strict=True)
    ]
    return current_rows(scored, own, as_of, np.concatenate(priority))


def _set_aside(chunk: StoreChunk, lead_id: str, as_of: int, predictor: Predictor) -> int | None:
    interactions = chunk.set_aside.get(lead_id)
    return None if interactions is None else set_aside_until(interactions, as_of, predictor.settings)


def _kinds_meant(predictor: Predictor, history: LeadHistory, now: int) -> dict[str, frozenset[str]]:
    """Finds by lead the kinds of the model that its known interactions are written otherwise than."""
    rows = history.interactions
    meant = {
        code: found for code, kind in enumerate(rows.kind.values) if (found := meant_kinds(predictor, [kind]))
    }
    if not meant:
        return {}
    lead = np.repeat(np.arange(history.leads_count), np.diff(rows.starts))
    is_meant = np.isin(rows.kind.codes, [*meant])
    is_meant &= rows.available_at <= np.maximum(history.created_at, now)[lead]
    kinds: dict[str, frozenset[str]] = {}
    for code, lead_id in zip(
        rows.kind.codes[is_meant].tolist(),
        history.lead_ids.take(pa.array(lead[is_meant])).to_pylist(),
        strict=True,
    ):
        kinds[lead_id] = kinds.get(lead_id, frozenset()) | meant[code]
    return kinds


class _Notes:
    """Writes the notes of leads, once for all leads that lack the same."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._noted: dict[tuple[str, str | None, str | None], _Noted] = {}
        self._texts: dict[tuple[frozenset[str], tuple[_Noted, ...]], str] = {}

    def of(
        self, lead: StoredLead, values: Mapping[str, StoredValue], as_of: int, kinds: frozenset[str]
    ) -> str:
        """Gives the notes of a lead as JSON; `kinds` are those that `notes_of` takes."""
        own = [self._of_attribute(name, values.get(name)) for name in self._predictor.attribute_types]
        noted = (kinds, tuple(own))
        text = self._texts.get(noted)
        if text is None:
            # Of interactions, notes are about their kinds alone.
            evidence = Evidence(lead, NO_INTERACTIONS, NO_INTERACTIONS)
            sent = lead_of_evidence(self._predictor, evidence, as_of=as_of)
            text = self._texts[noted] = to_json(notes_of(self._predictor, sent, kinds=kinds)).decode()
        return text

    def _of_attribute(self, name: str, value: StoredValue | None) -> _Noted:
        key = (name, None, None) if value is None else (name, value.type, value.text)
        noted = self._noted.get(key)
        if noted is None:
            read = None if value is None else value_as(value, self._predictor.attribute_types[name])
            noted = self._noted[key] = noted_of(self._predictor, name, read)
        return noted
