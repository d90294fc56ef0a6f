"""One registered model through MLflow's doors and ours: the same probabilities of 1,000 leads."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

import leadodds
from features.history.lead_history import Floats
from features.spark.session import spark_session
from models.registry.connection import as_current
from models.registry.registry import open_registry
from tests.models.registry.mlflow_servers import model_server
from tests.support.homes import open_empty_registry
from tests.support.small_business import CONFIG, small_business, write_business

CHAMPION = "models:/leadodds@champion"
AS_OF = "2026-04-20T00:00:00Z"


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pd.DataFrame, Floats]:
    """Tracking URI of a home with a champion, the features of 1,000 leads, and what we answer for them."""
    folder = tmp_path_factory.mktemp("doors")
    made = small_business(leads_count=1_000, days=109)
    history = write_business(folder / "history", made)
    # Leads without outcomes are all open.
    unclosed = write_business(folder / "open", {**made, "outcomes": made["outcomes"].slice(0, 0)})
    home = open_empty_registry(folder / "home").home.path
    leadodds.train(history, config=CONFIG, home=home, promote=True)
    table = leadodds.features(unclosed, as_of=AS_OF, model="1", home=home)
    scores = leadodds.score(unclosed, "1", as_of=AS_OF, home=home, reasons=0, accept_missing=["outcomes"])
    assert scores["lead_id"].tolist() == table["lead_id"].tolist()
    assert len(table) == 1_000
    return open_registry(home).tracking_uri, table.astype(object), scores["probability"].to_numpy()


def test_load_model__answers_as_we_do(champion: tuple[str, pd.DataFrame, Floats]) -> None:
    uri, table, expected = champion

    with as_current(uri):
        model = mlflow.pyfunc.load_model(CHAMPION)

    assert np.array_equal(model.predict(table), expected)
    assert len(set(expected)) > 5


@pytest.mark.all
def test_models_serve__answers_as_we_do(champion: tuple[str, pd.DataFrame, Floats]) -> None:
    uri, table, expected = champion
    columns, rows = _plain(table)

    with model_server(CHAMPION, uri) as address:
        answer = _post(f"{address}/invocations", {"dataframe_split": {"columns": columns, "data": rows}})

    assert np.array_equal(answer["predictions"], expected)


@pytest.mark.all
# Spark 4.1 says so of pandas 3; the answers below are what counts.
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_udf__answers_as_we_do(champion: tuple[str, pd.DataFrame, Floats]) -> None:
    uri, table, expected = champion
    columns, rows = _plain(table)
    schema = ", ".join(f"{column} double" for column in columns)

    with as_current(uri), spark_session() as spark:
        score = mlflow.pyfunc.spark_udf(spark, CHAMPION, env_manager="local", result_type="double")
        answer = spark.createDataFrame(rows, schema).select(score(*columns)).collect()

    assert np.array_equal([probability for (probability,) in answer], expected)


def _plain(table: pd.DataFrame) -> tuple[list[str], list[list[float | None]]]:
    """Names and rows of the features, as JSON and Spark have them; all of these are numbers."""
    features = table.drop(columns=["lead_id", "as_of"])
    rows = [
        [None if pd.isna(cell) else float(cell) for cell in row] for row in features.itertuples(index=False)
    ]
    return list(features.columns), rows


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)
