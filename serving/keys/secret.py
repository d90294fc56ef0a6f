"""The secret of a service: a file outside the database, so that a copy of the database forges nothing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError

_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600


class SecretError(LeadOddsError):
    """A file that cannot be the secret of a service."""

    def __init__(self, path: Path, *, fault: str) -> None:
        super().__init__(
            f"The secret {path} {fault}. It holds {_BYTES} random bytes or more, for its owner alone; "
            "remove it, and the next start makes another and ends all sessions of the page."
        )


def read_secret(path: Path) -> bytes:
    """Reads the secret; makes it the first time, for its owner alone.

    Args:
        path: of its file; several workers share it.

    Raises:
        SecretError: the file is too short, others can read it, or it can be neither read nor made.
    """
    try:
        _make(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise SecretError(path, fault="can be read by others")
        found = path.read_bytes()
    except OSError as error:
        raise SecretError(path, fault=f"cannot be read: {error.strerror}") from None
    if len(found) < _BYTES:
        raise SecretError(path, fault="is too short")
    return found


def _make(path: Path) -> None:
    """Makes the file where there is none: written beside it and linked, so that nobody reads half of it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # Of two workers that start at once the first one wins.
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
