"""The yardstick: the same bodies and answers as FastAPI reads and writes them, and an empty handler.

What it is, exactly: `ScoreRequest`, our own model of the body, as the parameter of a route; `ScoreAnswer`,
the model that describes our answers, as what it returns; in between a constant. FastAPI parses, checks,
calls, checks again and serialises, without any layer, key, log or metric of ours.
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
    """Answers a constant to a body that was read and checked."""
    return _answer()


@app.get("/v1/leads/{lead_id}/score")
async def lead_score(lead_id: str) -> ScoreAnswer:
    """Answers a constant."""
    return _answer()
