"""Tells how probable a lead was over its life: scored as of every moment at which something became known.

Every point is what `GET /v1/leads/{id}/score` says with its `as_of`, to the last bit. An interaction that was
received long after it occurred moves the line when it was received, because it was not known before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import sqlalchemy as sa

from features.history.lead_history import Ints
from features.inputs.lead_inputs import history_of_leads
from features.times import US_PER_DAY, format_time
from serving.scoring.json_rows import Answer, answer_moments
from serving.scoring.predictor import Predictor
from serving.store.evidence import Evidence, read_evidence
from serving.stored_leads.score_lead import Question, check_question, lead_of_evidence

# Between two moments at which something became known the line falls slowly, and this many points show it.
GRID_POINTS: Final = 60
MOST_POINTS: Final = 500

_LEAST_GRID_US: Final = US_PER_DAY


def life_of_lead(
    connection: sa.Connection, predictor: Predictor, lead_id: str, question: Question, *, now: int
) -> Answer:
    """Scores a lead as of every moment that mattered, and writes the answer.

    Args:
        connection: in a transaction.
        predictor: that answers.
        lead_id: the lead.
        question: `as_of` is the end of the line, None for now; reasons play no part.
        now: microseconds UTC.

    Raises:
        LeadUnknownError: there is no such lead.
        InvalidQueryError: it did not exist at that moment, or the horizon is beyond the model.
    """
    end = now if question.as_of is None else question.as_of
    evidence = read_evidence(connection, lead_id, with_account=predictor.reads_account)
    check_question(predictor, evidence.lead, question, as_of=end)
    moments = moments_of(evidence, end=end)
    kept = thin(moments, MOST_POINTS)
    points = [
        point for part in _parts(evidence, kept) for point in _score(predictor, evidence, part, question)
    ]
    horizon_days = question.horizon_days or predictor.bundle.scorecard.horizon_days
    return {
        "lead_id": lead_id,
        "created_at": format_time(evidence.lead.created_at),
        "horizon_days": horizon_days,
        "model_version": predictor.model_version,
        "feature_set": predictor.feature_set_version,
        "scored_at": format_time(now),
        "moments_left_out": len(moments) - len(kept),
        "points": points,
    }


def moments_of(evidence: Evidence, *, end: int) -> list[int]:
    """Finds the moments between creation and `end` at which something became known, and an even grid.

    The tick before each of them is one, too, so that a line between the points jumps when it did.
    """
    lead = evidence.lead
    told = evidence.interactions
    known = {one or other for one, other in zip(told.available_at, told.occurred_at, strict=True)}
    known |= {value.available_at for value in lead.values} | {one.available_at for one in lead.outcomes}
    known |= {moment - 1 for moment in known}
    step = max(_LEAST_GRID_US, (end - lead.created_at) // GRID_POINTS)
    grid = {*range(lead.created_at, end, step), end}
    return sorted(moment for moment in known | grid if lead.created_at <= moment <= end)


def thin(moments: Sequence[int], most: int) -> list[int]:
    """Keeps so many moments, evenly, the first and the last among them.

    >>> thin([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    if len(moments) <= most:
        return list(moments)
    return [moments[place] for place in np.linspace(0, len(moments) - 1, most).round().astype(int).tolist()]


def _parts(evidence: Evidence, moments: Sequence[int]) -> Iterator[list[int]]:
    """Parts moments where an attribute changed: within a part they share the attributes of its first."""
    changes = [value.available_at for value in evidence.lead.values]
    starts = np.unique(np.searchsorted(moments, changes)).tolist()
    for start, stop in pairwise([0, *(place for place in starts if 0 < place < len(moments)), len(moments)]):
        yield list(moments[start:stop])


def _score(
    predictor: Predictor, evidence: Evidence, moments: Sequence[int], question: Question
) -> list[Answer]:
    history = history_of_leads(
        [lead_of_evidence(predictor, evidence, as_of=moments[0])],
        observed_until=moments[-1],
        attribute_types=predictor.attribute_types,
    )
    as_of: Ints = np.array(moments, np.int64)
    the_lead = np.zeros(len(moments), np.int64)
    scores = predictor.score(history, the_lead, as_of, horizon_days=question.horizon_days, reasons=0)
    return answer_moments(predictor, scores, as_of)
