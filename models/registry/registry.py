"""The registered versions and the champion: MLflow's registry, by default on SQLite in the home."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Read when MLflow is imported: no telemetry, and standard output belongs to our commands.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow.store.db.utils
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking import MlflowClient
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from features.errors import LeadOddsError
from features.sources.connections import sqlite_url
from models.artifacts import ARTIFACT_ROOT, register_scheme
from models.bundle.bundle import Bundle, read_bundle, write_bundle
from models.errors import AnotherModelError, RegistryError, UnknownVersionError
from models.home.home import Home, version_order
from models.home.promotions import Promotion
from models.registry import champions
from models.registry.champions import MODEL_NAME
from models.registry.listing import CONTENT_DIGEST, Listing, Version, figures_of, tags_of, verdict_tags
from models.registry.logged_model import log_bundle, read_logged
from models.registry.runs import Run

_EXPERIMENT: Final = "leadodds"
# Tag of a run that failed, and characters of it at most.
FAILURE: Final = "leadodds.failure"
_LONGEST_REASON: Final = 5_000


@dataclass(frozen=True, slots=True)
class Registry:
    """The versions of one home.

    Attributes:
        home: folder of the bundles and the pointer.
        client: of MLflow.
        tracking_uri: its address.
    """

    home: Home
    client: MlflowClient
    tracking_uri: str

    @contextmanager
    def run(self, name: str) -> Iterator[Run]:
        """Opens a run and closes it as finished, or as failed after an error, which a tag keeps."""
        experiment_id = _experiment_id(self.client, is_local=_is_local(self.tracking_uri))
        info = self.client.create_run(experiment_id, run_name=name).info
        run = Run(
            client=self.client,
            tracking_uri=self.tracking_uri,
            experiment_id=experiment_id,
            run_id=info.run_id,
            artifact_uri=info.artifact_uri,
            started_at_ms=info.start_time,
        )
        try:
            yield run
        except BaseException as error:
            reason = str(error) if isinstance(error, LeadOddsError) else type(error).__name__
            run.set_tags({FAILURE: reason[:_LONGEST_REASON]})
            self.client.set_terminated(
                info.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            )
            raise
        self.client.set_terminated(info.run_id, "FINISHED")

    def register(self, run: Run, bundle: Bundle) -> str:
        """Registers a bundle as the model of a run, and stores it in the home under its version.

        Returns:
            The version.
        """
        logged = log_bundle(run, bundle)
        run.log_metrics(figures_of(bundle), model_id=logged.model_id)
        _ensure_model(self.client)
        created = self.client.create_model_version(
            MODEL_NAME,
            source=logged.artifact_location,
            run_id=run.run_id,
            tags=tags_of(bundle),
            model_id=logged.model_id,
        )
        version = str(created.version)
        write_bundle(self.home.bundle_folder(version), bundle.with_version(version))
        return version

    def install(self, version: str) -> Path:
        """Fetches the bundle of a version into the home and verifies it, unless it is there.

        Raises:
            UnknownVersionError: the registry has no such version.
            ArtifactsMissingError: the files could not be fetched.
            ForeignModelError: the model is not ours.
            BundleError: the fetched bundle is faulty.
        """
        found = self._find(version)
        folder = self.home.bundle_folder(version)
        if not self.home.has_bundle(version):
            place = self.client.get_model_version_download_uri(MODEL_NAME, str(found.version))
            write_bundle(folder, read_logged(place, self.tracking_uri).with_version(version))
        return folder

    def install_champion(self) -> str | None:
        """Fetches the bundle of the version that the alias names into the home; moves no pointer.

        Returns:
            The version; None where no version is the champion.

        Raises:
            RegistryError: the registry stopped answering.
            ModelError: as `install`, and where the bundle is not the registered one.
        """
        try:
            version = self.champion()
            if version is not None:
                self._verified(version)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise RegistryError(self.tracking_uri, reason=str(error).partition("\n")[0]) from None
        return version

    def promote(self, version: str) -> str:
        """Makes a version the champion: moves the alias, then the pointer. Returns the version.

        Raises:
            UnknownVersionError: the registry has no such version.
            AnotherModelError: the home holds another model under its number.
            BundleError: its bundle is faulty; the champion stays.
        """
        bundle = self._verified(version)
        for name, text in verdict_tags(bundle).items():
            self.client.set_model_version_tag(MODEL_NAME, version, name, text)
        champions.promote(self.client, self.home, version)
        return version

    def rollback(self) -> str:
        """Makes the champion before this one the champion again; a second time goes further back.

        One that was interrupted is finished by the next, which goes no further.

        Returns:
            The version that answers now.

        Raises:
            NothingToRollBackError: there was no champion before.
        """
        version = champions.before_current(self.client)
        self._verified(version)
        champions.rollback_to(self.client, self.home, version)
        return version

    def champion(self) -> str | None:
        """The version that the alias names; None where there is none."""
        return champions.current(self.client)

    def past_promotions(self) -> list[Promotion]:
        """The champions before this one whose date is known, the latest last."""
        return champions.past_promotions(self.client)

    def list_versions(self) -> Listing:
        """All versions, the latest first, with their main figures."""
        versions = tuple(
            Version(
                version=name,
                run_id=found.run_id or None,
                created_at=found.creation_timestamp * 1_000,
                tags={key: text for key, text in sorted(found.tags.items()) if not key.startswith("gate.")},
            )
            for name, found in reversed(self._versions().items())
        )
        return Listing(versions, champion=self.champion(), answering=self.home.champion())

    def _verified(self, version: str) -> Bundle:
        """Reads the bundle of a version in the home and compares it with the registered model."""
        bundle = read_bundle(self.install(version))
        if self._find(version).tags.get(CONTENT_DIGEST) != bundle.content_digest:
            raise AnotherModelError(version, folder=self.home.bundle_folder(version))
        return bundle

    def _versions(self) -> dict[str, ModelVersion]:
        """All versions in the order of their numbers."""
        found: list[ModelVersion] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_model_versions(f"name='{MODEL_NAME}'", page_token=token)
            found.extend(page)
            token = page.token or ""
        return {
            str(model.version): model
            for model in sorted(found, key=lambda model: version_order(str(model.version)))
        }

    def _find(self, version: str) -> ModelVersion:
        versions = self._versions()
        if version not in versions:
            raise UnknownVersionError(version, home=self.home.path, known=tuple(versions))
        return versions[version]


def open_registry(home: Home | Path, *, tracking_uri: str | None = None) -> Registry:
    """Opens the registry of a home; creates its database the first time, which takes seconds.

    Args:
        home: its folder.
        tracking_uri: a tracking server; None means MLFLOW_TRACKING_URI, else SQLite in the home.

    Raises:
        RegistryError: the database or server cannot be used.
    """
    home = home if isinstance(home, Home) else Home(home)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    register_scheme()
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or sqlite_url(home.database.absolute())
    try:
        if _is_local(uri):
            home.path.mkdir(parents=True, exist_ok=True)
            # Opened once by hand: MLflow's own way would write the working folder into the database.
            SqlAlchemyStore(uri, ARTIFACT_ROOT)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RegistryError(uri, reason=str(error).splitlines()[0]) from None
    return Registry(home, client, uri)


def list_versions(home: Home | Path) -> Listing:
    """Lists the versions of a home as `Registry.list_versions`; a home that is not there is not made.

    Raises:
        RegistryError: the database or server cannot be used.
    """
    home = home if isinstance(home, Home) else Home(home)
    if not os.environ.get("MLFLOW_TRACKING_URI") and not home.database.exists():
        return Listing((), champion=None, answering=home.champion())
    return open_registry(home).list_versions()


def _is_local(uri: str) -> bool:
    return uri.startswith("sqlite:")


def _make_parents(uri: str) -> None:
    """Makes the folder of a database file, as MLflow does, but of its path and not of the quoted one."""
    if _is_local(uri) and (database := make_url(uri).database) and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


# Otherwise a home with a % in its name would get an empty folder with %25 beside it.
mlflow.store.db.utils._make_parent_dirs_if_sqlite = _make_parents


def _experiment_id(client: MlflowClient, *, is_local: bool) -> str:
    found = client.get_experiment_by_name(_EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(_EXPERIMENT, artifact_location=ARTIFACT_ROOT if is_local else None))


def _ensure_model(client: MlflowClient) -> None:
    try:
        client.create_registered_model(MODEL_NAME)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
