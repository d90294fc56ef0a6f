from __future__ import annotations

import pytest

from tests.support.builders import check
from tests.support.small_business import CONFIG, small_business
from training.backtesting.jobs import prepare_fit
from training.backtesting.planned_fits import plan_origin_fits
from training.evaluation.learning_curve import LearningPoint, conclude, plan_learning_fits
from training.examples.dataset import build_dataset
from training.metrics.bootstrap import Estimate


@pytest.mark.parametrize(
    ("low", "high", "conclusion"),
    [
        (0.001, 0.003, "More leads would probably help: going from 50 to 100 leads"),
        (-0.0001, 0.0004, "More leads of the same kind would change little"),
        (-0.001, 0.003, "cannot be told"),
    ],
)
def test_conclude__says_whether_more_leads_would_help(low: float, high: float, conclusion: str) -> None:
    loss = Estimate(0.1, 0.09, 0.11, 500)
    half = LearningPoint(0.5, 50, 5, loss, Estimate((low + high) / 2, low, high, 500))
    whole = LearningPoint(1.0, 100, 10, loss, Estimate(0.0, 0.0, 0.0, 500))

    assert conclusion in conclude([half, whole])


def test_plan_learning_fits__a_bound_on_rows_shrinks_with_the_leads() -> None:
    history, _ = check(small_business())
    assert history is not None
    config = CONFIG.model_copy(update={"quick": False, "max_rows": 2_000, "unthinned_rows": 2_000})
    dataset = build_dataset(history, config=config)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config)

    rows = []
    for fit in (*plan_learning_fits(dataset, fits), fits[-1]):
        prepared = prepare_fit(fit, dataset.matrix, dataset.lead)
        rows.append(0 if prepared is None else len(prepared[1].rows.example))

    # A quarter and half of the leads have a quarter and half of the rows, and not all as many as the bound.
    assert rows == [500, 1_000, 2_000]
