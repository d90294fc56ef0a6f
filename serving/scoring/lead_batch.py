"""Scores the leads of one body together, each with a status of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from serving.bodies.score_bodies import ScoreRequest, read_score_request
from serving.errors import Fault, InvalidBodyError
from serving.http.problems import fault_records
from serving.scoring.body_leads import ask_about, complete
from serving.scoring.json_rows import Answer, answer_failed
from serving.scoring.lead_requests import LeadQuestion, answer_each
from serving.scoring.predictor import Predictor

_LOG: Final = logging.getLogger("leadodds.serving")


def score_items(predictor: Predictor, leads: Sequence[object], *, now: int) -> list[Answer]:
    """Scores leads as they were sent; one with a fault costs no other its score.

    Args:
        predictor: that answers.
        leads: parsed, not checked.
        now: microseconds UTC; the moment of the prediction where a lead names none.
    """
    checked = [_check(predictor, lead, now=now) for lead in leads]
    answers = answer_each([one if isinstance(one, Exception) else one[0] for one in checked])
    told = []
    for lead, one, answer in zip(leads, checked, answers, strict=True):
        if isinstance(answer, Exception):
            failed = answer_failed(predictor, lead_id=_id_of(lead), scored_at=now)
            told.append({**failed, "errors": fault_records(_faults_of(answer))})
        elif not isinstance(one, Exception):
            told.append({**complete(answer, predictor, one[1]), "errors": []})
    return told


def _check(predictor: Predictor, lead: object, *, now: int) -> tuple[LeadQuestion, ScoreRequest] | Exception:
    try:
        request = read_score_request(lead)
        return ask_about(predictor, request, now=now), request
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their score
        return error


def _faults_of(error: Exception) -> Sequence[Fault]:
    if isinstance(error, InvalidBodyError):
        return error.faults
    _LOG.error("a lead of a batch met a defect: %s", type(error).__name__)
    return (Fault("", "defect", "This is a defect of the service, not of the lead."),)


def _id_of(lead: object) -> str | None:
    sent = lead.get("lead_id") if isinstance(lead, dict) else None
    return sent if isinstance(sent, str) else None
