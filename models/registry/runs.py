"""A training or backtest as an MLflow run: parameters, figures, data sets, reports, runs below it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from mlflow.entities import Metric, Param, RunTag
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_GIT_REPO_URL, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME

from features.errors import LeadOddsError
from models.registry.datasets import RunDataset

_Item = TypeVar("_Item")

# MLflow takes at most 100 parameters at once, and values of at most so many characters.
_BATCH: Final = 100
_LONGEST_PARAM: Final = 6_000
# Tag of a run that failed, and characters of it at most.
FAILURE: Final = "leadodds.failure"
_LONGEST_REASON: Final = 5_000
VERSION: Final = "leadodds.version"


@dataclass(frozen=True, slots=True)
class Run:
    """An open run.

    Attributes:
        client: of the tracking server.
        tracking_uri: its address.
        experiment_id: the experiment of the run.
        run_id: of the run.
        artifact_uri: place of its artifacts.
        started_at_ms: when MLflow opened it; the time of its figures.
    """

    client: MlflowClient
    tracking_uri: str
    experiment_id: str
    run_id: str
    artifact_uri: str
    started_at_ms: int

    @contextmanager
    def child(self, name: str) -> Iterator[Run]:
        """Opens a run that MLflow shows below this one; closes it as `open_run` does."""
        tags = {MLFLOW_PARENT_RUN_ID: self.run_id}
        with open_run(self.client, self.tracking_uri, self.experiment_id, name, tags=tags) as run:
            yield run

    def log_params(self, params: Mapping[str, object]) -> None:
        """Logs the configuration; values other than text as JSON."""
        kept = [Param(name, text) for name, text in param_texts(params).items()]
        for part in _parts(kept):
            self.client.log_batch(self.run_id, params=part)

    def log_metrics(
        self,
        metrics: Mapping[str, float | None],
        *,
        step: int = 0,
        model_id: str | None = None,
        dataset: RunDataset | None = None,
    ) -> None:
        """Logs figures, without those that could not be measured.

        Args:
            metrics: by name.
            step: number of the origin that the figures are of.
            model_id: of the logged model that the figures are of.
            dataset: that they were measured on.
        """
        kept = [
            Metric(
                name,
                value,
                self.started_at_ms,
                step,
                model_id=model_id,
                dataset_name=None if dataset is None else dataset.name,
                dataset_digest=None if dataset is None else dataset.digest,
                run_id=self.run_id,
            )
            for name, value in metrics.items()
            if value is not None and math.isfinite(value)
        ]
        for part in _parts(kept):
            self.client.log_batch(self.run_id, metrics=part)

    def log_datasets(self, datasets: Sequence[RunDataset]) -> None:
        """Logs which data was read, and which examples were tested on."""
        self.client.log_inputs(self.run_id, datasets=[dataset.to_input() for dataset in datasets])

    def log_files(self, folder: Path, *, place: str = "") -> None:
        """Logs all files of a folder, such as plots and the report."""
        open_place(self.artifact_uri, self.tracking_uri).log_artifacts(str(folder), place or None)

    def path_of(self, name: str) -> Path | None:
        """Path of an artifact of the run on this machine; None where a server stores it."""
        place = open_place(self.artifact_uri, self.tracking_uri)
        return (
            Path(place.artifact_dir).absolute() / name if isinstance(place, LocalArtifactRepository) else None
        )

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets tags."""
        self.client.log_batch(self.run_id, tags=[RunTag(name, text) for name, text in tags.items()])


@contextmanager
def open_run(
    client: MlflowClient, tracking_uri: str, experiment_id: str, name: str, *, tags: Mapping[str, str]
) -> Iterator[Run]:
    """Opens a run and closes it as finished, or as failed after an error, which a tag keeps.

    Args:
        client: of the tracking server.
        tracking_uri: its address.
        experiment_id: the experiment of the run.
        name: of the run.
        tags: beside those that say who started it, from what, at which commit.
    """
    info = client.create_run(experiment_id, run_name=name, tags={**_context_tags(), **tags}).info
    run = Run(client, tracking_uri, experiment_id, info.run_id, info.artifact_uri, info.start_time)
    try:
        yield run
    except BaseException as error:
        # The message of a library's error may hold cells of the history.
        reason = str(error) if isinstance(error, LeadOddsError) else type(error).__name__
        run.set_tags({FAILURE: reason[:_LONGEST_REASON]})
        client.set_terminated(run.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    client.set_terminated(run.run_id, "FINISHED")


def open_place(uri: str, tracking_uri: str) -> ArtifactRepository:
    """Opens the artifacts at a URI; those of a home are looked up beside its database each time."""
    return get_artifact_repository(uri, tracking_uri=tracking_uri)


def param_texts(params: Mapping[str, object]) -> dict[str, str]:
    """Writes parameters as MLflow keeps them: values other than text as JSON, none too long."""
    return {
        name: (value if isinstance(value, str) else json.dumps(value))[:_LONGEST_PARAM]
        for name, value in params.items()
    }


def flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested objects; names are joined by dots.

    >>> flatten({"auc": {"value": 0.7, "n": 3}})
    {'auc.value': 0.7, 'auc.n': 3}
    """
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= (
            flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
    return flat


def _context_tags() -> dict[str, str]:
    """Says who runs what at which commit, as MLflow's own runs do, and by which LeadOdds.

    The address of the repository is left out, as it may hold a password, and so is the folder of the program:
    a home holds no path of its machine that is not needed.
    """
    tags = {name: str(text) for name, text in resolve_tags().items() if name != MLFLOW_GIT_REPO_URL}
    tags[MLFLOW_SOURCE_NAME] = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "<console>"
    return {**tags, VERSION: _own_version()}


def _own_version() -> str:
    try:
        return version("leadodds")
    except PackageNotFoundError:
        return "not installed"


def _parts(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while part := list(islice(rest, _BATCH)):
        yield part
