"""One training as an MLflow run: parameters, figures, digests of the data, reports."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.tracking import MlflowClient

_Item = TypeVar("_Item")

# MLflow takes at most 100 parameters at once, and values of at most so many characters.
_BATCH: Final = 100
_LONGEST_PARAM: Final = 6_000


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

    def log_params(self, params: Mapping[str, object]) -> None:
        """Logs the configuration; values other than text as JSON."""
        texts = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()
        }
        kept = [Param(name, text[:_LONGEST_PARAM]) for name, text in texts.items()]
        for part in _parts(kept):
            self.client.log_batch(self.run_id, params=part)

    def log_metrics(
        self, metrics: Mapping[str, float | None], *, step: int = 0, model_id: str | None = None
    ) -> None:
        """Logs figures, without those that could not be measured.

        Args:
            metrics: by name.
            step: number of the origin that the figures are of.
            model_id: of the logged model that the figures are of.
        """
        kept = [
            Metric(name, value, self.started_at_ms, step, model_id=model_id, run_id=self.run_id)
            for name, value in metrics.items()
            if value is not None and math.isfinite(value)
        ]
        for part in _parts(kept):
            self.client.log_batch(self.run_id, metrics=part)

    def log_dataset(self, name: str, *, digest: str, source: str) -> None:
        """Logs which data was read, by name and digest; MLflow holds 36 characters of a digest."""
        record = {"sha256": digest, "source": source}
        dataset = Dataset(name, digest[:36], "leadodds", json.dumps(record), profile=json.dumps(record))
        use = DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])
        self.client.log_inputs(self.run_id, datasets=[use])

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


def open_place(uri: str, tracking_uri: str) -> ArtifactRepository:
    """Opens the artifacts at a URI; those of a home are looked up beside its database each time."""
    return get_artifact_repository(uri, tracking_uri=tracking_uri)


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


def _parts(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while part := list(islice(rest, _BATCH)):
        yield part
