"""Resolves the URIs of MLflow's artifacts below the home, also after the home was moved.

MLflow writes the URI of every artifact into its database. With the scheme `leadodds:` the URI is relative to
the folder of the database, so a home can be copied or moved. `mlflow ui` finds this class
by the entry point `mlflow.artifact_repository` of our package.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from models.errors import ArtifactPlaceError

with warnings.catch_warnings():
    # MLflow looks for the class below, by its entry point, while this module imports MLflow.
    warnings.filterwarnings("ignore", message='.*artifact repository for scheme "leadodds"')
    import mlflow
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

SCHEME: Final = "leadodds"
ARTIFACT_ROOT: Final = f"{SCHEME}:/artifacts"


class HomeArtifacts(LocalArtifactRepository):  # type: ignore[misc]
    """Artifacts below the folder that holds MLflow's database; else below LEADODDS_HOME."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        home = _home_of(tracking_uri) or _home_of(mlflow.get_tracking_uri()) or _home_by_name()
        place = (home / urlsplit(artifact_uri).path.lstrip("/")).resolve()
        if not place.is_relative_to(home.resolve()):
            raise ArtifactPlaceError(artifact_uri, home=home)
        super().__init__(place.as_uri(), tracking_uri, registry_uri)


def register_scheme() -> None:
    """Registers the scheme with MLflow in this process; needed where the package is not installed."""
    _artifact_repository_registry.register(SCHEME, HomeArtifacts)


def _home_of(tracking_uri: str | None) -> Path | None:
    """Finds the folder of a database file; its path is quoted in the URI."""
    if tracking_uri is None:
        return None
    try:
        address = make_url(tracking_uri)
    except ArgumentError:
        return None
    is_file = address.get_backend_name() == "sqlite" and address.database
    return Path(str(address.database)).parent if is_file else None


def _home_by_name() -> Path:
    return Path(os.environ.get("LEADODDS_HOME", "models/store"))
