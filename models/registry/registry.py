"""The registered versions and the champion: MLflow's registry, by default on SQLite in the home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from models.bundle.bundle import Bundle, read_bundle, write_bundle
from models.errors import AnotherModelError, UnknownVersionError
from models.home.decisions import read_decisions
from models.home.home import Home, version_order
from models.home.promotions import Promotion
from models.registry import champions
from models.registry.connection import (
    addresses,
    connect,
    find_experiment,
    is_local,
    registry_error,
)
from models.registry.datasets import RunDataset
from models.registry.listing import Listing, Version, figures_of, verdict_tags
from models.registry.logged_model import log_bundle, read_logged
from models.registry.names import CONTENT_DIGEST, is_unmade, registered_name
from models.registry.registered_model import RegisteredModel
from models.registry.registration import add_version
from models.registry.runs import Run, open_run


@dataclass(frozen=True, slots=True)
class Registry:
    """The versions of one home.

    Attributes:
        home: folder of the bundles and the pointer.
        client: of MLflow.
        tracking_uri: address of the tracking server.
        model: the registered model that the versions are of.
    """

    home: Home
    client: MlflowClient
    tracking_uri: str
    model: RegisteredModel

    @contextmanager
    def run(self, name: str, *, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """Opens a run and closes it as finished, or as failed after an error, which a tag keeps.

        Raises:
            ExperimentError: the experiment that the environment names does not exist.
        """
        experiment_id = find_experiment(self.client, has_local_artifacts=is_local(self.tracking_uri))
        with open_run(self.client, self.tracking_uri, experiment_id, name, tags=tags or {}) as run:
            yield run

    def register(
        self,
        run: Run,
        bundle: Bundle,
        *,
        params: Mapping[str, object] | None = None,
        dataset: RunDataset | None = None,
    ) -> str:
        """Registers a bundle as the model of a run, and stores it in the home under its version.

        Args:
            run: of the training.
            bundle: the model.
            params: of the training, which the model shows beside its figures.
            dataset: that its figures were measured on.

        Returns:
            The version.
        """
        logged = log_bundle(run, bundle, params=params or {})
        run.log_metrics(figures_of(bundle), model_id=logged.model_id, dataset=dataset)
        version = add_version(self.model, run, logged, bundle)
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
            place = self.client.get_model_version_download_uri(self.model.name, str(found.version))
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
            raise registry_error(error, self.tracking_uri, self.model.registry_uri) from None
        return version

    def promote(self, version: str, *, reason: str = "") -> str:
        """Makes a version the champion: moves the alias, then the pointer. Returns the version.

        Args:
            version: of the registry.
            reason: a sentence for the log of decisions.

        Raises:
            UnknownVersionError: the registry has no such version.
            AnotherModelError: the home holds another model under its number.
            BundleError: its bundle is faulty; the champion stays.
        """
        bundle = self._verified(version)
        for name, text in verdict_tags(bundle).items():
            self.client.set_model_version_tag(self.model.name, version, name, text)
        champions.promote(self.model, self.home, version, reason=reason)
        return version

    def rollback(self, *, reason: str = "") -> str:
        """Makes the champion before this one the champion again; a second time goes further back.

        One that was interrupted is finished by the next, which goes no further.

        Args:
            reason: a sentence for the log of decisions.

        Returns:
            The version that answers now.

        Raises:
            NothingToRollBackError: there was no champion before.
        """
        version = champions.before_current(self.model)
        self._verified(version)
        champions.rollback_to(self.model, self.home, version, reason=reason)
        return version

    def champion(self) -> str | None:
        """The version that the alias names; None where there is none."""
        return self.model.champion()

    def past_promotions(self) -> list[Promotion]:
        """The champions before this one whose date is known, the latest last."""
        return champions.past_promotions(self.model)

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
        return Listing(
            versions,
            champion=self.champion(),
            answering=self.home.champion(),
            decisions=read_decisions(self.home),
        )

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
            page = self.client.search_model_versions(f"name='{self.model.name}'", page_token=token)
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
    uri, registry_uri = addresses(home, tracking_uri=tracking_uri)
    client = connect(home, uri, registry_uri)
    return Registry(home, client, uri, RegisteredModel(client, registered_name(), registry_uri))


def list_versions(home: Home | Path) -> Listing:
    """Lists the versions of a home as `Registry.list_versions`; a home that is not there is not made.

    Raises:
        RegistryError: the database or server cannot be used.
    """
    home = home if isinstance(home, Home) else Home(home)
    if is_unmade(home):
        return Listing((), champion=None, answering=home.champion())
    return open_registry(home).list_versions()
