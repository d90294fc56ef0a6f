"""Scores the leads of one body together, each with a status of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from serving.answers import Answer, answer_failed
from serving.errors import Fault, InvalidBodyError
from serving.lead import ask_about, complete
from serving.predictor import Predictor
from serving.problems import fault_records
from serving.questions import LeadQuestion, answer_each
from serving.schemas import ScoreRequest, read_score_request

_LOG: Final = logging.getLogger("leadodds.serving")


def score_items(predictor: Predictor, leads: Sequence[object], *, now: int) -> list[Answer]:
    """Scores leads as they were sent; one with a fault costs no other its score.

    Args:
        predictor: that answers.
        leads: parsed, not checked.
        now: microseconds UTC; the moment of the prediction where a lead names none.
    """
    asked = [_ask(predictor, lead, now=now) for lead in leads]
    replies = iter(answer_each([one[0] for one in asked if not isinstance(one, InvalidBodyError)]))
    answers = []
    for lead, one in zip(leads, asked, strict=True):
        reply = one if isinstance(one, InvalidBodyError) else next(replies)
        if isinstance(reply, Exception):
            failed = answer_failed(predictor, lead_id=_id_of(lead), scored_at=now)
            answers.append({**failed, "errors": fault_records(_faults_of(reply))})
        elif not isinstance(one, InvalidBodyError):
            answers.append({**complete(reply, predictor, one[1]), "errors": []})
    return answers


def _ask(
    predictor: Predictor, lead: object, *, now: int
) -> tuple[LeadQuestion, ScoreRequest] | InvalidBodyError:
    try:
        request = read_score_request(lead)
        return ask_about(predictor, request, now=now), request
    except InvalidBodyError as error:
        return error


def _faults_of(error: Exception) -> Sequence[Fault]:
    if isinstance(error, InvalidBodyError):
        return error.faults
    _LOG.error("a lead of a batch met a defect: %s", type(error).__name__)
    return (Fault("", "defect", "This is a defect of the service, not of the lead."),)


def _id_of(lead: object) -> str | None:
    sent = lead.get("lead_id") if isinstance(lead, dict) else None
    return sent if isinstance(sent, str) else None
