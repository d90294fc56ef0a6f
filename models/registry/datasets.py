"""The data of a run as MLflow keeps it: name, digest, schema, and a source that reads the history again.

`mlflow.data.get_source(dataset).load()` gives the history back in every program, which finds the source by
the entry point `mlflow.dataset_source` of our package.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from mlflow.data.dataset_source import DatasetSource

from models.errors import HistoryChangedError, HistoryInMemoryError

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

    from features.checks.checked_history import CheckedHistory
    from features.history.lead_history import AttributeType

# MLflow holds so many characters of a digest.
_DIGEST: Final = 36
_SOURCE_TYPE: Final = "leadodds_history"
_TYPES: Final[Mapping[str, str]] = {"number": "double", "boolean": "boolean", "category": "string"}


@dataclass(frozen=True)
class HistorySource(DatasetSource):  # type: ignore[misc]
    """Where a history was read, and what it held.

    Attributes:
        place: folder or database URL, without a password; None for tables in memory.
        observed_until: last instant for which outcomes were complete, microseconds UTC.
        attribute_types: types by attribute that the configuration gave.
        digests: SHA-256 of the content by table.
    """

    place: str | None
    observed_until: int
    attribute_types: Mapping[str, AttributeType] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def _get_source_type() -> str:
        return _SOURCE_TYPE

    def load(self) -> CheckedHistory:
        """Reads the history again, as the run read it.

        Raises:
            HistoryInMemoryError: it was tables in memory.
            HistoryError: the place does not hold a history any more.
            HistoryChangedError: the history holds other rows than at the time of the run.
        """
        from features.checks.checked_history import read_history

        if self.place is None:
            raise HistoryInMemoryError
        read = read_history(
            self.place, observed_until=self.observed_until, attribute_types=self.attribute_types
        )
        found = read.digests
        if changed := [table for table, digest in self.digests.items() if found.get(table) != digest]:
            raise HistoryChangedError(self.place, tables=changed)
        return read

    def to_dict(self) -> dict[str, Any]:
        """The source as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> HistorySource:
        """Reads what `to_dict` wrote."""
        return cls(**source_dict)


@dataclass(frozen=True, slots=True)
class RunDataset:
    """A table of the history, or the examples that were tested on.

    Attributes:
        name: of the table.
        sha256: of the content.
        columns: type by column: number, boolean, category, text or time.
        source: of the history.
        context: what the run used it for.
        profile: counts by name.
    """

    name: str
    sha256: str
    columns: Mapping[str, str]
    source: HistorySource
    context: Literal["training", "testing"]
    profile: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The first characters of the SHA-256, as many as MLflow holds."""
        return self.sha256[:_DIGEST]

    def to_input(self) -> DatasetInput:
        """The data set as MLflow's record of it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.types import ColSpec, Schema
        from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

        schema = Schema([ColSpec(_TYPES.get(kind, kind), name) for name, kind in self.columns.items()])
        dataset = Dataset(
            self.name,
            self.digest,
            _SOURCE_TYPE,
            self.source.to_json(),
            schema=json.dumps({"mlflow_colspec": schema.to_dict()}),
            profile=json.dumps({**self.profile, "sha256": self.sha256}),
        )
        return DatasetInput(dataset, tags=[InputTag(MLFLOW_DATASET_CONTEXT, self.context)])


def register_source() -> None:
    """Registers the source with MLflow in this process; needed where the package is not installed."""
    from mlflow.data.dataset_source_registry import get_registered_sources, register_dataset_source

    sources: Iterable[Any] = get_registered_sources()
    if HistorySource not in sources:
        register_dataset_source(HistorySource)
