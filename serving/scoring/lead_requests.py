"""Scores the leads of several requests together: one pass of the predictor serves all that are alike.

The few dozen steps of the engine cost the same for one lead as for ten, and every lead gets the bits that it
gets alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from features.history.lead_history import LeadHistory
from features.inputs.lead_inputs import LeadInput, history_of_leads
from serving.scoring.json_rows import JsonObject, score_objects
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount


class LeadRequest(NamedTuple):
    """One lead to score; everything in it has been checked.

    Attributes:
        predictor: scores the lead.
        lead: its attributes and interactions.
        as_of: the moment of the prediction, microseconds UTC; not before its creation.
        scored_at: the moment of the response, microseconds UTC.
        horizon_days: None is the main horizon.
        reasons: how many to name.
    """

    predictor: Predictor
    lead: LeadInput
    as_of: int
    scored_at: int
    horizon_days: float | None = None
    reasons: ReasonCount = 3


def score_each(requests: Sequence[LeadRequest | Exception]) -> list[JsonObject | Exception]:
    """Scores the leads of all requests; one that fails costs no other its score.

    Args:
        requests: an error stands for a request that could not be made, and is returned in its place.

    Returns:
        In the order of the requests: the score without the ids of the response, or the error.
    """
    replies: dict[int, JsonObject | Exception] = {
        place: request for place, request in enumerate(requests) if isinstance(request, Exception)
    }
    for alike in _alike(requests):
        replies.update(zip(alike, _score_alike([*alike.values()]), strict=True))
    return [replies[place] for place in range(len(requests))]


def score_single(request: LeadRequest) -> JsonObject:
    """Scores the lead of one request.

    Raises:
        Exception: the error that prevented the score.
    """
    (reply,) = score_each([request])
    if isinstance(reply, Exception):
        raise reply
    return reply


def history_of(requests: Sequence[LeadRequest]) -> LeadHistory:
    """Makes one history of the leads of requests to the same predictor."""
    return history_of_leads(
        [request.lead for request in requests],
        observed_until=max(request.as_of for request in requests),
        attribute_types=requests[0].predictor.attribute_types,
        settings=requests[0].predictor.settings,
    )


def _alike(requests: Sequence[LeadRequest | Exception]) -> Iterable[dict[int, LeadRequest]]:
    """Groups the requests that one pass can serve, each with its place."""
    groups: dict[tuple[Predictor, float | None, ReasonCount], dict[int, LeadRequest]] = {}
    for place, request in enumerate(requests):
        if not isinstance(request, Exception):
            key = request.predictor, request.horizon_days, request.reasons
            groups.setdefault(key, {})[place] = request
    return groups.values()


def _score_alike(requests: Sequence[LeadRequest]) -> list[JsonObject | Exception]:
    try:
        return [*_score(requests)]
    except Exception as error:  # noqa: BLE001 - which request is at fault shows when each is scored alone
        if len(requests) == 1:
            return [error]
    return [reply for request in requests for reply in _score_alike([request])]


def _score(requests: Sequence[LeadRequest]) -> list[JsonObject]:
    first = requests[0]
    predictor, as_of = first.predictor, [request.as_of for request in requests]
    scores = predictor.score(
        history_of(requests),
        np.arange(len(requests)),
        np.array(as_of),
        horizon_days=first.horizon_days,
        reasons=first.reasons,
    )
    return score_objects(
        predictor,
        scores,
        lead_ids=[request.lead.lead_id for request in requests],
        as_of=as_of,
        scored_at=[request.scored_at for request in requests],
    )
