"""A logged model becomes a version of the registered model, described for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from features.times import format_time
from models.bundle.bundle import Bundle
from models.pyfunc import LOADER_MODULE
from models.registry.connection import as_current, is_local
from models.registry.listing import tags_of
from models.registry.registered_model import RegisteredModel
from models.registry.runs import Run

_DESCRIPTION: Final = (
    "The odds that each lead converts, as an additive scorecard over features of a lead's history. "
    "`leadodds train` makes the versions; the alias `champion` names the one that answers, and `leadodds "
    "promote` and `leadodds rollback` move it. The input is a table of features, as `leadodds features` "
    "computes them: every column must be there, a cell may be empty, booleans are 0 or 1. The artifact is "
    f"data, read by the module `{LOADER_MODULE}`: install LeadOdds where the model is loaded, as its "
    "requirements cannot name it."
)


def add_version(model: RegisteredModel, run: Run, logged: Any, bundle: Bundle) -> str:
    """Registers a logged model; from the version its parameters and figures are found.

    Args:
        model: that gets the version; created if it does not exist.
        run: of the training.
        logged: MLflow's record of the logged model.
        bundle: the model, which the version describes.

    Returns:
        The version.
    """
    _ensure_model(model)
    # A registry on another server than the runs cannot look the logged model up.
    is_found = model.registry_uri == run.tracking_uri or is_local(model.registry_uri)
    with as_current(run.tracking_uri):
        created = model.client.create_model_version(
            model.name,
            source=f"models:/{logged.model_id}" if is_found else logged.artifact_location,
            run_id=run.run_id,
            tags=tags_of(bundle),
            description=" ".join(describe(bundle)),
            model_id=logged.model_id if is_found else None,
        )
    version = str(created.version)
    link = json.dumps([{"name": model.name, "version": version}])
    run.client.set_logged_model_tags(logged.model_id, {MLFLOW_MODEL_VERSIONS: link})
    return version


def describe(bundle: Bundle) -> Iterator[str]:
    """Describes a version for people: on what it was trained, how good it is, what the gate said."""
    card = bundle.card
    leads, converted = (card.trained_on.get(name) for name in ("leads", "converted_leads"))
    counted = f" on {leads} leads, of which {converted} had converted" if leads else ""
    yield f"Trained{counted}, with outcomes until {format_time(card.observed_until)}."
    yield f"It answers for {card.horizon_days:g} days and reads {len(bundle.scorecard.bins)} features."
    figure = card.metrics.get("log_loss")
    if isinstance(figure, Mapping) and figure.get("value") is not None:
        yield f"Log loss on later leads {figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]."
    yield from card.notes


def _ensure_model(model: RegisteredModel) -> None:
    try:
        model.client.create_registered_model(model.name, description=_DESCRIPTION)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
