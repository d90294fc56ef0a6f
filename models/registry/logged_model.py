"""The bundle as an MLflow model: data only, checked before anything in it is used."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import mlflow.pyfunc
import yaml  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

from models.bundle.bundle import Bundle, read_bundle, write_bundle
from models.errors import ArtifactsMissingError, ForeignModelError
from models.pyfunc import LOADER_MODULE, example_of
from models.registry.runs import Run, open_place, param_texts

_FLAVOR: Final = "python_function"
_BUNDLE: Final = "bundle"
_FLAVOR_FIELDS: Final = frozenset({"loader_module", "data", "env", "python_version", "code", "streamable"})
_DATA_SUFFIXES: Final = frozenset({"", ".json", ".npz", ".txt", ".yaml"})
# What `models.pyfunc` imports. LeadOdds itself is not among them: no package index has it, and whoever owned
# its name there would run code wherever the model is loaded.
_LIBRARIES: Final = ("mlflow", "numpy", "pandas", "pyarrow", "pydantic")


def log_bundle(run: Run, bundle: Bundle, *, params: Mapping[str, object]) -> Any:
    """Logs a bundle as a model of the run; returns MLflow's record of it.

    Args:
        run: that made it.
        bundle: the model.
        params: of the training.
    """
    logged = run.client.create_logged_model(
        run.experiment_id, name="scorecard", source_run_id=run.run_id, params=param_texts(params)
    )
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder, _BUNDLE), bundle)
        mlflow.pyfunc.save_model(
            str(Path(folder, "model")),
            loader_module=LOADER_MODULE,
            data_path=str(Path(folder, _BUNDLE)),
            signature=signature_of(bundle),
            input_example=example_of(bundle),
            pip_requirements=[f"{name}=={version(name)}" for name in _LIBRARIES],
            mlflow_model=Model(run_id=run.run_id, model_id=logged.model_id),
        )
        open_place(logged.artifact_location, run.tracking_uri).log_artifacts(str(Path(folder, "model")))
    return run.client.finalize_logged_model(logged.model_id, "READY")


def read_logged(place: str, tracking_uri: str) -> Bundle:
    """Reads the bundle of a logged model without running anything that the artifact names.

    Raises:
        ArtifactsMissingError: nothing could be fetched.
        ForeignModelError: the model is not ours, or brings code.
        BundleError: the bundle in it is faulty.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            downloaded = Path(open_place(place, tracking_uri).download_artifacts("", dst_path=folder))
        except (MlflowException, OSError) as error:
            raise ArtifactsMissingError(place, reason=str(error)) from None
        if not any(downloaded.iterdir()):
            raise ArtifactsMissingError(place, reason="nothing is there")
        _check_foreign(downloaded)
        return read_bundle(downloaded / "data" / _BUNDLE)


def signature_of(bundle: Bundle) -> ModelSignature:
    """Signature of the logged model: the features that it reads, and the probability.

    Every column must be there, as a column that was forgotten would change the answer without a word; a cell
    may be empty. Booleans are numbers, 0 or 1: MLflow's server reads an empty boolean as false.
    """
    inputs = [
        ColSpec("string" if feature.type == "category" else "double", feature.name)
        for feature in bundle.scorecard.bins
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", "probability")]))


def _check_foreign(folder: Path) -> None:
    """Refuses any loader but ours, and any code or pickled object beside the data."""
    flavors = _flavors(folder / "MLmodel")
    flavor = flavors.get(_FLAVOR)
    if not isinstance(flavor, dict) or {*flavors} != {_FLAVOR}:
        raise ForeignModelError(loader=", ".join(map(str, flavors)) or "nothing", expected=LOADER_MODULE)
    if flavor.get("loader_module") != LOADER_MODULE:
        raise ForeignModelError(loader=str(flavor.get("loader_module")), expected=LOADER_MODULE)
    # Models with code paths or from code have fields that ours never have.
    brings_code = flavor.get("code") or {*flavor} - _FLAVOR_FIELDS or flavor.get("data") != f"data/{_BUNDLE}"
    strange = {path.suffix for path in folder.rglob("*") if path.is_file()} - _DATA_SUFFIXES
    if brings_code or strange or (folder / "code").exists():
        raise ForeignModelError(loader="code of its own", expected=LOADER_MODULE)


def _flavors(described: Path) -> dict[str, Any]:
    """Reads how MLflow would load the model, as plain data."""
    try:
        description = yaml.safe_load(described.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        description = None
    flavors = description.get("flavors") if isinstance(description, dict) else None
    return flavors if isinstance(flavors, dict) else {}
