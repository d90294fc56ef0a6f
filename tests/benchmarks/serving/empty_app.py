"""A plain FastAPI application to compare with: the same bodies and answers, and an empty handler.

`ScoreRequest`, our model of the body, is the parameter of the route, and `ScoreAnswer`, our model of the
answer, is its return type; the handler returns a constant. FastAPI parses, checks, calls, checks again and
serialises, without any layer, key, log or metric of ours.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from fastapi import FastAPI

from serving.bodies.score_bodies import ScoreRequest
from serving.http.openapi.score_answers import ScoreAnswer
from tests.benchmarks.serving.servers import ANSWER_VARIABLE

app = FastAPI()


@cache
def _answer() -> ScoreAnswer:
    """Reads the constant at the first request."""
    return ScoreAnswer.model_validate_json(Path(os.environ[ANSWER_VARIABLE]).read_bytes())


@app.post("/v1/score")
async def score(body: ScoreRequest) -> ScoreAnswer:
    """Returns a constant for a body that was read and checked."""
    return _answer()


@app.get("/v1/leads/{lead_id}/score")
async def lead_score(lead_id: str) -> ScoreAnswer:
    """Returns a constant."""
    return _answer()
