"""A loaded version answers for histories and for values of features, and shows its card and its curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import leadodds
from models.errors import FeaturesMissingError, NoChampionError, UnknownVersionError
from models.scorecard.hazards import sigmoid
from serving.batch.run import score_history
from serving.scoring.arrow_rows import SCORE_COLUMNS
from tests.serving.batch.test_run import ROWS
from tests.support.builders import at, history_folder, tables
from tests.support.small_models import home_with, small_bundle

AS_OF = "2026-01-11T00:00:00Z"  # the tenth day
# Inputs of the model that these frames do not have.
LACKS = ("has_budget", "account_id")
FRAMES = {name: table.to_pandas(types_mapper=pd.ArrowDtype) for name, table in tables(*ROWS).items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two versions, of which the first is the champion; the second is 1 higher in log-odds."""
    return home_with(tmp_path / "home", small_bundle(), small_bundle(average=-1.0, version="2")).path


def test_score__gives_the_columns_and_numbers_that_the_batch_writes(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    folder = history_folder(tmp_path / "history", *ROWS)
    score_history(folder, home=home, out=out, as_of=at(10), scored_at=at(12), workers=1)

    scores = leadodds.score(FRAMES, as_of=AS_OF, home=home, accept_missing=LACKS)

    written = pd.read_parquet(out).astype({"prospect": "boolean"})
    assert tuple(scores.columns) == tuple(written.columns) == SCORE_COLUMNS
    assert scores["lead_id"].tolist() == ["a", "b", "c", "d", "now"]
    assert scores["rank"].tolist()[:3] == [4, 2, 1]
    assert scores["rank"].isna().tolist() == [False, False, False, True, False]
    plain = [name for name in SCORE_COLUMNS if name not in {"reasons", "curve", "scored_at"}]
    pd.testing.assert_frame_equal(scores[plain], written[plain], check_dtype=False)
    assert [[*each] for each in scores["reasons"]] == [[*each] for each in written["reasons"]]
    assert (scores["scored_at"].dt.tz is not None, scores.attrs) == (
        True,
        {"failures": {}, "inputs": [], "left_out": []},
    )


def test_score__lists_reasons_as_dicts_as_many_as_asked(home: Path) -> None:
    scores = leadodds.score(FRAMES, as_of=AS_OF, reasons=1, home=home, accept_missing=LACKS)

    reasons = scores.set_index("lead_id").loc["c", "reasons"]
    assert [reason["feature"] for reason in reasons] == ["meetings_count", "other"]
    assert isinstance(reasons, list)


def test_score__tells_why_leads_failed(home: Path) -> None:
    frames = {**FRAMES, "leads": FRAMES["leads"].assign(country="XX")}

    scores = leadodds.score(frames, as_of=AS_OF, home=home, accept_missing=LACKS)

    assert scores.attrs["failures"] == dict.fromkeys(
        ["a", "b", "c", "now"], "the model gave no finite number"
    )


def test_load_model__finds_the_champion_a_version_and_a_folder(home: Path) -> None:
    champion = leadodds.load_model(home=home)

    assert (champion.version, champion.horizon_days) == ("1", 30.0)
    assert repr(champion) == "Model(version='1', horizon_days=30)"
    assert [leadodds.load_model(each, home=home).version for each in ("2", 2, home / "bundles" / "2")] == [
        "2"
    ] * 3
    assert leadodds.load_model(champion) is champion
    assert champion.card["model_version"] == "1"


def test_load_model__refuses_what_is_not_there(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownVersionError, match="7"):
        leadodds.load_model(7, home=home)
    with pytest.raises(NoChampionError, match="empty"):
        leadodds.load_model(home=tmp_path / "empty")


def test_curves__hold_what_each_value_adds(home: Path) -> None:
    curves = leadodds.load_model(home=home).curves

    country = curves[curves["feature"] == "country"]
    assert curves.columns.tolist() == ["feature", "label", "value", "points", "share"]
    assert country["value"].tolist() == ["missing", "DE", "FR", "XX", "all others"]
    assert country["points"].tolist() == [0, 0.5, -0.5, -2000, 0]
    assert country["label"].unique().tolist() == ["Country"]
    assert curves["share"].isna().all()
    assert curves["feature"].iloc[0] == "country"


def test_predict__computes_what_score_computes_from_the_features_of_a_history(home: Path) -> None:
    model = leadodds.load_model(home=home)
    features = model.features(FRAMES, as_of=AS_OF).set_index("lead_id")

    predicted = model.predict(features)

    # The sum of the tables: -2 on average, FR -0.5, DE +0.5; c met once, +1, and its account with it, +0.125.
    assert predicted["b"] == pytest.approx(sigmoid(np.array(-2 + 0.5)))
    scores = (
        model.score(FRAMES, as_of=AS_OF, accept_missing=LACKS).set_index("lead_id")["probability"].dropna()
    )
    assert predicted[scores.index].tolist() == scores.tolist()
    assert predicted.name == "probability"


def test_predict__names_features_that_are_absent(home: Path) -> None:
    with pytest.raises(FeaturesMissingError, match="country, has_budget"):
        leadodds.load_model(home=home).predict(
            pd.DataFrame({"meetings_count": [1.0], "account_count": [0.0]})
        )
