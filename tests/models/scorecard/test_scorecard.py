"""A scorecard refuses parts that do not fit together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.errors import ScorecardError
from models.scorecard.scorecard import Misfit, Replica, Shrinkage, Term
from models.scorecard.scoring import hazard_logits
from tests.support.scorecards import TWO_CODES, two_bins


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"time_edges_days": np.array([0.0, 30.0, 10.0])}, "time edges should be days that rise from 0"),
        ({"time_edges_days": np.array([1.0, 10.0, 30.0])}, "time edges should be days that rise from 0"),
        ({"time_edges_days": np.array([0.0, 10.0, math.inf])}, "time edges should be days that rise from 0"),
        ({"horizon_days": 31.0}, "main horizon should be within 30 days, but is 31.0"),
        (
            {"average": np.zeros(3)},
            r"average should be float64 of shape \(2,\), but is float64 of shape \(3,\)",
        ),
        ({"average": np.array([0.0, math.nan])}, "average should be finite numbers, but is partly NaN"),
        ({"level_shift": math.inf}, "level should be finite numbers"),
        ({"level_spread": math.nan}, "level should be finite numbers"),
        (
            {"terms": (Term((0,), np.zeros((4, 2))),)},
            r"table of calls_count should be float64 of shape \(3, 2\)",
        ),
        (
            {"terms": (Term((0,), np.full((3, 2), math.nan)),)},
            "table of calls_count should be finite numbers",
        ),
        ({"terms": (Term((1,), np.zeros((3, 2))),)}, "term 0 should be about one or two known features"),
        ({"terms": (Term((), np.zeros((3, 2))),)}, "term 0 should be about one or two known features"),
        ({"misfit": Misfit(np.array([1.0, 0.0]), np.zeros(2))}, "misfit should be log-odds that rise"),
        ({"range_rule": 3}, "rule of ranges should be 1 or 2, but is 3"),
        ({"shrinkage": Shrinkage(np.zeros(2), np.zeros(2))}, "shrinkage should be log-odds that rise"),
        ({"shrinkage": Shrinkage(np.zeros(1), np.zeros(2))}, r"moves of the shrinkage should be float64 of"),
        ({"misfit": Misfit(np.zeros(1), -np.ones(1))}, "misfit should be log-odds that rise and spreads"),
        (
            {"misfit": Misfit(np.zeros(1), np.zeros(2))},
            r"spreads of the misfit should be float64 of shape \(1,",
        ),
        ({"replicas": (Replica(np.zeros(2), ()),)}, "list of tables of replica 0 should be 1 long, but is 0"),
        ({"replicas": (Replica(np.zeros(2), (np.zeros((3, 1)),)),)}, "table of calls_count of replica 0"),
    ],
)
def test_scorecard__refuses_parts_that_do_not_fit(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScorecardError, match=sentence):
        two_bins(**changes)


def test_scorecard__replace_lays_the_tables_out_again() -> None:
    moved = replace(two_bins(), average=np.array([0.0, 0.0]))

    assert hazard_logits(moved, TWO_CODES[:1]).tolist() == [[0.0, 0.0]]
