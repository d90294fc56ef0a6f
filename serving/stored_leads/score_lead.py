"""Scores a stored lead at any moment with what was known then, to the same bits as a batch over the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from features.history.known import is_known
from features.history.lead_history import AttributeType, Ints
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import AttributeValue, LeadInput
from serving.clock import ahead_faults
from serving.database.transactions import is_interrupted
from serving.errors import Fault, InvalidQueryError, LeadErasedError, LeadUnknownError, ReadTooLongError
from serving.intake.erasures import erased_leads
from serving.scoring.body_leads import add_notes
from serving.scoring.json_rows import JsonObject
from serving.scoring.lead_requests import LeadRequest, score_each, score_single
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount
from serving.store.evidence import read_evidence
from serving.store.records import Evidence, StoredLead, StoredValue


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How a lead is scored.

    Attributes:
        as_of: the moment of the prediction, microseconds UTC; None is now.
        horizon_days: None is the main horizon.
        reasons: how many to name.
    """

    as_of: int | None = None
    horizon_days: float | None = None
    reasons: ReasonCount = 3


def score_stored_lead(
    connection: sa.Connection,
    predictor: Predictor,
    lead_id: str,
    options: ScoreOptions,
    *,
    now: int,
    sequence: int | None = None,
) -> tuple[JsonObject, Evidence]:
    """Scores a stored lead.

    Args:
        connection: in a transaction.
        predictor: scores the lead.
        lead_id: the lead.
        options: moment, horizon and number of reasons.
        now: microseconds UTC.
        sequence: number of a transaction: scores from the store as it was after it; None is the latest state.

    Returns:
        The score without the ids of the response, and the rows it was computed from.

    Raises:
        LeadUnknownError: there is no such lead.
        InvalidQueryError: it did not exist at that moment, or the horizon is beyond the model.
    """
    evidence = read_evidence(
        connection,
        lead_id,
        with_account=predictor.reads_account,
        settings=predictor.settings,
        attribute_types=predictor.attribute_types,
        as_of=now if options.as_of is None else options.as_of,
        sequence=sequence,
        account_limit=predictor.account_limit,
    )
    lead_request = request_of_evidence(predictor, evidence, options, now=now)
    return add_notes(score_single(lead_request), lead_request), evidence


class StoredLeadRequest(NamedTuple):
    """A stored lead to score now.

    Attributes:
        predictor: scores the lead.
        lead_id: the lead.
        options: moment, horizon and number of reasons.
        now: microseconds UTC.
    """

    predictor: Predictor
    lead_id: str
    options: ScoreOptions
    now: int


def score_stored_leads(
    connection: sa.Connection, requests: Sequence[StoredLeadRequest]
) -> list[tuple[JsonObject, Evidence] | Exception]:
    """Scores several stored leads in one pass; see `score_stored_lead`.

    Returns:
        In the order of the requests: the score and the rows it was computed from, or the error.
    """
    accounts: dict[str, InteractionInputs] = {}
    read = [_read(connection, request, accounts) for request in requests]
    replies = score_each([item if isinstance(item, Exception) else item[0] for item in read])
    scored: list[tuple[JsonObject, Evidence] | Exception] = []
    for reply, item in zip(replies, read, strict=True):
        if isinstance(reply, Exception):
            scored.append(reply)
        elif not isinstance(item, Exception):
            scored.append((add_notes(reply, item[0]), item[1]))
    return scored


def score_leads_of_ids(
    connection: sa.Connection, requests: Sequence[StoredLeadRequest], *, salt: bytes
) -> list[tuple[JsonObject, Evidence] | Exception]:
    """Scores several stored leads, of which some may have been erased; see `score_stored_leads`.

    Args:
        connection: in a transaction.
        requests: one for each lead.
        salt: of the hashes of erased ids.
    """
    replies = score_stored_leads(connection, requests)
    unknown = {
        request.lead_id
        for request, reply in zip(requests, replies, strict=True)
        if isinstance(reply, LeadUnknownError)
    }
    erased = erased_leads(connection, salt, unknown)
    return [
        LeadErasedError() if request.lead_id in erased else reply
        for request, reply in zip(requests, replies, strict=True)
    ]


def _read(
    connection: sa.Connection, request: StoredLeadRequest, accounts: dict[str, InteractionInputs]
) -> tuple[LeadRequest, Evidence] | Exception:
    predictor = request.predictor
    try:
        evidence = read_evidence(
            connection,
            request.lead_id,
            with_account=predictor.reads_account,
            settings=predictor.settings,
            attribute_types=predictor.attribute_types,
            as_of=request.now if request.options.as_of is None else request.options.as_of,
            account_limit=predictor.account_limit,
            accounts=accounts,
        )
        lead_request = request_of_evidence(predictor, evidence, request.options, now=request.now)
        refuse_future(lead_request.as_of, now=request.now)
        return lead_request, evidence
    except sa.exc.SQLAlchemyError as error:
        if is_interrupted(error):
            return ReadTooLongError()
        # The database fails all requests alike.
        raise
    except Exception as error:  # noqa: BLE001 - a lead that cannot be scored costs no other its score
        return error


def request_of_evidence(
    predictor: Predictor, evidence: Evidence, options: ScoreOptions, *, now: int
) -> LeadRequest:
    """Makes a request to the predictor from the rows of a lead; see `score_stored_lead`."""
    as_of = now if options.as_of is None else options.as_of
    check_options(predictor, evidence.lead, options, as_of=as_of)
    lead = lead_of_evidence(predictor, evidence, as_of=as_of)
    return LeadRequest(predictor, lead, as_of, now, options.horizon_days, options.reasons)


def lead_of_evidence(predictor: Predictor, evidence: Evidence, *, as_of: int) -> LeadInput:
    """Makes the lead of stored rows, with its attributes as they were known at `as_of`."""
    lead = evidence.lead
    values = known_values(lead.values, as_of)
    attributes: dict[str, AttributeValue] = {
        name: value_as(values[name], type_)
        for name, type_ in predictor.attribute_types.items()
        if name in values
    }
    return LeadInput(
        lead_id=lead.lead_id,
        created_at=lead.created_known(as_of),
        account_id=lead.account_id,
        attributes=attributes,
        interactions=evidence.interactions,
        account_interactions=evidence.account_interactions,
        outcomes=lead.outcomes,
    )


def value_as(value: StoredValue, type_: AttributeType) -> AttributeValue:
    """Reads a number or boolean that the store wrote itself; any other value stays text."""
    if value.text is None or value.type != type_ or type_ == "category":
        return value.text
    return float(value.text) if type_ == "number" else value.text == "true"


def known_values(values: Sequence[StoredValue], as_of: int) -> dict[str, StoredValue]:
    """Finds the last known value of each attribute."""
    known = is_known(np.array([value.available_at for value in values], np.int64), as_of)
    return {value.attribute: value for value in compress(values, known.tolist())}


def known_values_of(leads: Sequence[Sequence[StoredValue]], as_of: Ints) -> list[dict[str, StoredValue]]:
    """Finds the last known value of each attribute of several leads, each at a moment of its own.

    Args:
        leads: the values of each of n leads.
        as_of: (n,) microseconds UTC.
    """
    at = np.array([value.available_at for values in leads for value in values], np.int64)
    moments = np.repeat(as_of, [len(values) for values in leads])
    # One mask for the values of all leads; each lead takes as many of it as it has values.
    known = iter(is_known(at, moments).tolist())
    return [{value.attribute: value for value in values if next(known)} for values in leads]


def refuse_future(as_of: int, *, now: int) -> None:
    """Refuses a moment of a query that lies in the future; a replay of an old score may have one.

    Raises:
        InvalidQueryError: it does.
    """
    if faults := ahead_faults("?as_of", as_of, now=now):
        raise InvalidQueryError(faults)


def check_options(predictor: Predictor, lead: StoredLead, options: ScoreOptions, *, as_of: int) -> None:
    """Checks options against the model and the lead.

    Raises:
        InvalidQueryError: the lead did not exist at that moment, or the horizon is beyond the model.
    """
    if not is_known(lead.created_at, as_of):
        raise InvalidQueryError([Fault("?as_of", "not_before_created_at", "The lead did not exist then.")])
    if faults := horizon_faults(predictor, options.horizon_days, path="?horizon_days"):
        raise InvalidQueryError(faults)


def horizon_faults(predictor: Predictor, horizon_days: float | None, *, path: str) -> list[Fault]:
    """Finds fault with a horizon that is longer than the model's."""
    longest = predictor.longest_horizon_days
    if horizon_days is None or horizon_days <= longest:
        return []
    return [Fault(path, "horizon_too_long", f"This model answers for horizons up to {longest:g} days.")]
