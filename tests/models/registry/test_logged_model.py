"""What stands beside the bundle in a logged model: signature, input example, environment."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema

from models.bundle.bundle import Bundle
from models.pyfunc import FeatureTableModel, example_of
from models.registry.logged_model import signature_of
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard

IMPORTED = """
import sys
before = set(sys.modules)
import models.pyfunc
found = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*(found & {"numpy", "pandas", "pyarrow", "pydantic", "duckdb", "scipy", "sklearn", "sqlalchemy"}))
"""


@pytest.fixture
def bundle() -> Bundle:
    return bundle_with(plain_scorecard())


def test_signature__asks_for_every_column_and_takes_empty_cells(bundle: Bundle) -> None:
    schema = signature_of(bundle).inputs
    table = pd.DataFrame({"calls_count": [2.0, None], "country": ["DE", None], "has_budget": [None, 1.0]})

    assert schema.required_input_names() == ["calls_count", "country", "has_budget"]
    answer = FeatureTableModel(bundle).predict(_enforce_schema(table, schema))
    assert answer == pytest.approx(
        [1 / (1 + np.exp(-0.5)), 1 / (1 + np.exp(1.75))]
    )  # -2 + 2 + 0.5; -2 + 0.25
    with pytest.raises(MlflowException, match=r"missing inputs.*has_budget"):
        _enforce_schema(table.drop(columns="has_budget"), schema)


def test_example__is_made_up_of_bins(bundle: Bundle) -> None:
    example = example_of(bundle)

    assert example.iloc[0].to_dict() == {"calls_count": 2.0, "country": "DE", "has_budget": 1.0}
    assert example.iloc[1].isna().all()
    answer = FeatureTableModel(bundle).predict(_enforce_schema(example, signature_of(bundle).inputs))
    assert answer == pytest.approx([1 / (1 + np.exp(-0.75)), 1 / (1 + np.exp(2))])


def test_environment__pins_what_the_loader_imports_and_not_leadodds(bundle: Bundle, tmp_path: Path) -> None:
    registry = open_empty_registry(tmp_path / "home")
    with registry.run("training") as run:
        registry.register(run, bundle)
    (folder,) = (registry.home.artifacts / "models").glob("*/artifacts")

    pins = dict(line.split("==") for line in (folder / "requirements.txt").read_text().split())

    imported = subprocess.run([sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True)
    assert set(imported.stdout.split()) | {"mlflow"} == set(pins)
    assert pins == {name: metadata.version(name) for name in pins}
    assert "leadodds" not in (folder / "conda.yaml").read_text()
    assert json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]["data"] == [
        [2.0, "DE", 1.0],
        [None, None, None],
    ]
