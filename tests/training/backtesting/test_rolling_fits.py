from __future__ import annotations

import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from features.engine.matrix import FeatureMatrix
from features.history.known import known_at
from features.history.lead_history import Ints, LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import check
from tests.support.small_business import CONFIG, small_business
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec, make_fit, prepare_fit
from training.backtesting.parallel import WorkerLostError
from training.backtesting.planned_fits import plan_origin_fits
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.config import TrainingConfig
from training.examples.dataset import Dataset, build_dataset
from training.examples.labels import label_examples
from training.examples.origins import Origin


def _history() -> LeadHistory:
    history, _ = check(small_business())
    assert history is not None
    return history


def _spec_at(dataset: Dataset, moment: int, *, config: TrainingConfig) -> FitSpec:
    """Plans the refit at a moment."""
    return FitSpec(
        feature_set=dataset.feature_sets[0],
        labels=label_examples(dataset.history, dataset.examples.examples, observed_until=moment),
        test=np.empty(0, dtype=np.int64),
        horizon_days=dataset.horizon_days,
        config=config,
        has_baselines=False,
    )


def _fit_at(dataset: Dataset, moment: int) -> FitResult:
    """The refit at a moment, with the catalogue that the dataset's first origin has."""
    result = make_fit(_spec_at(dataset, moment, config=CONFIG), dataset.matrix, dataset.lead)
    assert result is not None
    return result


def test_make_fit__at_an_origin_knows_nothing_later() -> None:
    history = _history()
    whole = build_dataset(history, config=CONFIG)
    moment = whole.origins[-1].at
    # Everything that became known later than the origin is gone.
    cut = build_dataset(known_at(history, moment + 1), config=CONFIG)

    first, second = (_fit_at(dataset, moment).hazard.scorecard for dataset in (whole, cut))

    assert [bins.name for bins in first.bins] == [bins.name for bins in second.bins]
    assert first.average.tobytes() == second.average.tobytes()
    assert [term.table.tobytes() for term in first.terms] == [term.table.tobytes() for term in second.terms]


def test_prepare_fit__bounds_the_rows_by_the_leads_known_at_the_origin() -> None:
    history = _history()
    config = CONFIG.model_copy(update={"max_rows_per_lead": 4})
    whole = build_dataset(history, config=config)
    at = whole.origins[0].at
    cut = build_dataset(known_at(history, at + 1), config=config)

    bounds, leads = [], []
    for dataset in (whole, cut):
        fit = _spec_at(dataset, at, config=config)
        prepared = prepare_fit(fit, dataset.matrix, dataset.lead)
        assert prepared is not None
        bounds.append(prepared[0].config.max_rows)
        leads.append(len(np.unique(dataset.lead[prepared[1].examples])))

    assert bounds[0] == bounds[1] == 4 * leads[0]
    assert leads[0] == leads[1] < len(np.unique(whole.lead))


def test_collect_predictions__tests_each_example_once_after_its_origin_and_within_its_window() -> None:
    dataset = build_dataset(_history(), config=CONFIG)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=CONFIG)

    predictions = collect_predictions(dataset, fits, make_fits(fits, dataset, workers=1))

    at = np.array([origin.at for origin in predictions.origins])[predictions.origin]
    until = np.array([origin.test_until for origin in predictions.origins])[predictions.origin]
    assert ((predictions.as_of > at) & (predictions.as_of <= until)).all()
    assert len(set(zip(predictions.lead.tolist(), predictions.as_of.tolist(), strict=True))) == len(
        predictions.lead
    )
    # The whole horizon of every test example was observed.
    horizon = round(predictions.horizon_days * US_PER_DAY)
    assert (predictions.as_of + horizon <= dataset.history.observed_until).all()
    assert (
        dataset.history.created_at[predictions.lead[predictions.is_unseen]] >= at[predictions.is_unseen]
    ).all()


def test_make_fits__in_two_processes_predict_the_same_bits() -> None:
    dataset = build_dataset(_history(), config=CONFIG)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=CONFIG)

    alone, together = (make_fits(fits, dataset, workers=workers) for workers in (1, 2))

    for first, second in zip(alone, together, strict=True):
        assert first is not None
        assert second is not None
        assert first.log_odds[SCORECARD].tobytes() == second.log_odds[SCORECARD].tobytes()


def _end_process(fit: FitSpec, matrix: FeatureMatrix, lead: Ints) -> FitResult | None:
    os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out
    return None


def test_make_fits__a_lost_worker_is_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = build_dataset(_history(), config=CONFIG)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=CONFIG)
    monkeypatch.setattr("training.backtesting.rolling_fits.make_fit", _end_process)

    with pytest.raises(WorkerLostError, match="One of 2 processes that fit was ended by the system"):
        make_fits(fits, dataset, workers=2)


def test_make_fits__a_fit_takes_what_the_last_one_before_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build_dataset(_history(), config=CONFIG)
    made: list[tuple[float, float | None, object]] = []

    def make(fit: FitSpec, matrix: FeatureMatrix, lead: Ints) -> FitResult:
        made.append((fit.horizon_days, fit.selected and fit.selected.of, dict(fit.baseline_settings)))  # type: ignore[attr-defined]
        # The first had too few later rows to choose by.
        selected = SimpleNamespace(of=fit.horizon_days, is_chosen=fit.horizon_days > 1)
        chosen = SimpleNamespace(selected_model=selected)
        settings = {"trees": {"of": fit.horizon_days}} if fit.has_baselines else {}
        return FitResult(chosen, {}, baseline_settings=settings)  # type: ignore[arg-type]

    monkeypatch.setattr("training.backtesting.rolling_fits.make_fit", make)
    spec = _spec_at(dataset, dataset.origins[0].at, config=CONFIG)
    fits = [
        replace(spec, horizon_days=1.0),
        replace(spec, horizon_days=2.0, takes_selection=True),
        replace(spec, horizon_days=3.0, has_baselines=True),
        replace(spec, horizon_days=4.0, takes_selection=True),
        replace(spec, horizon_days=5.0, takes_selection=True),
        replace(spec, horizon_days=6.0, has_baselines=True, takes_settings=True),
    ]

    done: list[float] = []

    results = make_fits(fits, dataset, workers=1, progress=lambda _, part: done.append(part))

    assert done == sorted(done)
    assert done[-1] == 1
    of_three = {"trees": {"of": 3.0}}
    assert sorted(made) == [
        (1.0, None, {}),
        (2.0, None, {}),
        (3.0, None, {}),
        (4.0, 3.0, {}),
        (5.0, 3.0, {}),
        (6.0, None, of_three),
    ]
    of = [result.hazard.selected_model.of for result in results if result is not None]  # type: ignore[attr-defined]
    assert of == [1, 2, 3, 4, 5, 6]


def test_make_fit__is_none_where_the_labels_do_not_reach_the_horizon() -> None:
    history = _history()
    dataset = build_dataset(history, config=CONFIG)
    early = int(history.created_at.min()) + 2 * US_PER_DAY
    origin = Origin(
        at=early, test_from=early, test_until=early + US_PER_DAY, matured_at=early + 40 * US_PER_DAY
    )
    fit = FitSpec(
        feature_set=dataset.feature_sets[0],
        labels=label_examples(history, dataset.examples.examples, observed_until=origin.at),
        test=dataset.tests_of(origin, config=CONFIG),
        horizon_days=dataset.horizon_days,
        config=CONFIG,
        has_baselines=False,
    )

    assert make_fit(fit, dataset.matrix, dataset.lead) is None
