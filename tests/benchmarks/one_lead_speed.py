"""How long one lead takes in process, step by step, and a million leads without reasons."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from features.history.lead_history import LeadHistory
from models.scorecard.points import points
from models.scorecard.scoring import log_odds, probabilities
from serving.bodies.score_bodies import ScoreRequest, check_body
from serving.scoring.body_leads import request_of_body
from serving.scoring.lead_requests import history_of, score_each
from serving.scoring.microbatch import MOST_AT_ONCE
from serving.scoring.predictor import Predictor
from tests.benchmarks.serving.model import body_with, full_bundle
from tests.support.scorecards import random_codes

_REPEATS = 2_000
_MILLION = 1_000_000
_THE_LEAD = np.zeros(1, dtype=np.int64)


def one_lead_rows(history: LeadHistory, predictor: Predictor) -> list[tuple[str, str, str]]:
    """Measures, and returns rows of what was measured, target and figure."""
    lead_features = tuple(feature for feature in predictor.features.values() if feature.scope == "lead")
    without_account = Predictor.from_bundle(full_bundle(history, lead_features))
    scorecard = predictor.bundle.scorecard
    code = random_codes(scorecard, 1)
    odds = log_odds(scorecard, code)
    column = np.arange(60)
    return [
        ("one addition of 60 numbers, for comparison", "", _timed(lambda: column + column)),
        _features_row(history, without_account, with_account=False),
        _features_row(history, predictor, with_account=True),
        (
            f"scorecard with all points, one lead ({len(scorecard.terms)} terms)",
            "40 us",
            _timed(lambda: points(scorecard, code, odds=odds)),
        ),
        (
            "scorecard, batch of a million, without reasons",
            "2 us per lead",
            f"{_batch_microseconds(predictor):.2f} us",
        ),
    ]


def whole_lead_rows(history: LeadHistory, predictor: Predictor) -> list[tuple[str, str, str]]:
    """Measures one lead from its checked rows to the answer, alone and with fifteen others."""
    request = check_body(ScoreRequest, body_with(history, interactions=20))
    lead_request = request_of_body(predictor, request, now=request.as_of or 0)
    many = [lead_request] * MOST_AT_ONCE
    what = "one lead in process, 20 interactions, three reasons"
    return [
        (f"{what}, alone", "250 us", _timed(lambda: score_each([lead_request]))),
        (f"{what}, {len(many)} together, each", "", _timed(lambda: score_each(many), each=len(many))),
    ]


def _features_row(history: LeadHistory, predictor: Predictor, *, with_account: bool) -> tuple[str, str, str]:
    body = body_with(history, interactions=60, with_account=with_account)
    request = check_body(ScoreRequest, body)
    lead_request = request_of_body(predictor, request, now=request.as_of or 0)
    small_history, as_of = history_of([lead_request]), lead_request.as_of
    account = request.account_interactions
    what = f"features of one lead, 60 interactions, {len(predictor.plan.order)} features"
    what += f", {len(account)} interactions of its account" if account else ", none of its account"
    target = "" if account else "100 us"
    return what, target, _timed(lambda: predictor.compute(small_history, _THE_LEAD, as_of))


def _timed(work: Callable[[], object], *, each: int = 1) -> str:
    nanoseconds = []
    for _ in range(_REPEATS // each):
        start = time.perf_counter_ns()
        work()
        nanoseconds.append(time.perf_counter_ns() - start)
    scale = 1e3 * each
    return f"{statistics.median(nanoseconds) / scale:.1f} us, at best {min(nanoseconds) / scale:.1f}"


def _batch_microseconds(predictor: Predictor) -> float:
    scorecard = predictor.bundle.scorecard
    codes = random_codes(scorecard, _MILLION)
    start = time.process_time()
    probabilities(scorecard, codes)
    return (time.process_time() - start) / len(codes) * 1e6
