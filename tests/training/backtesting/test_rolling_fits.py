from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from features.engine.matrix import FeatureMatrix
from features.history.known import known_at
from features.history.lead_history import Ints, LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import check
from tests.support.small_business import CONFIG, small_business
from training.backtesting.jobs import SCORECARD, Fit, Fitted, make_fit
from training.backtesting.parallel import WorkerLostError
from training.backtesting.rolling_fits import judge_fits, make_fits, plan_origin_fits
from training.examples.dataset import Material, gather_material
from training.examples.labels import label_examples
from training.examples.origins import Origin


def _history() -> LeadHistory:
    history, _ = check(small_business())
    assert history is not None
    return history


def _fit_at(material: Material, moment: int) -> Fitted:
    """The refit at a moment, with the catalogue that the material's first origin has."""
    fit = Fit(
        feature_set=material.feature_sets[0],
        labels=label_examples(material.history, material.examples.examples, observed_until=moment),
        test=np.empty(0, dtype=np.int64),
        horizon_days=material.horizon_days,
        config=CONFIG,
        has_yardsticks=False,
    )
    made = make_fit(fit, material.matrix, material.lead)
    assert made is not None
    return made


def test_make_fit__at_an_origin_knows_nothing_of_what_came_later() -> None:
    history = _history()
    whole = gather_material(history, config=CONFIG)
    moment = whole.origins[-1].at
    # Everything that became known later than the origin is gone.
    cut = gather_material(known_at(history, moment + 1), config=CONFIG)

    first, second = (_fit_at(material, moment).hazard.scorecard for material in (whole, cut))

    assert [bins.name for bins in first.bins] == [bins.name for bins in second.bins]
    assert first.average.tobytes() == second.average.tobytes()
    assert [one.table.tobytes() for one in first.terms] == [one.table.tobytes() for one in second.terms]


def test_judge_fits__judges_each_example_once_after_its_origin_and_within_its_window() -> None:
    material = gather_material(_history(), config=CONFIG)
    fits = plan_origin_fits(material, material.feature_sets, config=CONFIG)

    judged = judge_fits(material, fits, make_fits(fits, material, workers=1))

    at = np.array([origin.at for origin in judged.origins])[judged.origin]
    until = np.array([origin.test_until for origin in judged.origins])[judged.origin]
    assert ((judged.as_of > at) & (judged.as_of <= until)).all()
    assert len(set(zip(judged.lead.tolist(), judged.as_of.tolist(), strict=True))) == len(judged.lead)
    # The whole horizon of every test example was observed.
    horizon = round(judged.horizon_days * US_PER_DAY)
    assert (judged.as_of + horizon <= material.history.observed_until).all()
    assert (material.history.created_at[judged.lead[judged.is_unseen]] >= at[judged.is_unseen]).all()


def test_make_fits__in_two_processes_promise_the_same_bits() -> None:
    material = gather_material(_history(), config=CONFIG)
    fits = plan_origin_fits(material, material.feature_sets, config=CONFIG)

    alone, together = (make_fits(fits, material, workers=workers) for workers in (1, 2))

    for one, other in zip(alone, together, strict=True):
        assert one is not None
        assert other is not None
        assert one.log_odds[SCORECARD].tobytes() == other.log_odds[SCORECARD].tobytes()


def _end_process(fit: Fit, matrix: FeatureMatrix, lead: Ints) -> Fitted | None:
    os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out
    return None


def test_make_fits__a_worker_that_was_ended_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    material = gather_material(_history(), config=CONFIG)
    fits = plan_origin_fits(material, material.feature_sets, config=CONFIG)
    monkeypatch.setattr("training.backtesting.rolling_fits.make_fit", _end_process)

    with pytest.raises(WorkerLostError, match="One of 2 processes that fit was ended by the system"):
        make_fits(fits, material, workers=2)


def test_make_fit__before_enough_is_known_there_is_none() -> None:
    history = _history()
    material = gather_material(history, config=CONFIG)
    early = int(history.created_at.min()) + 2 * US_PER_DAY
    origin = Origin(
        at=early, test_from=early, test_until=early + US_PER_DAY, matured_at=early + 40 * US_PER_DAY
    )
    fit = Fit(
        feature_set=material.feature_sets[0],
        labels=label_examples(history, material.examples.examples, observed_until=origin.at),
        test=material.tests_of(origin, config=CONFIG),
        horizon_days=material.horizon_days,
        config=CONFIG,
        has_yardsticks=False,
    )

    assert make_fit(fit, material.matrix, material.lead) is None
