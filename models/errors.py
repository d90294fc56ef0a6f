"""Errors of the model room: each takes the facts and writes the sentence.

All of them refuse bad input (exit code 2); nothing takes the place of what is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from features.errors import LeadOddsError


class ModelError(LeadOddsError):
    """Root of the errors of stored and registered models."""


class HorizonError(ModelError):
    """A horizon that the model does not cover."""

    def __init__(self, horizon_days: float, *, longest_days: float) -> None:
        super().__init__(
            f"A horizon of {horizon_days:g} days was requested; this model answers for horizons above 0 and "
            f"up to {longest_days:g} days. Ask for a shorter one, or train on a longer history."
        )


class FeaturesMissingError(ModelError):
    """A matrix without features that the scorecard reads."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"The model reads features that were not computed: {', '.join(sorted(missing))}. "
            "Compute them with the feature set of the same bundle."
        )


class FeatureCellsError(ModelError):
    """A table of feature values with other cells where the model reads numbers or booleans."""

    def __init__(self, feature: str, *, found: str, expected: str) -> None:
        super().__init__(
            f"The column {feature} holds {found} where the model reads a {expected}. "
            "Write each cell as a number, or leave it empty."
        )


class FeatureTwiceError(ModelError):
    """A table of feature values with two columns of one name."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"The column {feature} is there more than once. Leave one of them out.")


class BinsError(ModelError):
    """Bins of one feature that cannot be used."""

    def __init__(self, feature: str, *, fault: str) -> None:
        super().__init__(
            f"The bins of {feature} {fault}. Train again, or take the bundle from its source again."
        )


class ScorecardError(ModelError):
    """A scorecard whose parts do not fit together."""

    def __init__(self, part: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"In the scorecard {part} should be {expected}, but is {found}. "
            "Train again, or take the bundle from its source again."
        )


class CodesError(ModelError):
    """Codes that were not made with the bins of this scorecard."""

    def __init__(self, shape: tuple[int, ...], *, features: int) -> None:
        super().__init__(
            f"Codes of shape {shape} were given to a scorecard of {features} features; expected (examples, "
            f"{features}). Encode them with the bins of this scorecard."
        )


class BundleError(ModelError):
    """Root of what can be wrong with a stored bundle."""


class NoBundleError(BundleError):
    """A folder that holds no bundle."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no bundle in {folder}: it has no digests.json. Give the folder of one bundle."
        )


class BundleFileError(BundleError):
    """A file of a bundle that is not as its digest says; nothing in the bundle was parsed."""

    def __init__(self, folder: Path, file: str, *, fault: str) -> None:
        super().__init__(
            f"The bundle in {folder} is not as it was written: {file} {fault}. "
            "Take the whole folder from its source again."
        )


class BundleContentError(BundleError):
    """A file of a bundle whose content cannot be used."""

    def __init__(self, folder: Path, file: str, *, fault: str) -> None:
        super().__init__(
            f"The bundle in {folder} cannot be used: {file} {fault.rstrip('.')}. "
            "Take it from its source again, or train again."
        )


class FormatVersionError(BundleError):
    """A bundle of another format."""

    def __init__(self, found: object, *, known: int) -> None:
        super().__init__(
            f"its format version is {found!r}, and this LeadOdds reads format version {known}. "
            "Use the LeadOdds that wrote it."
        )


class CardError(BundleError):
    """A card with a field that cannot be used."""

    def __init__(self, field: str, *, fault: str) -> None:
        super().__init__(f"in the card {field} {fault}.")


class MismatchError(BundleError):
    """Parts of a bundle that are of different models."""

    def __init__(self, item: str, *, first: object, second: object) -> None:
        super().__init__(f"{item} is {first!r} in one file and {second!r} in another.")


class FolderExistsError(ModelError):
    """A folder that would have been written over."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists already. Bundles are never overwritten: give another folder.")


class WriteError(ModelError):
    """A disk that is full or refuses; what was there before stays."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(
            f"{path} could not be written: {reason}. Nothing was changed. Make room or rights there."
        )


class NoChampionError(ModelError):
    """A home in which no version answers."""

    def __init__(self, home: Path, *, known: Sequence[str]) -> None:
        versions = (
            f"Its versions are {', '.join(known)}; promote one." if known else "Train one with --promote."
        )
        super().__init__(f"No version has been promoted in {home}. {versions}")


class UnknownVersionError(ModelError):
    """A version that is not there."""

    def __init__(self, version: str, *, home: Path, known: Sequence[str]) -> None:
        versions = f"Its versions are {', '.join(known)}." if known else "It has no versions yet."
        super().__init__(f"{version!r} is neither a version in {home} nor a folder with a bundle. {versions}")


class ArtifactPlaceError(ModelError):
    """A place of artifacts that lies outside of the home."""

    def __init__(self, uri: str, *, home: Path) -> None:
        super().__init__(
            f"The artifacts {uri} would lie outside of {home}. Their record was not written by LeadOdds."
        )


class RegistryError(ModelError):
    """A tracking database or server that cannot be used."""

    def __init__(self, uri: str, *, reason: str) -> None:
        super().__init__(
            f"The registry {uri} cannot be used: {reason}. Check LEADODDS_HOME, MLFLOW_TRACKING_URI and "
            "MLFLOW_REGISTRY_URI."
        )


class PastChampionsError(ModelError):
    """A line about a champion of the past that cannot be read."""

    def __init__(self, file: Path, *, number: int) -> None:
        super().__init__(
            f"Line {number} of {file} cannot be read: expected an object with version and promoted_at. "
            "Put the line right or take it out; no model depends on it."
        )


class NoRemoteChampionError(ModelError):
    """A registry without a champion."""

    def __init__(self) -> None:
        super().__init__(
            "The registry has no champion to fetch. Promote a version there with leadodds promote VERSION, "
            "or check MLFLOW_TRACKING_URI."
        )


class ForeignModelError(ModelError):
    """A registered model that would run code when loaded."""

    def __init__(self, *, loader: str, expected: str) -> None:
        super().__init__(
            f"The registered model is loaded by {loader}; only data read by {expected} is taken. "
            "Register the model with leadodds train."
        )


class NothingToRollBackError(ModelError):
    """A rollback without a champion before this one."""

    def __init__(self, champion: str | None) -> None:
        now = f"{champion} is the first champion" if champion else "no version has been promoted"
        super().__init__(f"There is nothing to go back to: {now}. Promote a version instead.")


class ArtifactsMissingError(ModelError):
    """A registered model whose files are not there."""

    def __init__(self, place: str, *, reason: str) -> None:
        super().__init__(
            f"The files of the registered model at {place} could not be fetched: {reason}. "
            "Copy the home as a whole, with its artifacts, or train again."
        )


class AnotherModelError(ModelError):
    """A bundle in the home that is not the registered version of its number."""

    def __init__(self, version: str, *, folder: Path) -> None:
        super().__init__(
            f"{folder} holds another model than version {version} of the registry. "
            "Move that folder away; promoting then fetches the registered one."
        )


class ExperimentError(ModelError):
    """An experiment that MLflow does not have, or no longer takes runs for."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(
            f"The experiment {name} {fault}. Check MLFLOW_EXPERIMENT_NAME and MLFLOW_EXPERIMENT_ID."
        )


class HistoryInMemoryError(ModelError):
    """A data set of a run whose history was never written anywhere."""

    def __init__(self) -> None:
        super().__init__(
            "The history of this run was tables in memory and cannot be read again. Train on a folder or a "
            "database to keep it."
        )


class HistoryChangedError(ModelError):
    """A history that holds other rows than when a run read it."""

    def __init__(self, place: str, *, tables: Sequence[str]) -> None:
        super().__init__(
            f"The history {place} is no longer the one of this run: {', '.join(tables)} changed. "
            "Read the folder directly for the present rows, or restore the earlier ones."
        )
