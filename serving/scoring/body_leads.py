"""Scores one lead that a request brings along."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from features.history.lead_history import DIRECTIONS, AttributeType
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput
from features.times import parse_time
from serving.bodies.score_bodies import AttributeValue, InteractionBody, ScoreRequest, read_score_request
from serving.errors import Fault, InvalidBodyError, fault_records, pointer
from serving.scoring.json_rows import Answer, answer_failed
from serving.scoring.lead_requests import LeadQuestion, answer_each, answer_question
from serving.scoring.predictor import Predictor

NO_ACCOUNT_NOTE: Final = (
    "account_interactions were not sent, so features of the account count as missing. "
    "Send all interactions of the account to have them counted."
)

_EXPECTED: Final[dict[AttributeType, str]] = {
    "number": "The model knows this attribute as a number.",
    "boolean": "The model knows this attribute as true or false.",
    "category": "The model knows this attribute as a text.",
}


def ask_about(predictor: Predictor, request: ScoreRequest, *, now: int) -> LeadQuestion:
    """Makes a question of a checked body.

    Args:
        predictor: that is asked.
        request: a body that has been checked.
        now: microseconds UTC; the moment of the prediction where the body names none.

    Raises:
        InvalidBodyError: what only the model or the clock can tell is wrong.
    """
    as_of = now if request.as_of is None else request.as_of
    check_against_model(predictor, request, as_of=as_of)
    return LeadQuestion(
        predictor, lead_of_request(predictor, request), as_of, now, request.horizon_days, request.reasons
    )


def complete(answer: Answer, predictor: Predictor, request: ScoreRequest) -> Answer:
    """Notes in the answer what the body lacked."""
    lacks_account = request.account_id is not None and request.account_interactions is None
    answer["notes"] = [NO_ACCOUNT_NOTE] if lacks_account and predictor.reads_account else []
    return answer


def lead_of_request(predictor: Predictor, request: ScoreRequest) -> LeadInput:
    """Gives the lead of a checked body, with the attributes that play a part."""
    account, sent = request.account_interactions, request.attributes
    return LeadInput(
        lead_id=request.lead_id,
        created_at=request.created_at,
        account_id=request.account_id,
        attributes={name: sent[name] for name in predictor.attribute_types if name in sent},
        interactions=_interactions(request.interactions),
        account_interactions=None if account is None else _interactions(account),
    )


def check_against_model(predictor: Predictor, request: ScoreRequest, *, as_of: int) -> None:
    """Checks what the shape of a body cannot tell.

    Raises:
        InvalidBodyError: created after `as_of`, a horizon beyond the model, an attribute of another type.
    """
    faults = []
    if request.created_at > as_of:
        faults.append(Fault("/created_at", "not_after_as_of", "A lead is created at or before as_of."))
    longest = predictor.longest_horizon_days
    if request.horizon_days is not None and request.horizon_days > longest:
        sentence = f"This model answers for horizons up to {longest:g} days."
        faults.append(Fault("/horizon_days", "horizon_too_long", sentence))
    for name, type_ in predictor.attribute_types.items():
        if not _fits(request.attributes.get(name), type_):
            faults.append(Fault(pointer(["attributes", name]), f"{type_}_attribute", _EXPECTED[type_]))
    if faults:
        raise InvalidBodyError(faults)


def warm(predictor: Predictor) -> None:
    """Scores a made-up lead, so that everything that is loaded or remembered at first use is."""
    instant = parse_time("2026-01-01T00:00:00Z")
    visit = InteractionBody(kind="page_view", occurred_at=instant)
    request = ScoreRequest.model_construct(
        lead_id="warm",
        created_at=instant,
        as_of=instant,
        account_id="warm",
        interactions=[visit],
        reasons="all",
    )
    answer_question(ask_about(predictor, request, now=instant))


def _fits(value: AttributeValue, type_: AttributeType) -> bool:
    if value is None or value == "":
        return True
    if type_ == "category":
        return isinstance(value, str)
    return isinstance(value, bool) if type_ == "boolean" else isinstance(value, float)


def _interactions(sent: Sequence[InteractionBody]) -> InteractionInputs:
    names = [one.get("interaction_id") for one in sent]
    has_names = any(names)
    return InteractionInputs(
        kind=[one["kind"] for one in sent],
        occurred_at=[one["occurred_at"] for one in sent],
        available_at=[one.get("available_at") for one in sent],
        direction=[DIRECTIONS.get(one.get("direction") or "") for one in sent],
        channel=[one.get("channel") for one in sent],
        campaign=[one.get("campaign") for one in sent],
        value=[one.get("value") for one in sent],
        source=[one.get("source") for one in sent] if has_names else (),
        interaction_id=names if has_names else (),
    )


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
