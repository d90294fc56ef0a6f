"""Scores one lead of the store, at any moment: with what was known then, as a batch over the store would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from features.history.known import is_known
from features.history.lead_history import AttributeType
from features.history.outcomes import first_outcome
from features.inputs.lead_inputs import AttributeValue, LeadInput
from serving.errors import Fault, InvalidQueryError
from serving.scoring.json_rows import Answer
from serving.scoring.lead_requests import LeadQuestion, answer_each, answer_question
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount
from serving.store.evidence import Evidence, StoredLead, StoredValue, read_evidence


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a lead.

    Attributes:
        as_of: the moment of the prediction, microseconds UTC; None is now.
        horizon_days: None is the main horizon.
        reasons: how many are told.
    """

    as_of: int | None = None
    horizon_days: float | None = None
    reasons: ReasonCount = 3


def score_stored_lead(
    connection: sa.Connection,
    predictor: Predictor,
    lead_id: str,
    question: Question,
    *,
    now: int,
    sequence: int | None = None,
) -> tuple[Answer, Evidence]:
    """Scores a lead and writes the answer, without its ids.

    Args:
        connection: in a transaction.
        predictor: that answers.
        lead_id: the lead.
        question: what is asked.
        now: microseconds UTC.
        sequence: number of a transaction: the answer is that of the store as it was after it; None: as it is.

    Returns:
        The answer, and what was read for it.

    Raises:
        LeadUnknownError: there is no such lead.
        InvalidQueryError: it did not exist at that moment, or the horizon is beyond the model.
    """
    evidence = read_evidence(connection, lead_id, with_account=predictor.reads_account, sequence=sequence)
    answer = answer_question(ask_about_evidence(predictor, evidence, question, now=now))
    return {**answer, "notes": []}, evidence


class LeadAsked(NamedTuple):
    """A stored lead that somebody asks about now.

    Attributes:
        predictor: that is asked.
        lead_id: the lead.
        question: what is asked.
        now: microseconds UTC.
    """

    predictor: Predictor
    lead_id: str
    question: Question
    now: int


def score_stored_leads(
    connection: sa.Connection, asked: Sequence[LeadAsked]
) -> list[tuple[Answer, Evidence] | Exception]:
    """Scores leads together as the store has them; see `score_stored_lead`.

    Returns:
        In the order in which they were asked for: the answer, and what was read for it; or why there is none.
    """
    read = [_read(connection, one) for one in asked]
    answers = answer_each([one if isinstance(one, Exception) else one[0] for one in read])
    told: list[tuple[Answer, Evidence] | Exception] = []
    for answer, one in zip(answers, read, strict=True):
        if isinstance(answer, Exception):
            told.append(answer)
        elif not isinstance(one, Exception):
            told.append(({**answer, "notes": []}, one[1]))
    return told


def _read(connection: sa.Connection, asked: LeadAsked) -> tuple[LeadQuestion, Evidence] | Exception:
    predictor = asked.predictor
    try:
        evidence = read_evidence(connection, asked.lead_id, with_account=predictor.reads_account)
        return ask_about_evidence(predictor, evidence, asked.question, now=asked.now), evidence
    except sa.exc.SQLAlchemyError:
        # The same for all who ask.
        raise
    except Exception as error:  # noqa: BLE001 - a lead that nobody can score costs no other its score
        return error


def ask_about_evidence(
    predictor: Predictor, evidence: Evidence, question: Question, *, now: int
) -> LeadQuestion:
    """Makes a question of what was read of a lead; see `score_stored_lead`."""
    as_of = now if question.as_of is None else question.as_of
    check_question(predictor, evidence.lead, question, as_of=as_of)
    lead = lead_of_evidence(predictor, evidence, as_of=as_of)
    return LeadQuestion(predictor, lead, as_of, now, question.horizon_days, question.reasons)


def lead_of_evidence(predictor: Predictor, evidence: Evidence, *, as_of: int) -> LeadInput:
    """Gives a stored lead, with its attributes as they were known at `as_of`."""
    lead = evidence.lead
    values = known_values(lead.values, as_of)
    attributes: dict[str, AttributeValue] = {
        name: _value_as(values[name], type_)
        for name, type_ in predictor.attribute_types.items()
        if name in values
    }
    return LeadInput(
        lead_id=lead.lead_id,
        created_at=lead.created_at,
        account_id=lead.account_id,
        attributes=attributes,
        interactions=evidence.interactions,
        account_interactions=evidence.account_interactions,
        outcome=first_outcome(lead.outcomes, created_at=lead.created_at),
    )


def _value_as(value: StoredValue, type_: AttributeType) -> AttributeValue:
    """Reads a number or boolean that the store wrote itself; any other is told from its text."""
    if value.text is None or value.type != type_ or type_ == "category":
        return value.text
    return float(value.text) if type_ == "number" else value.text == "true"


def known_values(values: Sequence[StoredValue], as_of: int) -> dict[str, StoredValue]:
    """Finds the last known value of each attribute."""
    known = is_known(np.array([value.available_at for value in values], np.int64), as_of).tolist()
    return {value.attribute: value for value, is_there in zip(values, known, strict=True) if is_there}


def check_question(predictor: Predictor, lead: StoredLead, question: Question, *, as_of: int) -> None:
    """Checks what only the model and the lead can tell of a question.

    Raises:
        InvalidQueryError: the lead did not exist at that moment, or the horizon is beyond the model.
    """
    if not is_known(lead.created_at, as_of):
        raise InvalidQueryError([Fault("?as_of", "not_before_created_at", "The lead did not exist then.")])
    longest = predictor.longest_horizon_days
    if question.horizon_days is not None and question.horizon_days > longest:
        sentence = f"This model answers for horizons up to {longest:g} days."
        raise InvalidQueryError([Fault("?horizon_days", "horizon_too_long", sentence)])
