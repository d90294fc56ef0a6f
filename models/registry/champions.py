"""Which version answers: the alias `champion`, and the way back to those before it.

The alias decides; the pointer file of the home repeats it for servers, which know no MLflow. Champions of
the past stand in a tag of the registered model, the latest last. Whatever step a crash falls between,
repeating the command puts things right.
"""

from __future__ import annotations

import json
from typing import Final

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.errors import NothingToRollBackError
from models.home.home import Home

MODEL_NAME: Final = "leadodds"
CHAMPION: Final = "champion"
_PAST_CHAMPIONS: Final = "past_champions"
# More are forgotten, the oldest first: a tag holds 5,000 signs.
_REMEMBERED: Final = 200


def current(client: MlflowClient) -> str | None:
    """The version that the alias names; None where none does."""
    try:
        return str(client.get_model_version_by_alias(MODEL_NAME, CHAMPION).version)
    except MlflowException as error:
        # The first: there is no model yet. The second: it has no such alias.
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def promote(client: MlflowClient, home: Home, version: str) -> None:
    """Makes a registered version, whose bundle lies in the home, the champion."""
    previous = current(client)
    if previous is not None and previous != version:
        _remember(client, [*_past(client), previous])
    _point_to(client, home, version)


def before_current(client: MlflowClient) -> str:
    """The champion before this one.

    Raises:
        NothingToRollBackError: there was none.
    """
    champion = current(client)
    # After a crash between two steps of a promotion the latest entry can be the champion itself.
    past = [version for version in _past(client) if version != champion] if champion else []
    if not past:
        raise NothingToRollBackError(champion)
    return past[-1]


def step_back(client: MlflowClient, home: Home, version: str) -> None:
    """Makes the champion before this one, as `before_current` gave it, the champion again."""
    past = _past(client)
    _point_to(client, home, version)
    _remember(client, past[: len(past) - 1 - past[::-1].index(version)])


def _point_to(client: MlflowClient, home: Home, version: str) -> None:
    client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
    home.swap_champion(version)


def _past(client: MlflowClient) -> list[str]:
    past: list[str] = json.loads(client.get_registered_model(MODEL_NAME).tags.get(_PAST_CHAMPIONS, "[]"))
    return past


def _remember(client: MlflowClient, past: list[str]) -> None:
    client.set_registered_model_tag(MODEL_NAME, _PAST_CHAMPIONS, json.dumps(past[-_REMEMBERED:]))
