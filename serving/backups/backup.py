"""Copies the database, the bundles, the champion pointer and the given scores of a home, not the secret."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError
from features.sources.sqlite_driver import sqlite_driver
from models.home.decisions import FILE as DECISIONS
from models.home.home import Home
from serving.batch.given_scores import kept_parts
from serving.settings import ServerSettings

DATABASE: Final = "service.db"
_OWNER_ONLY: Final = 0o600


class BackupError(LeadOddsError):
    """A backup that cannot be made, or put back."""

    def __init__(self, place: Path, *, fault: str) -> None:
        super().__init__(f"The backup {place} {fault}.")


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied.

    Attributes:
        folder: of the copy.
        database: whether the database is in it; a PostgreSQL is not.
        versions: of the bundles.
        champion: the version that answers; None where there is none.
        secret: copy of the secret; None where it was not copied.
    """

    folder: Path
    database: bool
    versions: tuple[str, ...]
    champion: str | None
    secret: Path | None

    def __str__(self) -> str:
        """Writes it for people."""
        parts = [f"{len(self.versions)} bundles", "the champion pointer"]
        lines = [f"{self.folder} holds {', '.join((['the database'] if self.database else []) + parts)}."]
        if not self.database:
            lines.append("The database is a PostgreSQL: dump it with pg_dump.")
        if self.secret is None:
            lines.append("The secret is not in it: copy it once to another place, with --secret.")
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """Writes it for machines."""
        return {
            "folder": str(self.folder),
            "database": self.database,
            "versions": list(self.versions),
            "champion": self.champion,
            "secret": self.secret and str(self.secret),
        }


def back_up(settings: ServerSettings, target: Path, *, secret: Path | None = None) -> Backup:
    """Copies the state of a service, whether its server runs or not.

    The database first: whatever is promoted meanwhile has its bundle in the copy.

    Args:
        settings: of the server.
        target: a folder that is made, or is empty.
        secret: file for a copy of the secret, outside the target: whoever has both can sign in.

    Raises:
        BackupError: the target is not empty, or the secret would lie in it.
        LeadOddsError: the database cannot be read.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(target, fault="cannot be made: there is something already")
    if secret is not None and (secret.exists() or target.absolute() in secret.absolute().parents):
        raise BackupError(target, fault=f"is no place for the secret, nor is a file that exists: {secret}")
    try:
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(0o700)
        file = settings.store_file
        if file is not None:
            copy_database(file, target / DATABASE)
        home = Home(settings.home)
        copy_home(home, Home(target))
        if secret is not None:
            copy_privately(settings.secret_path, secret)
    except OSError as error:
        raise BackupError(target, fault=f"cannot be made: {error}") from None
    return Backup(target, file is not None, home.versions(), home.champion(), secret)


def copy_database(source: Path, target: Path) -> None:
    """Copies an SQLite file as it is at one moment, while others write to it.

    The copy is one file without a write-ahead log, so that reading it leaves nothing beside it.

    Raises:
        BackupError: there is no such file, or it is damaged.
    """
    if not source.is_file():
        raise BackupError(target, fault=f"needs the database {source}, which is missing")
    target.touch(mode=_OWNER_ONLY)
    driver = sqlite_driver()
    reading, writing = driver.connect(f"file:{source}?mode=ro", uri=True), driver.connect(str(target))
    try:
        # All pages in one step: with a write-ahead log who writes does not wait for it.
        reading.backup(writing, pages=-1)
        writing.execute("PRAGMA journal_mode=DELETE")
        ((verdict,), *_) = writing.execute("PRAGMA quick_check").fetchall()
    except driver.DatabaseError as error:
        raise BackupError(target, fault=f"cannot be made: {error}") from None
    finally:
        reading.close()
        writing.close()
    if verdict != "ok":
        raise BackupError(target, fault=f"is damaged: {verdict}")


def copy_home(source: Home, target: Home) -> None:
    """Copies bundles, then the pointer, with the dates of files, which say since when a champion answers.

    The scores that were given are copied, too: those that the target lacks.
    """
    for version in source.versions():
        folder = target.bundles / version
        if not target.has_bundle(version):
            shutil.copytree(source.bundles / version, folder, dirs_exist_ok=True)
    for file in (source.past_champions_file, source.path / DECISIONS, source.champion_file):
        if file.exists():
            shutil.copy2(file, target.path / file.name)
    for part in kept_parts(source.path):
        copy = target.path / part.relative_to(source.path)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(part, copy)


def copy_privately(source: Path, target: Path) -> None:
    """Copies a file to a new one for its owner alone."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())
