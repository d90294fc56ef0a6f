"""The table `[alerts]` of the configuration: which hooks there are, and what each is sent."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import LeadOddsError
from serving.alerts.signing import read_secrets
from serving.outgoing.addresses import is_callable
from serving.outgoing.credentials import MissingCredentialError, credential

Kind = Literal["entered", "left", "waiting", "verdict"]
Form = Literal["json", "slack", "teams"]

# Where a setting names no other file, if the working folder has it.
DEFAULT_FILE: Final = Path("leadodds.toml")
TABLE: Final = "alerts"
_MOST_HOOKS: Final = 20
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_Texts = tuple[Annotated[str, Field(min_length=1)], ...]


class AlertsConfigError(LeadOddsError):
    """A table `[alerts]` that cannot be used."""

    def __init__(self, path: Path, *, fault: str) -> None:
        super().__init__(f"The table [alerts] of {path} cannot be used: {fault}.")


class HookError(MissingCredentialError):
    """An address or a secret of a hook that cannot be used; its value is not told."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(name, fault=fault)


class HookConfig(BaseModel):
    """One web hook.

    Attributes:
        form: json is signed as Standard Webhooks say; slack and teams are what their incoming hooks take.
        kinds: of alerts that it is sent.
        owners: only leads whose attribute `owner` is one of these; verdicts are about no lead, and pass.
        territories: likewise of the attribute `territory`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Form = "json"
    kinds: tuple[Kind, ...] = Field(get_args(Kind), min_length=1)
    owners: _Texts | None = None
    territories: _Texts | None = None

    def takes(self, kind: Kind, *, owner: str | None = None, territory: str | None = None) -> bool:
        """Whether the hook is sent an alert of this kind, about a lead of this owner and territory."""
        if kind not in self.kinds:
            return False
        if kind == "verdict":
            return True
        is_owner = self.owners is None or owner in self.owners
        return is_owner and (self.territories is None or territory in self.territories)


class AlertsConfig(BaseModel):
    """The table `[alerts]`.

    Attributes:
        waiting_hours: a lead that waits longer for an answer is an alert; absent: none does.
        give_up_hours: a hook that takes a message in none of so many hours is sent it no more.
        page: address of LeadOdds' own page, for links to leads.
        hooks: by their names; `LEADODDS_ALERTS_<NAME>_URL` and `..._SECRET` belong to each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    waiting_hours: float | None = Field(None, gt=0, le=24 * 365)
    give_up_hours: float = Field(72.0, gt=0, le=24 * 14)
    page: str | None = None
    hooks: dict[_Name, HookConfig] = Field(default_factory=dict, max_length=_MOST_HOOKS)

    @model_validator(mode="after")
    def _check(self) -> AlertsConfig:
        if self.page is not None and not self.page.startswith(("https://", "http://")):
            raise ValueError("page is an address like https://leads.example.com")
        return self


class HookTarget:
    """Where a hook is, and what signs its messages; never shown, logged or stored.

    Attributes:
        url: of the hook.
        secrets: that sign; several while one takes the place of another.
    """

    __slots__ = ("secrets", "url")

    def __init__(self, url: str, secrets: tuple[bytes, ...]) -> None:
        self.url = url
        self.secrets = secrets


def read_alerts_config(path: Path | None) -> AlertsConfig | None:
    """Reads the table; None where no file has it.

    Args:
        path: of a TOML file that has to be there; None: `leadodds.toml` of the working folder, if there.

    Raises:
        AlertsConfigError: the file cannot be read, or a key or value is not as it should be.
    """
    file = path or DEFAULT_FILE
    if path is None and not file.exists():
        return None
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8-sig")).get(TABLE)
        return None if keys is None else AlertsConfig.model_validate(keys)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AlertsConfigError(file, fault=str(error)) from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise AlertsConfigError(file, fault=f"{place + ': ' if place else ''}{fault['msg']}") from None


def variables_of(hook: str) -> tuple[str, str]:
    """Names of the variables with the address and the secret of a hook.

    >>> variables_of("sales")
    ('LEADODDS_ALERTS_SALES_URL', 'LEADODDS_ALERTS_SALES_SECRET')
    """
    return f"LEADODDS_ALERTS_{hook.upper()}_URL", f"LEADODDS_ALERTS_{hook.upper()}_SECRET"


def read_targets(config: AlertsConfig) -> Mapping[str, HookTarget]:
    """Reads the addresses and secrets of all hooks from the environment, or from files that it names.

    Raises:
        MissingCredentialError: one is nowhere.
        HookError: an address is not encrypted, or a secret is none.
    """
    return {name: read_target(name, hook) for name, hook in config.hooks.items()}


def read_target(name: str, hook: HookConfig) -> HookTarget:
    """Reads the address and the secret of a hook; see `read_targets`."""
    url_variable, secret_variable = variables_of(name)
    url = credential(url_variable)
    if not is_callable(url):
        raise HookError(url_variable, fault="has to be an address that begins with https://")
    is_set = any(os.environ.get(variable) for variable in (secret_variable, f"{secret_variable}_FILE"))
    if hook.form != "json" and not is_set:
        # Slack and Teams check no signature: the address itself is the secret.
        return HookTarget(url, ())
    try:
        return HookTarget(url, read_secrets(credential(secret_variable)))
    except ValueError as error:
        raise HookError(secret_variable, fault=str(error)) from None
