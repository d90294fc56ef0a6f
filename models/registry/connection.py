"""How MLflow is reached: addresses, names of experiment and model, and the database of a home."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import mlflow
import mlflow.store.db.utils
from mlflow.environment_variables import (
    MLFLOW_EXPERIMENT_ID,
    MLFLOW_EXPERIMENT_NAME,
    MLFLOW_REGISTRY_URI,
    MLFLOW_TRACKING_URI,
)
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils as tracking_service
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from features.sources.connections import redacted_url, sqlite_url
from models.artifacts import ARTIFACT_ROOT, register_scheme
from models.errors import ExperimentError, RegistryError
from models.home.home import Home
from models.registry.datasets import register_source

_EXPERIMENT: Final = "leadodds"
# By default MLflow retries for minutes, and a wrong address would show only then.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def is_remote() -> bool:
    """Whether the environment names an MLflow elsewhere than in the home."""
    return bool(MLFLOW_TRACKING_URI.get())


def addresses(home: Home, *, tracking_uri: str | None = None) -> tuple[str, str]:
    """The addresses of runs and of registered models.

    Args:
        home: its folder.
        tracking_uri: a tracking server; None means MLFLOW_TRACKING_URI, else SQLite in the home. The registry
            is there too, unless MLFLOW_REGISTRY_URI names another.
    """
    uri = tracking_uri or MLFLOW_TRACKING_URI.get() or sqlite_url(home.database.absolute())
    return uri, MLFLOW_REGISTRY_URI.get() or uri


def connect(home: Home, tracking_uri: str, registry_uri: str) -> MlflowClient:
    """Connects to MLflow; creates the database of a home the first time, which takes seconds.

    Raises:
        RegistryError: the database or server cannot be used, which shows within seconds.
    """
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    register_scheme()
    register_source()
    try:
        if is_local(tracking_uri):
            home.path.mkdir(parents=True, exist_ok=True)
            # Opened once by hand: MLflow's own way would write the working folder into the database.
            SqlAlchemyStore(tracking_uri, ARTIFACT_ROOT)
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=registry_uri)
        with answering_soon():
            client.search_experiments(max_results=1)
            if registry_uri != tracking_uri:
                client.search_registered_models(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise registry_error(error, tracking_uri, registry_uri) from None
    return client


def registry_error(error: Exception, *uris: str) -> RegistryError:
    """Words an error of MLflow without the passwords of its addresses."""
    reason = str(error).partition("\n")[0]
    for uri in uris:
        reason = reason.replace(uri, redacted_url(uri))
    return RegistryError(" or ".join(dict.fromkeys(map(redacted_url, uris))), reason=reason)


def is_local(uri: str) -> bool:
    """Whether an address is that of an SQLite file."""
    return uri.startswith("sqlite:")


def find_experiment(client: MlflowClient, *, has_local_artifacts: bool) -> str:
    """Finds the experiment of new runs, or creates it.

    Its name is MLFLOW_EXPERIMENT_NAME, its number MLFLOW_EXPERIMENT_ID, as for MLflow's own runs; else it is
    called `leadodds`.

    Raises:
        ExperimentError: there is none of that number, or it was deleted.
    """
    name, number = MLFLOW_EXPERIMENT_NAME.get(), MLFLOW_EXPERIMENT_ID.get()
    if not name and number:
        try:
            found = client.get_experiment(number)
        except MlflowException:
            raise ExperimentError(number, fault="does not exist") from None
    else:
        found = client.get_experiment_by_name(name or _EXPERIMENT)
    if found is None:
        place = ARTIFACT_ROOT if has_local_artifacts else None
        return str(client.create_experiment(name or _EXPERIMENT, artifact_location=place))
    if found.lifecycle_stage != "active":
        raise ExperimentError(found.name, fault="was deleted")
    return str(found.experiment_id)


@contextmanager
def as_current(tracking_uri: str) -> Iterator[None]:
    """Lets MLflow's global address be this one for a while: its SQL registry finds logged models by it."""
    before, variable = tracking_service._tracking_uri, os.environ.get(MLFLOW_TRACKING_URI.name)
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
        # Setting the address writes the variable, and setting none removes it.
        if variable is None:
            os.environ.pop(MLFLOW_TRACKING_URI.name, None)
        else:
            os.environ[MLFLOW_TRACKING_URI.name] = variable


@contextmanager
def answering_soon() -> Iterator[None]:
    """Bounds the retries of MLflow's requests, unless the environment says how many."""
    added = {name: text for name, text in _PATIENCE.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _make_parents(uri: str) -> None:
    """Makes the folder of a database file, as MLflow does, but of its path and not of the quoted one."""
    if is_local(uri) and (database := make_url(uri).database) and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


# Otherwise a home with a % in its name would get an empty folder with %25 beside it.
mlflow.store.db.utils._make_parent_dirs_if_sqlite = _make_parents
