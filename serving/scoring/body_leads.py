"""Turns checked bodies into leads to score, alone or in a batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from operator import methodcaller
from typing import Any, Final

from features.history.lead_history import DIRECTIONS
from features.history.text_rule import TextRule
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput
from features.times import parse_time
from serving.bodies.json_faults import sent_ids
from serving.bodies.score_bodies import InteractionBody, ScoreRequest, check_body
from serving.clock import ahead_faults
from serving.errors import MISSING_TEXT, Fault, InvalidBodyError, fault_records, pointer
from serving.scoring.json_rows import JsonObject, failed_object
from serving.scoring.lead_requests import LeadRequest, score_each, score_single
from serving.scoring.notes import kinds_known_at, notes_of
from serving.scoring.predictor import Predictor

_LOG: Final = logging.getLogger("leadodds.serving")


def request_of_body(predictor: Predictor, request: ScoreRequest, *, now: int) -> LeadRequest:
    """Makes a request to the predictor from a checked body.

    Args:
        predictor: scores the lead.
        request: a checked body.
        now: microseconds UTC; the moment of the prediction where the body names none.

    Raises:
        InvalidBodyError: the body contradicts the model or the clock; see `check_against_model`.
    """
    as_of = now if request.as_of is None else request.as_of
    check_against_model(predictor, request, as_of=as_of, now=now)
    return LeadRequest(
        predictor, lead_of_request(predictor, request), as_of, now, request.horizon_days, request.reasons
    )


def add_notes(score: JsonObject, lead_request: LeadRequest) -> JsonObject:
    """Adds to a score the notes that say what its lead lacked."""
    predictor, lead = lead_request.predictor, lead_request.lead
    kinds = kinds_known_at(predictor, lead.interactions, lead_request.as_of)
    score["notes"] = notes_of(predictor, lead, kinds=kinds)
    return score


def lead_of_request(predictor: Predictor, request: ScoreRequest) -> LeadInput:
    """Makes the lead of a checked body, with the attributes that the model uses."""
    account, sent = request.account_interactions, request.attributes
    return LeadInput(
        lead_id=request.lead_id,
        created_at=request.created_at,
        account_id=request.account_id,
        attributes={name: sent[name] for name in predictor.attribute_types if name in sent},
        interactions=_interactions(request.interactions),
        account_interactions=None if account is None else _interactions(account),
    )


def check_against_model(predictor: Predictor, request: ScoreRequest, *, as_of: int, now: int) -> None:
    """Checks a body against the model, the clock and the moment of the prediction.

    Raises:
        InvalidBodyError: the moment lies in the future, the lead is created after it, or the horizon is
            longer than the model's. An attribute of another type counts as missing, as in a table.
    """
    faults = ahead_faults("/as_of", as_of, now=now)
    if request.created_at > as_of:
        faults.append(Fault("/created_at", "not_after_as_of", "A lead is created at or before as_of."))
    longest = predictor.longest_horizon_days
    if request.horizon_days is not None and request.horizon_days > longest:
        sentence = f"This model answers for horizons up to {longest:g} days."
        faults.append(Fault("/horizon_days", "horizon_too_long", sentence))
    faults += _missing_texts(request, predictor.text_rule)
    if faults:
        raise InvalidBodyError(faults)


def warm(predictor: Predictor) -> None:
    """Scores a made-up lead, so that the first request finds everything loaded and cached."""
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
    score_single(request_of_body(predictor, request, now=instant))


def _missing_texts(request: ScoreRequest, rule: TextRule) -> list[Fault]:
    """Finds ids and kinds that stand for a missing value, because a table would leave their rows out."""
    spellings = rule.spellings
    places: list[list[str | int]] = [["lead_id"]] if request.lead_id in spellings else []
    for name, sent in (
        ("interactions", request.interactions),
        ("account_interactions", request.account_interactions or ()),
    ):
        kinds = _column(sent, "kind")
        if not spellings.isdisjoint(kinds):
            places += [[name, place, "kind"] for place, kind in enumerate(kinds) if kind in spellings]
    return [Fault(pointer(place), "missing_text", MISSING_TEXT) for place in places]


def _interactions(sent: Sequence[InteractionBody]) -> InteractionInputs:
    column = partial(_column, sent)
    ids = column("interaction_id")
    has_ids = any(ids)
    return InteractionInputs(
        kind=column("kind"),
        occurred_at=column("occurred_at"),
        available_at=column("available_at"),
        direction=[*map(DIRECTIONS.get, column("direction"))],
        channel=column("channel"),
        campaign=column("campaign"),
        value=column("value"),
        is_automated=column("is_automated"),
        source=column("source") if has_ids else (),
        interaction_id=ids if has_ids else (),
    )


def _column(sent: Sequence[InteractionBody], name: str) -> list[Any]:
    return [*map(methodcaller("get", name), sent)]


def score_items(predictor: Predictor, leads: Sequence[object], *, now: int) -> list[JsonObject]:
    """Scores the leads of a batch; one with a fault costs no other its score.

    Args:
        predictor: scores the leads.
        leads: parsed, not checked.
        now: microseconds UTC; the moment of the prediction where a lead names none.
    """
    checked = [_check(predictor, lead, now=now) for lead in leads]
    replies = score_each(checked)
    scores = []
    for lead, item, reply in zip(leads, checked, replies, strict=True):
        if isinstance(reply, Exception):
            failed = failed_object(predictor, lead_id=_id_of(lead), scored_at=now)
            scores.append({**failed, "errors": fault_records(_faults_of(reply))})
        elif not isinstance(item, Exception):
            scores.append({**add_notes(reply, item), "errors": []})
    return scores


def _check(predictor: Predictor, lead: object, *, now: int) -> LeadRequest | Exception:
    try:
        request = check_body(ScoreRequest, lead)
        return request_of_body(predictor, request, now=now)
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their score
        return error


def _faults_of(error: Exception) -> Sequence[Fault]:
    if isinstance(error, InvalidBodyError):
        return error.faults
    _LOG.error("a lead of a batch met a defect: %s", type(error).__name__)
    return (Fault("", "defect", "This is a defect of the service, not of the lead."),)


def _id_of(lead: object) -> str | None:
    sent = sent_ids(lead).get("lead_id")
    return sent if isinstance(sent, str) else None
