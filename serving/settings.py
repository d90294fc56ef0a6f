"""What a server can be told, by the command or by environment variables that begin with LEADODDS_."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import LeadOddsError
from features.sources.connections import sqlite_url


class SettingsError(LeadOddsError):
    """A setting that a server cannot run with."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(f"The setting {name} (LEADODDS_{name.upper()}) cannot be used: {fault}.")


class ServerSettings(BaseSettings):
    """Settings of one server.

    Attributes:
        home: where models are kept; the champion that its pointer names answers.
        database: URL of the store; absent: SQLite in the file service.db of the home.
        model: a version or a bundle folder that answers instead, and is never exchanged.
        host: address to listen on; without keys a loopback one.
        port: to listen on.
        workers: processes; each of them watches the champion by itself.
        body_limit_bytes: a larger body is refused before it is read.
        receive_seconds: a request that takes longer to arrive is given up.
        drain_seconds: how long new requests are refused with an answer before a stopping server is gone.
        requests_per_second: how often a key may ask each worker, where it has no rate of its own.
        log_requests: whether each request has a line in the log.
        poll_seconds: how often champion pointer and keys are looked at; half of what a change may take.
    """

    model_config = SettingsConfigDict(env_prefix="LEADODDS_", extra="forbid", frozen=True)

    home: Path = Path("models/store")
    database: str | None = None
    model: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    body_limit_bytes: int = Field(default=1_048_576, ge=1024)
    receive_seconds: float = Field(default=15.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0, le=60)
    requests_per_second: float = Field(default=100.0, gt=0)
    log_requests: bool = True
    poll_seconds: float = Field(default=0.5, gt=0, le=1)

    @property
    def store_url(self) -> str:
        """URL of the database that is meant."""
        return self.database or sqlite_url(self.home / "service.db")


def read_settings(**given: Any) -> ServerSettings:
    """Makes settings of what a command was given, and of the environment for the rest.

    Raises:
        SettingsError: a value is out of its range, or of the wrong type.
    """
    try:
        return ServerSettings(**given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise SettingsError(".".join(map(str, fault["loc"])), fault=fault["msg"]) from None
