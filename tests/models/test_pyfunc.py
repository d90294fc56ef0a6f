"""The logged model: a table of feature values in, probabilities out, and nothing but data in the artifact."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import FeatureCellsError, FeaturesMissingError, FeatureTwiceError
from models.pyfunc import FeatureTableModel
from models.scorecard.scorecard import Term
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard

PROGRAM = """
import sys, pandas as pd, mlflow
from models.artifacts import register_scheme
register_scheme()
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/leadodds@champion")
table = pd.DataFrame({
    "calls_count": [0.0, 1.0, 2.0, None], "country": ["DE", "FR", "AT", None],
    "has_budget": [1.0, 0.0, None, None],
})
print(*(repr(float(p)) for p in model.predict(table)))
"""
# Log-odds: -2 + 0 + 0.5 + 0.25; -2 + 1 - 0.5 + 0; -2 + 2 + 0; -2
EXPECTED = [1 / (1 + np.exp(-log_odds)) for log_odds in (-1.25, -1.5, 0.0, -2.0)]


def test_load_model__without_pickle_in_a_new_process(tmp_path: Path) -> None:
    registry = open_empty_registry(tmp_path / "home")
    with registry.run("training") as run:
        registry.register(run, bundle_with(plain_scorecard()))
    registry.promote("1")
    environment = {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}

    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, registry.tracking_uri],
        check=False, capture_output=True, text=True, cwd=Path.cwd(), env={**os.environ, **environment},
    )  # fmt: skip

    assert output.returncode == 0, output.stderr
    assert [float(text) for text in output.stdout.split()] == pytest.approx(EXPECTED, abs=1e-15)


def test_predict__all_rows_or_one_at_a_time() -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))
    table = pd.DataFrame(
        {
            "country": ["FR", None, "DE", "AT"] * 3,
            "unread": "x",
            "has_budget": [True, False, True, False] * 3,
            "calls_count": range(12),
        }
    )

    batch = model.predict(table)

    assert batch.shape == (12,)
    assert np.array_equal(batch, [model.predict(table.iloc[i : i + 1])[0] for i in range(12)])
    assert batch[0] == pytest.approx(1 / (1 + np.exp(2.25)))  # -2 + 0 - 0.5 + 0.25


def test_predict__names_missing_columns() -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))

    with pytest.raises(FeaturesMissingError, match="not computed: country, has_budget"):
        model.predict(pd.DataFrame({"calls_count": [1.0]}))


def test_predict__reads_cells_of_objects_by_the_text_rule() -> None:
    scorecard = plain_scorecard()
    calls, country, budget = scorecard.bins
    known = replace(country, categories=("0.1", "1", "true"))
    tables = np.array([0, 0.5, -0.5, 1.5, 0])[:, np.newaxis]
    terms = (scorecard.terms[0], Term((1,), tables), scorecard.terms[2])
    model = FeatureTableModel(bundle_with(replace(scorecard, bins=(calls, known, budget), terms=terms)))
    cells: list[tuple[object, object, object]] = [
        (1, np.float32(0.1), "true"),
        ("1", 1, "FALSE"),
        ("-", 1.0, "n/a"),
        ("NULL", True, None),
        (None, "n/a", True),
        (pd.NA, math.nan, ""),
    ]

    made = model.predict(pd.DataFrame(cells, columns=["calls_count", "country", "has_budget"], dtype=object))

    # -2, one call 1, 0.1 0.5, 1 -0.5, true 1.5, a budget 0.25; what is missing adds nothing.
    log_odds = [-0.25, -1.5, -2.5, -0.5, -1.75, -2.0]
    assert made == pytest.approx([1 / (1 + np.exp(-one)) for one in log_odds])


def test_predict__names_the_column_of_a_text_that_is_no_number() -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))
    table = pd.DataFrame({"calls_count": ["many"], "country": ["DE"], "has_budget": [None]})

    with pytest.raises(FeatureCellsError, match="calls_count holds a text where the model reads a number"):
        model.predict(table)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (pd.to_datetime(["2026-01-01"]), r"cells of the type datetime64\[.*\]"),
        (pd.to_datetime(["2026-01-01"], utc=True), r"cells of the type datetime64\[.*, UTC\]"),
        (pd.Series([[1]]), "a list"),
        (pd.Series([pd.Timestamp("2026-01-01"), "x"][:1], dtype=object), "a Timestamp"),
        (pd.Categorical(["many"]), "a text"),
    ],
)
def test_predict__names_the_column_of_cells_that_are_no_numbers(cells: Any, found: str) -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))
    table = pd.DataFrame({"calls_count": cells, "country": ["DE"], "has_budget": [None]})

    with pytest.raises(FeatureCellsError, match=f"calls_count holds {found} where the model reads a number"):
        model.predict(table)


def test_predict__names_a_column_that_is_there_twice() -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))
    table = pd.DataFrame(
        [[1.0, 2.0, "DE", None]], columns=["calls_count", "calls_count", "country", "has_budget"]
    )

    with pytest.raises(FeatureTwiceError, match="calls_count is there more than once"):
        model.predict(table)


@pytest.mark.parametrize("dtype", ["float64", object, "category"])
def test_predict__what_is_no_number_of_a_history_is_missing(dtype: Any) -> None:
    model = FeatureTableModel(bundle_with(plain_scorecard()))
    cells = pd.DataFrame({"calls_count": [math.inf, -math.inf, 1.0], "has_budget": [2.0, 0.5, 1.0]}).astype(
        dtype
    )
    empty = pd.DataFrame({"calls_count": [None, None, 1.0], "has_budget": [None, None, 1.0]})

    made = model.predict(cells.assign(country="DE"))

    assert made.tolist() == model.predict(empty.assign(country="DE")).tolist()
