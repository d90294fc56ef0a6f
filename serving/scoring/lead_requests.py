"""Questions about leads, answered together: one pass of the predictor serves all that are asked at a time.

A few dozen steps of the engine cost the same for one lead and for ten, and every lead has the bits it has
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from features.history.lead_history import LeadHistory
from features.inputs.lead_inputs import LeadInput, history_of_leads
from serving.scoring.json_rows import Answer, answer_leads
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount


class LeadQuestion(NamedTuple):
    """What is asked of one lead; everything in it has been checked.

    Attributes:
        predictor: that is asked.
        lead: what is known of it.
        as_of: the moment of the prediction, microseconds UTC; not before its creation.
        scored_at: the moment of the answer, microseconds UTC.
        horizon_days: None is the main horizon.
        reasons: how many are told.
    """

    predictor: Predictor
    lead: LeadInput
    as_of: int
    scored_at: int
    horizon_days: float | None = None
    reasons: ReasonCount = 3


def answer_each(questions: Sequence[LeadQuestion | Exception]) -> list[Answer | Exception]:
    """Answers all questions; one that cannot be answered costs no other its answer.

    Args:
        questions: or why there is none, where asking failed.

    Returns:
        In the order of the questions: the answer without its ids, or why there is none.
    """
    answers: dict[int, Answer | Exception] = {
        place: one for place, one in enumerate(questions) if isinstance(one, Exception)
    }
    for alike in _alike(questions):
        answers.update(zip(alike, _answer_alike([*alike.values()]), strict=True))
    return [answers[place] for place in range(len(questions))]


def history_of(asked: Sequence[LeadQuestion]) -> LeadHistory:
    """Makes the history of the leads that one predictor is asked about."""
    return history_of_leads(
        [one.lead for one in asked],
        observed_until=max(one.as_of for one in asked),
        attribute_types=asked[0].predictor.attribute_types,
    )


def answer_question(question: LeadQuestion) -> Answer:
    """Answers a single question; raises what keeps it from being answered."""
    (answer,) = answer_each([question])
    if isinstance(answer, Exception):
        raise answer
    return answer


def _alike(questions: Sequence[LeadQuestion | Exception]) -> Iterable[dict[int, LeadQuestion]]:
    """Groups questions, each with its place, that one pass can answer."""
    groups: dict[tuple[Predictor, float | None, ReasonCount], dict[int, LeadQuestion]] = {}
    for place, one in enumerate(questions):
        if not isinstance(one, Exception):
            groups.setdefault((one.predictor, one.horizon_days, one.reasons), {})[place] = one
    return groups.values()


def _answer_alike(asked: Sequence[LeadQuestion]) -> list[Answer | Exception]:
    try:
        return [*_answer(asked)]
    except Exception as error:  # noqa: BLE001 - whose fault it is shows when each is asked alone
        if len(asked) == 1:
            return [error]
    return [answer for one in asked for answer in _answer_alike([one])]


def _answer(asked: Sequence[LeadQuestion]) -> list[Answer]:
    first = asked[0]
    predictor, as_of = first.predictor, [one.as_of for one in asked]
    scores = predictor.score(
        history_of(asked),
        np.arange(len(asked)),
        np.array(as_of),
        horizon_days=first.horizon_days,
        reasons=first.reasons,
    )
    return answer_leads(
        predictor,
        scores,
        lead_ids=[one.lead.lead_id for one in asked],
        as_of=as_of,
        scored_at=[one.scored_at for one in asked],
    )
