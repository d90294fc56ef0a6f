"""What a promotion reads and writes of a registered model, by MLflow: the alias, and the tag of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.registry.names import CHAMPION, PAST_CHAMPIONS


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """The registered model whose versions are trained, and the registry that keeps it.

    Attributes:
        client: of MLflow.
        name: of the model.
        registry_uri: address of the registry.
    """

    client: MlflowClient
    name: str
    registry_uri: str

    def champion(self) -> str | None:
        """See `ChampionStore`."""
        try:
            return str(self.client.get_model_version_by_alias(self.name, CHAMPION).version)
        except MlflowException as error:
            # The first: there is no model yet. The second: it has no such alias.
            if error.error_code in _NO_CHAMPION:
                return None
            raise

    def move(self, version: str) -> None:
        """See `ChampionStore`."""
        self.client.set_registered_model_alias(self.name, CHAMPION, version)

    def past(self) -> str:
        """See `ChampionStore`."""
        return str(self.client.get_registered_model(self.name).tags.get(PAST_CHAMPIONS, "[]"))

    def remember(self, text: str) -> None:
        """See `ChampionStore`."""
        self.client.set_registered_model_tag(self.name, PAST_CHAMPIONS, text)


_NO_CHAMPION: Final = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
