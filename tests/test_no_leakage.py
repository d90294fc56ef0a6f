"""Promise 1, three times over: a table of edges, a property, and the same features in SQL from raw rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from features.catalog.measures import MEASURES
from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import FeaturePlan, compile_plan
from features.history.known import known_at
from features.history.lead_history import LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import START, history, lead, touch
from tests.support.declarations import every_feature
from tests.support.oracles import compute_by_sql
from tests.support.strategies import RawHistory, raw_histories

_TICK = 1 / US_PER_DAY
_EVERY = every_feature()
_PLAN = compile_plan(_EVERY)
_few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _compute(plan: FeaturePlan, known: LeadHistory, row: int, as_of: int) -> FeatureMatrix:
    return compute_features(plan, known, Examples(np.array([row]), np.array([as_of])))


def _said(matrix: FeatureMatrix) -> list[list[object]]:
    """Values by feature, categories as text, None where missing."""
    told: list[list[object]] = []
    for name, values in zip(matrix.names, matrix.values, strict=True):
        words = matrix.vocabularies.get(name)
        told.append(
            [None if np.isnan(value) else words[int(value)] if words else float(value) for value in values]
        )
    return told


@pytest.mark.parametrize(
    ("occurred", "available", "count_ever", "count_1d"),
    [
        (9, 10 - _TICK, 1, 0),  # known one tick before as_of
        (9, 10, 1, 0),  # known at as_of; its age is exactly the window, and so outside of it
        (9, 10 + _TICK, 0, 0),  # known one tick later
        (9 + _TICK, 10, 1, 1),  # one tick younger than the window
        (9 - _TICK, 10, 1, 0),
        (10, 10, 1, 1),  # happened at as_of
        (10 + _TICK, 10 + _TICK, 0, 0),
        (10 + _TICK, 5, 0, 0),  # nothing is known before it happens, whatever the table says
    ],
)
@pytest.mark.parametrize("scope", ["lead", "account"])
def test_compute_features__edge_of_what_is_known(
    occurred: float, available: float, count_ever: int, count_1d: int, scope: str
) -> None:
    known = history([lead("a", account_id="x")], [touch("a", "chat", occurred, available_at=available)])
    features = FeatureSet((declare("count", scope=scope), declare("count", window_days=1, scope=scope)))

    matrix = _compute(compile_plan(features), known, 0, START + 10 * US_PER_DAY)

    assert matrix.values[:, 0].tolist() == [count_ever, count_1d]


@_few
@given(raw_histories())
def test_compute_features__nothing_unknown_changes_anything(raw: RawHistory) -> None:
    for row, lead_id, as_of in raw.examples:
        cut = known_at(raw.history, as_of)

        whole = _compute(_PLAN, raw.history, row, as_of)
        alone = _compute(_PLAN, cut, cut.lead_ids.to_pylist().index(lead_id), as_of)

        assert _said(whole) == _said(alone)


@_few
@given(raw_histories())
def test_compute_features__same_as_sql_over_the_raw_tables(raw: RawHistory) -> None:
    rows, as_ofs = (
        np.array([example[place] for example in raw.examples], dtype=np.int64) for place in (0, 2)
    )

    ours = _said(compute_features(_PLAN, raw.history, Examples(rows, as_ofs)))
    theirs = compute_by_sql(
        raw.tables, _EVERY.features, [(lead_id, as_of) for _, lead_id, as_of in raw.examples]
    )

    for feature, mine, expected in zip(_EVERY.features, ours, theirs, strict=True):
        assert mine == [_about(value) for value in _unless_no_account(feature.scope, expected, raw, rows)], (
            feature
        )


def test_every_feature__declares_all_measures() -> None:
    assert {feature.measure for feature in _EVERY.features} == set(MEASURES)


def _unless_no_account(scope: str, values: list[object], raw: RawHistory, rows: np.ndarray) -> list[object]:
    # SQL counts nothing as 0; of an account that is not there nothing is known.
    has_none = (raw.history.account[rows] < 0) & (scope == "account")
    return [None if missing else value for value, missing in zip(values, has_none, strict=True)]


def _about(value: object) -> object:
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
