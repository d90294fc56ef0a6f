"""Scores a lead over its life: as of every moment at which something became known.

Every point equals `GET /v1/leads/{id}/score` with its `as_of`, to the last bit. An interaction that was
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
from serving.scoring.json_rows import JsonObject, moment_objects
from serving.scoring.predictor import Predictor
from serving.store.evidence import read_evidence
from serving.store.records import Evidence
from serving.stored_leads.score_lead import ScoreOptions, check_options, lead_of_evidence, refuse_future

# Between two moments at which something became known the line falls slowly; an even grid shows it.
GRID_POINTS: Final = 60
MOST_POINTS: Final = 500

_LEAST_GRID_US: Final = US_PER_DAY


def score_life(
    connection: sa.Connection, predictor: Predictor, lead_id: str, options: ScoreOptions, *, now: int
) -> JsonObject:
    """Scores a lead as of every moment that mattered.

    Args:
        connection: in a transaction.
        predictor: scores the lead.
        lead_id: the lead.
        options: `as_of` is the end of the line, None for now; `reasons` is ignored.
        now: microseconds UTC.

    Raises:
        LeadUnknownError: there is no such lead.
        InvalidQueryError: it did not exist at that moment, or the horizon is beyond the model.
    """
    end = now if options.as_of is None else options.as_of
    evidence = read_evidence(
        connection,
        lead_id,
        with_account=predictor.reads_account,
        settings=predictor.settings,
        attribute_types=predictor.attribute_types,
        as_of=end,
        account_limit=predictor.account_limit,
        with_past=True,
    )
    refuse_future(end, now=now)
    check_options(predictor, evidence.lead, options, as_of=end)
    moments = moments_of(evidence, end=end)
    kept = thin(moments, MOST_POINTS)
    points = [
        point for part in _parts(evidence, kept) for point in _score(predictor, evidence, part, options)
    ]
    horizon_days = options.horizon_days or predictor.bundle.scorecard.horizon_days
    return {
        "lead_id": evidence.lead.lead_id,
        "created_at": format_time(evidence.lead.created_known(end)),
        "horizon_days": horizon_days,
        "model_version": predictor.model_version,
        "feature_set": predictor.feature_set_version,
        "scored_at": format_time(now),
        "moments_left_out": len(moments) - len(kept),
        "points": points,
    }


def moments_of(evidence: Evidence, *, end: int) -> list[int]:
    """Finds the moments between creation and `end` at which something became known, and an even grid.

    The microsecond before each of them is included, so that a line through the points jumps where it should.
    """
    lead = evidence.lead
    rows = evidence.interactions
    known = {known_at or at for known_at, at in zip(rows.available_at, rows.occurred_at, strict=True)}
    known |= {value.available_at for value in lead.values}
    known |= {outcome.available_at for outcome in lead.outcomes}
    known |= {since for since, _ in lead.creations}
    known |= {moment - 1 for moment in known}
    step = max(_LEAST_GRID_US, (end - lead.created_at) // GRID_POINTS)
    grid = {*range(lead.created_at, end, step), end}
    return sorted(moment for moment in known | grid if lead.created_at <= moment <= end)


def thin(moments: Sequence[int], most: int) -> list[int]:
    """Keeps at most so many moments, evenly spread, the first and the last among them.

    >>> thin([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    if len(moments) <= most:
        return list(moments)
    return [moments[place] for place in np.linspace(0, len(moments) - 1, most).round().astype(int).tolist()]


def _parts(evidence: Evidence, moments: Sequence[int]) -> Iterator[list[int]]:
    """Splits moments where an attribute changed: within a part all share the attributes of its first."""
    lead = evidence.lead
    changes = [value.available_at for value in lead.values] + [since for since, _ in lead.creations]
    starts = np.unique(np.searchsorted(moments, changes)).tolist()
    for start, stop in pairwise([0, *(place for place in starts if 0 < place < len(moments)), len(moments)]):
        yield list(moments[start:stop])


def _score(
    predictor: Predictor, evidence: Evidence, moments: Sequence[int], options: ScoreOptions
) -> list[JsonObject]:
    history = history_of_leads(
        [lead_of_evidence(predictor, evidence, as_of=moments[0])],
        observed_until=moments[-1],
        attribute_types=predictor.attribute_types,
        settings=predictor.settings,
    )
    as_of: Ints = np.array(moments, np.int64)
    the_lead = np.zeros(len(moments), np.int64)
    scores = predictor.score(history, the_lead, as_of, horizon_days=options.horizon_days, reasons=0)
    return moment_objects(predictor, scores, as_of)
