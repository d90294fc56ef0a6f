from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.spec import Feature, FeatureSet
from models.bins import FeatureBins
from models.scorecard import Scorecard, Term
from tests.judgements import judged_world
from training.report import draw_report


def _scorecard() -> Scorecard:
    bins = (
        FeatureBins("lead_age_days", "number", np.array([1.0, 7.0])),
        FeatureBins("country", "category", np.empty(0), ("de", "fr")),
    )
    terms = tuple(Term((place,), np.arange(8.0).reshape(4, 2) * (place + 1)) for place in range(2))
    return Scorecard(bins, np.array([0.0, 7.0, 30.0]), 30.0, terms, np.array([-3.0, -2.0]))


FEATURES = FeatureSet((Feature("lead_age_days", "lead_age", "Age of the lead", unit="days"),))


@pytest.mark.parametrize("name", ["reliability", "gains", "origins", "terms"])
def test_draw_report__draws_the_same_bytes_twice(tmp_path: Path, name: str) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        draw_report(judged_world(n=300), _scorecard(), FEATURES, folder=folder)

    first, second = ((folder / f"{name}.png").read_bytes() for folder in folders)

    assert first.startswith(b"\x89PNG")
    assert len(first) > 5_000
    assert first == second
