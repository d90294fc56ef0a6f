"""The commands of `leadodds keys`, on the database that the server uses, whether it runs or not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from features.times import format_time
from serving.bodies.intake_items import Source
from serving.keys.key_store import KeyNameError, add_key, read_keys, read_scopes, revoke_key
from serving.keys.keys import ApiKey, make_key
from serving.settings import SettingsError, read_settings
from serving.store.store import store_of_command

_NAME_LENGTH: Final = 100


class PastError(KeyNameError):
    """A key that would have expired before it was created."""

    def __init__(self, name: str) -> None:
        super().__init__(name, fault="would have expired already; give --expires a moment in the future")


def create(
    name: str,
    scopes: str,
    *,
    home: Path,
    now: int,
    expires_at: int | None = None,
    requests_per_second: float | None = None,
    source: str | None = None,
) -> dict[str, Any]:
    """Creates a key.

    Args:
        name: of its user.
        scopes: separated by commas.
        home: of the server, unless LEADODDS_DATABASE names another database.
        now: microseconds UTC.
        expires_at: from when it is refused; None is never.
        requests_per_second: its limit; None is the limit of the server.
        source: the one source whose interactions and outcomes it may send; None: of any.

    Returns:
        What is stored, and `key`, which its user has to send and which is shown this once.

    Raises:
        LeadOddsError: the name, a scope, the time or the limit is invalid, or the database cannot be used.
    """
    if not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
        raise KeyNameError(
            name[:_NAME_LENGTH], fault=f"needs a name of 1 to {_NAME_LENGTH} printable characters"
        )
    if requests_per_second is not None and not 0 < requests_per_second < float("inf"):
        raise SettingsError("requests_per_second", fault="it is not above 0")
    if source is not None:
        _check_source(source, name=name)
    if expires_at is not None and expires_at <= now:
        raise PastError(name)
    key, sent = make_key(
        name,
        read_scopes(scopes),
        created_at=now,
        expires_at=expires_at,
        requests_per_second=requests_per_second,
        source=source,
    )
    settings = read_settings(home=home)
    if settings.database is None:
        # Keys may be created before anything else.
        home.mkdir(parents=True, exist_ok=True)
    with store_of_command(settings, must_exist=False) as store:
        store.write(partial(add_key, key=key)).result()
    return {**_public(key, now), "key": sent}


def list_all(*, home: Path, now: int) -> list[dict[str, Any]]:
    """Lists all keys, the oldest first, without their secrets."""
    settings = read_settings(home=home)
    if settings.store_file is not None and not settings.store_file.exists():
        return []
    with store_of_command(settings) as store:
        return [_public(key, now) for key in store.read(read_keys)]


def revoke(name: str, *, home: Path) -> list[str]:
    """Revokes the keys of a name; returns their ids.

    Raises:
        KeyNameError: no key of this name is active.
    """
    with store_of_command(read_settings(home=home)) as store:
        return store.write(partial(revoke_key, name=name)).result()


def _check_source(source: str, *, name: str) -> None:
    """Refuses what no body can name as its source.

    Raises:
        KeyNameError: the text is too long, or no text of a source.
    """
    try:
        TypeAdapter(Source).validate_python(source)
    except ValidationError as error:
        fault = f"cannot send for the source {source[:_NAME_LENGTH]!r}: {error.errors()[0]['msg']}"
        raise KeyNameError(name, fault=fault) from None


def _public(key: ApiKey, now: int) -> dict[str, Any]:
    return {
        "name": key.name,
        "key_id": key.key_id,
        "scopes": sorted(key.scopes),
        "state": key.state(now),
        "requests_per_second": key.requests_per_second,
        "source": key.source,
        "created_at": format_time(key.created_at),
        "expires_at": None if key.expires_at is None else format_time(key.expires_at),
    }
