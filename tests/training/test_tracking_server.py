"""A tracking server that several machines share: whoever trains next meets the champion of the others."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from models.home.home import Home
from models.registry.registry import open_registry
from tests.models.registry.mlflow_servers import tracking_server
from tests.support.small_business import CONFIG, small_business, write_business
from training.train import train

pytestmark = pytest.mark.all


def test_train__on_a_fresh_machine_is_compared_with_the_champion_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = write_business(tmp_path / "history", small_business())
    (tmp_path / "server").mkdir()
    with tracking_server(tmp_path / "server") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        first = train(history, home=tmp_path / "here", config=CONFIG, promote=True)
        timid = CONFIG.model_copy(update={"learning_rate": 0.01, "max_bins": 2})
        second = train(history, home=tmp_path / "there", config=timid, promote=True)

        registry = open_registry(tmp_path / "there")
        model = mlflow.pyfunc.load_model("models:/leadodds@champion")
        found = registry.client.get_model_version("leadodds", "1")

    assert first.is_promoted
    assert second.refused
    against = next(row for row in second.verdict.rows if row.rule == "log_loss_against_champion")
    assert against.value is not None
    assert against.value > 0
    # Fetched to be compared with; what answers here is decided by `pull` or `promote`.
    assert Home(tmp_path / "there").versions() == ("1", "2")
    assert Home(tmp_path / "there").champion() is None
    assert registry.home.path == tmp_path / "there"
    assert found.source == f"models:/{model.metadata.model_id}"
    assert found.run_id == first.run_id
    assert not (tmp_path / "there" / "mlflow.db").exists()
