"""Scores one lead that a request brings along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.history.lead_history import DIRECTIONS, AttributeType
from features.inputs.interaction_inputs import KnownInteractions
from features.inputs.lead_inputs import KnownLead
from features.times import parse_time
from serving.bodies.score_bodies import AttributeValue, InteractionBody, ScoreRequest
from serving.errors import Fault, InvalidBodyError, pointer
from serving.scoring.json_rows import Answer
from serving.scoring.lead_requests import LeadQuestion, answer_question
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


def lead_of_request(predictor: Predictor, request: ScoreRequest) -> KnownLead:
    """Gives the lead of a checked body, with the attributes that play a part."""
    account, sent = request.account_interactions, request.attributes
    return KnownLead(
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


def _interactions(sent: Sequence[InteractionBody]) -> KnownInteractions:
    names = [one.get("interaction_id") for one in sent]
    has_names = any(names)
    return KnownInteractions(
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
