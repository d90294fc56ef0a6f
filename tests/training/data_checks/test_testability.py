"""What `check` calls trainable, `train` takes: each reason where it holds, and just does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.findings.problems import Findings, HistoryError, Problem
from features.findings.training_codes import TRAINING_CODES
from features.history.lead_history import LeadHistory
from tests.support.lead_fates import DAY, business, fate, history_of
from training.config import TrainingConfig
from training.data_checks.data_gate import require_testability
from training.data_checks.testability import check_fits, check_testability
from training.examples.dataset import Dataset, build_dataset
from training.examples.origins import conversions_needed, rolling_origins

CONFIG = TrainingConfig()
SMALL = CONFIG.model_copy(update={"max_examples": 4_000})
NEEDED = conversions_needed(CONFIG)  # 45


def found(history: LeadHistory) -> tuple[Problem, ...]:
    findings = Findings()
    check_testability(history, findings, config=CONFIG)
    return findings.problems()


def at_creation(*, later: int) -> LeadHistory:
    """Every third of 600 leads converts at its creation, and some a day later, evenly over 200 days."""
    fates = [
        fate(number * DAY // 3, converted_at=number * DAY // 3 if number % 3 == 0 else None)
        for number in range(600)
    ]
    step = 200 / later
    fates += [fate(int(n * step * DAY), converted_at=int((n * step + 1) * DAY)) for n in range(later)]
    return history_of(sorted(fates), observed_until=201 * DAY)


def known_on(day: int, *, days: int = 200) -> LeadHistory:
    """All outcomes became known on one day, or when they happened if that was later."""
    history = business(900, days=days)
    outcomes = history.outcomes
    known = np.maximum(outcomes.available_at, day * DAY)
    return replace(history, outcomes=replace(outcomes, available_at=known, has_available_at=True))


def few(count: int) -> LeadHistory:
    """Few conversions, five days after their creation, evenly over 300 days."""
    step = 300 / count
    fates = [fate(int(n * step * DAY), converted_at=int((n * step + 5) * DAY)) for n in range(count)]
    return history_of(sorted(fates + [fate(n * DAY) for n in range(300)]), observed_until=330 * DAY)


def outcomes_end_at(day: int) -> LeadHistory:
    """Leads come for 400 days; those that convert do so after 25 days, the last one on the given day."""
    fates = [fate(n * DAY // 2, converted_at=n * DAY // 2 + 25 * DAY) for n in range(2 * (day - 25) + 1)]
    fates += [fate(n * DAY // 2 + 1) for n in range(800)]
    return history_of(sorted(fates), observed_until=400 * DAY)


FIRES = {
    "D070": at_creation(later=NEEDED - 1),
    "D071": known_on(200),
    "D072": few(NEEDED - 1),
    "D073": business(900, days=12),
}
NEARLY = {
    "D070": at_creation(later=NEEDED),
    "D071": known_on(100),
    "D072": few(NEEDED),
    "D073": business(900, days=40),
}


@pytest.mark.parametrize("code", FIRES)
def test_check_testability__finds(code: str) -> None:
    (problem,) = found(FIRES[code])

    assert (problem.code, problem.stops) == (code, "training")
    assert "{" not in problem.sentence


@pytest.mark.parametrize("code", NEARLY)
def test_check_testability__is_silent_where_it_is_only_nearly_so(code: str) -> None:
    assert code not in {problem.code for problem in found(NEARLY[code])}


def test_check_testability__counts_what_falls_on_the_creation() -> None:
    (problem,) = found(FIRES["D070"])

    assert problem.sentence.startswith(
        "200 conversions fall on the creation of their lead; 44 come later, where 45 are needed"
    )


def test_check_testability__nothing_converts_where_the_model_would_be_tested() -> None:
    # 99 conversions: too few to call their end a break, so that the origins lie after it.
    fates = [fate(n * DAY, converted_at=(n + 1) * DAY) for n in range(99)]
    fates += [fate(n * DAY + 1) for n in range(900)]
    history = history_of(sorted(fates), observed_until=900 * DAY)
    longer = history_of(sorted([*fates, fate(700 * DAY, converted_at=701 * DAY)]), observed_until=900 * DAY)

    assert [problem.code for problem in found(history)] == ["D074"]
    assert found(longer) == ()


def test_rolling_origins__none_is_laid_after_the_conversions_ended() -> None:
    history = outcomes_end_at(200)

    origins = rolling_origins(history, config=CONFIG, horizon_days=30)

    assert len(origins) >= 4
    assert origins[-1].test_until == 200 * DAY
    assert found(history) == ()


def test_require_testability__names_the_reason() -> None:
    with pytest.raises(HistoryError, match=r"D072 There are 44 conversions .* fewer than 45; 1 more needed"):
        require_testability(FIRES["D072"], source="history", config=CONFIG)


def of_fits(dataset: Dataset) -> list[str]:
    findings = Findings()
    check_fits(dataset, findings, config=SMALL)
    return [problem.code for problem in findings.problems()]


def test_check_fits__an_origin_can_be_fitted_and_tested() -> None:
    dataset = build_dataset(business(900, days=200), config=SMALL)
    early = tuple(replace(origin, at=DAY) for origin in dataset.origins)
    all_convert = replace(dataset, outcome=np.where(np.isnan(dataset.outcome), np.nan, 1.0))

    assert of_fits(dataset) == []
    assert of_fits(replace(dataset, origins=early)) == ["D075"]
    assert of_fits(all_convert) == ["D076"]


def test_rolling_origins__each_can_be_fitted_where_conversions_are_reported_late() -> None:
    history = business(900, days=200)
    late = replace(history.outcomes, available_at=history.outcomes.occurred_at + 60 * DAY)
    slow = replace(history, outcomes=replace(late, has_available_at=True), observed_until=300 * DAY)

    assert found(slow) == ()
    assert of_fits(build_dataset(slow, config=SMALL)) == []


def test_codes__each_that_concerns_the_test_is_in_a_test() -> None:
    assert {*FIRES, "D074", "D075", "D076", "D077"} == {*TRAINING_CODES}
    assert {*FIRES} == {*NEARLY}
