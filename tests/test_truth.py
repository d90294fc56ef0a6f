"""How near trained models come to the true odds of made-up companies, which nothing was fitted to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from models.bundle.bundle import read_bundle
from serving.scoring.predictor import Predictor
from serving.scoring.score_columns import INSUFFICIENT_EVIDENCE, Scores
from training.config import TrainingConfig
from training.simulator.simulate import simulate_company
from training.simulator.summary import measure_skill
from training.simulator.world import END_US
from training.train import train


def scored_and_true(folder: Path, *, leads_count: int, config: TrainingConfig) -> tuple[Scores, np.ndarray]:
    """Scores of the leads open at the end of a made-up company by its model, and their true odds."""
    simulate_company(folder, leads_count=leads_count, seed=7)
    outcome = train(folder / "history", home=folder / "home", config=config)
    history = read_history(folder / "history").history
    truth = pq.read_table(folder / "truth.parquet").sort_by("lead_id")
    ids = history.lead_ids.to_pylist()
    row_of = dict(zip(ids, range(len(ids)), strict=True))
    leads = np.array([row_of[lead_id] for lead_id in truth["lead_id"].to_pylist()])
    scores = Predictor.from_bundle(read_bundle(outcome.bundle)).score(history, leads, END_US)
    return scores, truth["probability"].to_numpy()


def mean_distance(predicted: np.ndarray, true: np.ndarray, *, bins: int = 15) -> float:
    """Mean distance of promised from true over bins of equal mass."""
    order = np.argsort(predicted)
    parts = np.array_split(order, bins)
    return float(np.mean([abs(predicted[part].mean() - true[part].mean()) for part in parts]))


@pytest.mark.all
def test_train__comes_near_the_true_odds_with_few_leads(tmp_path: Path) -> None:
    scores, true = scored_and_true(tmp_path, leads_count=5_000, config=TrainingConfig(quick=True))

    share = measure_skill(scores.probability, true) / measure_skill(true, true)

    assert share >= 0.75
    assert mean_distance(scores.probability, true) <= 0.010


@pytest.mark.long
def test_train__comes_near_the_true_odds_with_many_leads(tmp_path: Path) -> None:
    scores, true = scored_and_true(tmp_path, leads_count=50_000, config=TrainingConfig())

    share = measure_skill(scores.probability, true) / measure_skill(true, true)
    covered = np.mean((scores.low <= true) & (true <= scores.high))
    unsure = np.mean(scores.status == INSUFFICIENT_EVIDENCE)

    assert share >= 0.92
    assert mean_distance(scores.probability, true) <= 0.005
    assert 0.87 <= covered <= 0.94
    assert unsure <= 0.05
