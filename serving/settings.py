"""The settings of a server, from its command and from environment variables that begin with LEADODDS_."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from features.errors import LeadOddsError
from features.sources.connections import sqlite_file, sqlite_url

_LEAD_ID: Final = "{lead_id}"
_SIGNS: Final = "secret"
# Outcomes are complete so long after their horizon, and the last complete ones are shown so long.
_REPORTED_LATE_DAYS: Final = 30.0
_LOOKED_AT_DAYS: Final = 30.0


class SettingsError(LeadOddsError):
    """A setting whose value a server cannot use."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(f"The setting {name} (LEADODDS_{name.upper()}) cannot be used: {fault}.")


def _split(sent: object) -> object:
    return tuple(name.strip() for name in sent.split(",") if name.strip()) if isinstance(sent, str) else sent


def _check_link(link: str) -> str:
    """Refuses a template whose addresses could be anything but pages of one host."""
    parts = urlsplit(link)
    is_page = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    is_filled_in = _LEAD_ID in link and not set("{}") & {*link.replace(_LEAD_ID, "")}
    if not is_page or not is_filled_in or _LEAD_ID in parts.netloc or not link.isprintable() or " " in link:
        raise ValueError("a link is like https://crm.example.com/leads/{lead_id}")
    return link


class ServerSettings(BaseSettings):
    """Settings of one server.

    Attributes:
        home: folder of the models; the champion that its pointer names makes the scores.
        database: URL of the store; absent: SQLite in the file service.db of the home.
        secret_file: signs sessions and salts the hashes of erased ids; absent: the file secret of the home.
        config: TOML file with the table [alerts]; absent: leadodds.toml of the working folder, if there.
        model: a version or bundle folder that makes the scores instead, and is never replaced.
        host: address to listen on; without keys only a loopback address.
        port: to listen on.
        workers: number of processes; each follows the champion by itself.
        body_limit_bytes: a larger body is refused before it is read.
        receive_seconds: a request that takes longer to arrive is refused.
        drain_seconds: how long a stopping server still refuses new requests with a response.
        requests_per_second: limit of a key without a limit of its own, at each worker.
        leads_per_second: likewise, of leads to score in requests for many; a key with another limit of
            requests has this and the next in proportion.
        bytes_per_second: likewise, of bodies, unpacked.
        failed_keys_per_minute: refused keys of one address; more are answered 429, and right ones still pass.
        database_seconds: how long a request waits for the database; an SQLite file that is locked, too.
        statement_seconds: a statement that takes longer is cancelled by PostgreSQL.
        connect_seconds: how long a connection to PostgreSQL may take.
        waiting_writes: calls that may wait for the writer; more are answered 503.
        audit_days: records of given scores are kept so long, for replays; 0, here and below, is for ever.
        night_scores_days: likewise, the scores that the nightly job wrote.
        scores_history_days: likewise, the scores that were given, to compare with outcomes; at least the
            longest horizon of the model, 30 days for outcomes that are reported late, and 30 more.
        quarantine_days: likewise, items in quarantine.
        changes_days: likewise, values of attributes after others took their place.
        alerts_days: likewise, alerts that no hook took.
        hook_days: likewise, the raw bodies of web hooks that were mapped.
        message_days: likewise, the ids of identify messages of Segment, so that each counts once.
        hooks_file: what web hooks need beside their tokens; hooks.toml in the home by default.
        score_targets: files, folders and databases that nightly jobs write scores to, separated by commas;
            `leadodds forget` removes erased leads from them, too.
        log_requests: whether each request has a line in the log.
        display: attributes that the list shows and no model uses, separated by commas: name,company,owner.
        record_link: address of a lead in the CRM, with {lead_id} where its id belongs.
        poll_seconds: time between two looks at champion pointer and keys; a change takes up to twice that.
        keys_valid_seconds: where the keys cannot be read for longer, no key is accepted any more.
    """

    model_config = SettingsConfigDict(env_prefix="LEADODDS_", extra="forbid", frozen=True)

    home: Path = Path("models/store")
    database: str | None = None
    secret_file: Path | None = None
    config: Path | None = None
    model: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    body_limit_bytes: int = Field(default=1_048_576, ge=1024)
    receive_seconds: float = Field(default=15.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0, le=60)
    requests_per_second: float = Field(default=100.0, gt=0)
    leads_per_second: float = Field(default=1000.0, gt=0)
    bytes_per_second: float = Field(default=4_194_304.0, gt=0)
    failed_keys_per_minute: float = Field(default=60.0, gt=0)
    database_seconds: float = Field(default=4.0, gt=0)
    statement_seconds: float = Field(default=15.0, gt=0)
    connect_seconds: float = Field(default=4.0, ge=1)
    waiting_writes: int = Field(default=256, ge=1)
    audit_days: float = Field(default=400.0, ge=0)
    night_scores_days: float = Field(default=120.0, ge=0)
    scores_history_days: float = Field(default=150.0, ge=0)
    quarantine_days: float = Field(default=180.0, ge=0)
    changes_days: float = Field(default=1_095.0, ge=0)
    alerts_days: float = Field(default=30.0, ge=0)
    hook_days: float = Field(default=30.0, ge=0)
    message_days: float = Field(default=30.0, ge=0)
    hooks_file: Path | None = None
    score_targets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    log_requests: bool = True
    display: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    record_link: Annotated[str, AfterValidator(_check_link)] | None = None
    poll_seconds: float = Field(default=0.5, gt=0, le=1)
    keys_valid_seconds: float = Field(default=300.0, gt=0)

    def history_days(self, longest_horizon_days: float) -> float:
        """How long given scores are kept, in days; 0 is for ever.

        Args:
            longest_horizon_days: of the model that gave them.
        """
        needed = longest_horizon_days + _REPORTED_LATE_DAYS + _LOOKED_AT_DAYS
        return max(self.scores_history_days, needed) if self.scores_history_days else 0.0

    def record_url(self, lead_id: str) -> str | None:
        """Address of a lead in the CRM; None without a link."""
        return self.record_link and self.record_link.replace(_LEAD_ID, quote(lead_id, safe=""))

    @property
    def secret_path(self) -> Path:
        """File of the secret: as set, else in the home."""
        return self.secret_file or self.home / _SIGNS

    @property
    def hooks_path(self) -> Path:
        """File of the hooks: as set, else in the home."""
        return self.hooks_file or self.home / "hooks.toml"

    @property
    def store_url(self) -> str:
        """URL of the database: as set, else of the SQLite file in the home."""
        return self.database or sqlite_url(self.home / "service.db")

    @property
    def store_file(self) -> Path | None:
        """File of the database; None for a PostgreSQL."""
        return sqlite_file(self.store_url)


def secret_file_of(home: Path) -> Path:
    """Finds the file of the secret of a home: as the environment says, else in it."""
    return read_settings(home=home).secret_path


def read_settings(**given: Any) -> ServerSettings:
    """Takes settings from the arguments of a command, and the others from the environment.

    Raises:
        SettingsError: a value is out of its range, or of the wrong type.
    """
    try:
        return ServerSettings(**given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise SettingsError(".".join(map(str, fault["loc"])), fault=fault["msg"]) from None
