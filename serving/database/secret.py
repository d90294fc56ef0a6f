"""The one secret of a service: it signs the sessions of the page, and salts the hashes of erased ids.

It is a file outside the database, so that a copy of the database forges no session, and no hash in it can be
traced to an id. Its first line is the secret, as hexadecimal digits. Each further line is the salt of a
database that an older release made, which held its salt itself. A database holds a check value of its salt.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError

_BYTES: Final = 32
_LINES: Final = re.compile(rb"(?:[0-9a-f]{64}\n?)+")
_OWNER_ONLY: Final = 0o600
_CHECK_BYTES: Final = 16


class SecretError(LeadOddsError):
    """A file that cannot be the secret of a service."""

    def __init__(self, path: Path, *, fault: str) -> None:
        super().__init__(
            f"The secret {path} {fault}. It holds {_BYTES} random bytes or more, for its owner alone; put "
            "back the file that belongs to the database, or name it with LEADODDS_SECRET_FILE."
        )


class OtherSecretError(LeadOddsError):
    """A secret that does not belong to the database."""

    def __init__(self, place: str, path: Path) -> None:
        super().__init__(
            f"The secret {path} does not belong to the database {place}: with another one, erased leads "
            "would come back. Copy the file from the server or the backup that the database comes from, or "
            "name it with LEADODDS_SECRET_FILE."
        )


@dataclass(frozen=True, slots=True)
class Secret:
    """The content of the file.

    Attributes:
        signing: signs sessions.
        salts: of the databases that were made with it, then those of older databases.
    """

    signing: bytes
    salts: tuple[bytes, ...]

    def salt_of(self, check: bytes) -> bytes | None:
        """Finds the salt of a database by its check value; None where the secret is another one."""
        return next((salt for salt in self.salts if check_value(salt) == check), None)


def check_value(salt: bytes) -> bytes:
    """Hashes a salt, so that a database can name the secret that it belongs to and tells nothing of it."""
    return hashlib.blake2b(b"check", key=salt, digest_size=_CHECK_BYTES).digest()


def read_secret(path: Path) -> Secret:
    """Reads the secret.

    Raises:
        SecretError: the file is missing or too short, others can read it, or it cannot be read.
    """
    first, *moved = _read_lines(path)
    salt = hashlib.blake2b(first, digest_size=_BYTES, person=b"erasure").digest()
    return Secret(first, (salt, *moved))


def make_secret(path: Path) -> Secret:
    """Reads the secret; makes it the first time, for its owner alone.

    Raises:
        SecretError: it can be neither read nor made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of two workers that start at once the first one wins.
            _write(path, [secrets.token_bytes(_BYTES)], replaces=False)
    except OSError as error:
        raise SecretError(path, fault=f"cannot be made: {error.strerror}") from None
    return read_secret(path)


def keep_salt(path: Path, salt: bytes) -> None:
    """Takes over the salt of a database, which held it itself; made the first time.

    Raises:
        SecretError: the file can be neither read nor written.
    """
    if salt in make_secret(path).salts:
        return
    try:
        _write(path, [*_read_lines(path), salt], replaces=True)
    except OSError as error:
        fault = f"has to take over the salt of the database, and cannot be written: {error.strerror}"
        raise SecretError(path, fault=fault) from None


def _read_lines(path: Path) -> list[bytes]:
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise SecretError(path, fault="can be read by others")
        found = path.read_bytes()
    except OSError as error:
        raise SecretError(path, fault=f"cannot be read: {error.strerror}") from None
    if _LINES.fullmatch(found):
        return [bytes.fromhex(line.decode()) for line in found.split()]
    if len(found) < _BYTES:
        raise SecretError(path, fault="is too short")
    # Random bytes of another origin.
    return [found if len(found) == _BYTES else hashlib.sha256(found).digest()]


def _write(path: Path, lines: list[bytes], *, replaces: bool) -> None:
    """Writes the file beside its place and puts it there, so that nobody reads half of it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.writelines(f"{line.hex()}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            beside.replace(path)
        else:
            os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
