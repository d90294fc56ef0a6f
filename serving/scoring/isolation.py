"""Scores leads together so that one that meets a defect costs no other its score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.errors import LeadOddsError
from features.history.lead_history import Bools, Ints, LeadHistory
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount
from serving.scoring.score_columns import FAILED, Scores


def score_isolated(
    predictor: Predictor, history: LeadHistory, leads: Ints, as_of: Ints | int, *, reasons: ReasonCount
) -> Iterator[tuple[Ints, Scores]]:
    """Scores leads together; where that fails, halves them until the lead at fault is alone.

    Args:
        predictor: scores the leads.
        history: of the leads.
        leads: (n,) rows of the history.
        as_of: the moment of the prediction, microseconds UTC; or (n,) moments, one for each.
        reasons: how many to name.

    Yields:
        Leads and their scores, in order. A lead that failed has that status, and its reason in `failures`.

    Raises:
        LeadOddsError: an error that concerns every lead.
    """
    try:
        scores = predictor.score(history, leads, as_of, reasons=reasons)
    except (LeadOddsError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their score
        if len(leads) > 1:
            middle = (len(leads) + 1) // 2
            for part in (slice(None, middle), slice(middle, None)):
                moments = as_of if isinstance(as_of, int) else as_of[part]
                yield from score_isolated(predictor, history, leads[part], moments, reasons=reasons)
            return
        moments = as_of if isinstance(as_of, int) else as_of[:0]
        nobody = predictor.score(history, leads[:0], moments, reasons=reasons)
        scores = _failed(nobody, error, predictor.held_out(history, leads)[0])
    yield leads, scores


def _failed(nobody: Scores, error: Exception, held_out: Bools) -> Scores:
    why = f"{type(error).__name__}: {error}"
    status = np.array([FAILED], dtype=np.int8)
    return nobody._replace(status=status, held_out=held_out, failures={0: why})
