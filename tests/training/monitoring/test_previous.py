from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.builders import at, history, lead
from tests.support.small_models import home_with, small_bundle
from tests.training.monitoring.followed import followed
from training.config import TrainingConfig
from training.monitoring.delays import ReportingDelay
from training.monitoring.previous import previous_champion, previous_evidence
from training.monitoring.verdict import Evidence

# Leads of whom the version before says logit -2 within 30 days, and of whom 30 in 250 convert.
LEADS = history(
    [lead(f"l{number}", account_id=None, country="ZZ", has_budget=False) for number in range(250)],
    [],
    [],
    observed_until=60,
)
CONVERTED = [1] * 30 + [0] * 220
BEFORE = 1 / (1 + math.exp(2))


def evidence(
    probability: float,
    *,
    converted: list[int] = CONVERTED,
    champion: str = "2",
    horizon_days: float = 30.0,
    **columns: Any,
) -> list[Evidence]:
    given = followed(
        [probability] * 250, converted, when=10, horizon_days=horizon_days, versions=("2",), **columns
    )
    return [
        *previous_evidence(
            given,
            np.ones(250, np.bool_),
            LEADS,
            ReportingDelay(np.zeros(1)),
            champion=champion,
            previous=small_bundle(version="1"),
            until=at(60),
            confidence=0.95,
            config=TrainingConfig(bootstrap_replicates=200),
        )
    ]


def test_previous_champion__is_the_one_that_answered_before(tmp_path: Path) -> None:
    bundles = {version: small_bundle(version=version) for version in "12"}
    home = home_with(tmp_path, *bundles.values())
    assert previous_champion(home, bundles) is None

    home.swap_champion("2")

    assert previous_champion(home, bundles) == "1"
    assert previous_champion(home, {"2": bundles["2"]}) is None


def test_previous_evidence__is_the_rise_of_the_log_loss_on_the_same_leads() -> None:
    (line,) = evidence(0.5)

    before = -(0.12 * math.log(BEFORE) + 0.88 * math.log(1 - BEFORE))
    assert line.value == pytest.approx(math.log(2) / before - 1)
    assert (line.rule, line.subject, line.state) == ("worse_than_previous", "1", "crossed")
    assert line.most == 0.01


def test_previous_evidence__of_the_same_chances_is_nothing() -> None:
    (line,) = evidence(BEFORE)

    assert line.value == pytest.approx(0.0, abs=1e-9)
    assert line.state == "within"


def test_previous_evidence__says_nothing_of_what_cannot_be_compared() -> None:
    assert evidence(0.5, converted=[1] * 29 + [0] * 221) == []
    assert evidence(0.5, champion="3") == []
    # The version before says nothing of day 31.
    assert evidence(0.5, horizon_days=31.0) == []
