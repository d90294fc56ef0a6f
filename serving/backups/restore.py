"""Puts a backup back, and erases again whoever was erased after it was made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from features.sources.connections import sqlite_url
from features.sources.service_tables import INTERACTIONS, LEAD_ALIASES, LEADS
from models.home.home import Home
from serving.backups.backup import (
    DATABASE,
    BackupError,
    copy_database,
    copy_home,
    copy_privately,
)
from serving.batch.given_scores import Erasing
from serving.clock import Clock
from serving.database.engine import lock_file
from serving.database.schema import ERASED, QUARANTINE
from serving.database.writer import Receipt
from serving.errors import LeadErasedError
from serving.intake.erasures import erased_leads
from serving.intake.hook_bodies import ids_in_bodies
from serving.intake.ingest import insert_new
from serving.intake.items import erased_hash
from serving.settings import ServerSettings
from serving.store.store import Store

# What SQLite keeps beside a file.
_BESIDE: Final = ("-wal", "-shm")
_ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        database: whether the database was in the backup.
        champion: the version that answers.
        erased_again: leads that were erased after the backup was made.
        erasures_from: the database whose erasures were applied; None where there was none.
        replaced: where the database that was there before lies now; None where there was none.
    """

    database: bool
    champion: str | None
    erased_again: int
    erasures_from: str | None
    replaced: Path | None

    def __str__(self) -> str:
        """Writes it for people."""
        lines = [f"The backup is in its place; version {self.champion} answers."]
        if self.erasures_from is None:
            lines.append(
                "No newer database was there, so nobody was erased again: name a later backup with --erased, "
                "or erase again who was erased since."
            )
        else:
            lines.append(f"{self.erased_again} leads that were erased since are erased again.")
        if self.replaced is not None:
            lines.append(f"The database of before is {self.replaced}; delete it once all is well.")
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """Writes it for machines."""
        return {
            "database": self.database,
            "champion": self.champion,
            "erased_again": self.erased_again,
            "erasures_from": self.erasures_from,
            "replaced": self.replaced and str(self.replaced),
        }


def restore(
    settings: ServerSettings,
    source: Path,
    *,
    clock: Clock,
    secret: Path | None = None,
    erased: Path | None = None,
) -> Restored:
    """Puts a backup into a home; the erasures of the database that is there, or of `erased`, are applied.

    The new database takes its place in one step, once those who were erased are gone from it.

    Args:
        settings: of the server, which does not run.
        source: folder of the backup.
        clock: gives the moment of the erasures.
        secret: copy of the secret that belongs to the backup, where the home has none.
        erased: file of a newer database, or folder of a later backup, whose erasures count.

    Raises:
        BackupError: the folder is no backup, or a server runs.
        LeadOddsError: the secret does not belong to the backup, or the database is refused.
    """
    if not (source / "bundles").is_dir() and not (source / DATABASE).is_file():
        raise BackupError(source, fault="is none: it holds neither bundles nor a database")
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        if secret is not None and not settings.secret_path.exists():
            copy_privately(secret, settings.secret_path)
        place = settings.store_file
        count, replaced = 0, None
        erasures_from: str | None = None
        if place is not None and (source / DATABASE).is_file():
            with _kept_from_servers(place, source):
                newer = _newer(erased, place)
                count = _prepare(settings, source / DATABASE, newer, clock=clock)
                erasures_from = None if newer is None else str(newer)
                replaced = _exchange(_beside(place), place)
        copy_home(Home(source), Home(settings.home))
        if place is not None and place.is_file():
            _erase_given_scores(settings, place, clock=clock)
    except OSError as error:
        raise BackupError(source, fault=f"cannot be put back: {error}") from None
    champion = Home(settings.home).champion()
    return Restored((source / DATABASE).is_file(), champion, count, erasures_from, replaced)


@contextmanager
def _kept_from_servers(place: Path, source: Path) -> Iterator[None]:
    handle = lock_file(Path(f"{place}-server"))
    if handle is None:
        raise BackupError(source, fault="cannot be put back while a server runs; stop it first")
    try:
        yield
    finally:
        os.close(handle)


def _newer(erased: Path | None, place: Path) -> Path | None:
    """Finds the file of the database whose erasures count."""
    if erased is None:
        return place if place.is_file() else None
    return erased / DATABASE if erased.is_dir() else erased


def _beside(place: Path) -> Path:
    return place.with_name(f"{place.name}.restoring")


def _prepare(settings: ServerSettings, backup: Path, newer: Path | None, *, clock: Clock) -> int:
    """Copies the database of a backup beside its place, and erases from it; returns how many leads."""
    place = settings.store_file
    copy = _beside(place or backup)
    for name in ("", *_BESIDE):
        Path(f"{copy}{name}").unlink(missing_ok=True)
    copy_database(backup, copy)
    hashes: dict[bytes, int] = {}
    if newer is not None:
        aside = copy.with_name(f"{copy.name}.erasures")
        aside.unlink(missing_ok=True)
        try:
            # A copy, which may be upgraded.
            copy_database(newer, aside)
            hashes = _erasures_of(aside, settings, clock=clock)
        finally:
            for name in ("", *_BESIDE):
                Path(f"{aside}{name}").unlink(missing_ok=True)
    store = Store(sqlite_url(copy), clock=clock, secret_file=settings.secret_path)
    try:
        gone = [
            lead_id for lead_id in store.read(_all_ids) if erased_hash(store.salt, "lead", lead_id) in hashes
        ]
        for lead_id in gone:
            # With a lead go its aliases.
            with suppress(LeadErasedError):
                store.erase_lead(lead_id).result()
        rows = [{"hash": hashed, "erased_at": at} for hashed, at in hashes.items()]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            store.write(partial(_add_hashes, rows=rows[start : start + _ROWS_AT_ONCE])).result()
        return len(gone)
    finally:
        store.close()


def _erase_given_scores(settings: ServerSettings, place: Path, *, clock: Clock) -> None:
    """Erases from the scores of past nights in the home whom the database knows as erased."""
    store = Store(sqlite_url(place), clock=clock, secret_file=settings.secret_path)

    def erased_among(ids: Sequence[str]) -> set[str]:
        return store.read(lambda connection: erased_leads(connection, store.salt, ids))

    try:
        Erasing(settings.home, erased_among).sweep(0)
    finally:
        store.close()


def _erasures_of(file: Path, settings: ServerSettings, *, clock: Clock) -> dict[bytes, int]:
    """Reads the hashes of erased ids and when each was erased; of another secret they would mean nothing."""
    store = Store(sqlite_url(file), clock=clock, secret_file=settings.secret_path)
    try:
        return store.read(
            lambda connection: {bytes(hashed): at for hashed, at in connection.execute(sa.select(*ERASED.c))}
        )
    finally:
        store.close()


def _all_ids(connection: sa.Connection) -> list[str]:
    """Lists every id that rows of a lead may stand under."""
    columns = [
        *(table.c.lead_id for table in (LEADS, INTERACTIONS, LEAD_ALIASES, QUARANTINE)),
        LEAD_ALIASES.c.alias_id,
    ]
    ids = {id_ for column in columns for id_ in connection.scalars(sa.select(column).distinct())}
    return sorted(ids | ids_in_bodies(connection))


def _add_hashes(connection: sa.Connection, _: Receipt, *, rows: list[dict[str, object]]) -> None:
    connection.execute(insert_new(connection, ERASED), rows)


def _exchange(new: Path, place: Path) -> Path | None:
    """Puts a closed database in the place of another, which is kept beside it with what belongs to it."""
    replaced = None
    if place.exists():
        replaced = place.with_name(f"{place.name}.replaced")
        for name in ("", *_BESIDE):
            Path(f"{replaced}{name}").unlink(missing_ok=True)
        # The log first: with the wrong file it would be read into it.
        for name in (*_BESIDE, ""):
            if Path(f"{place}{name}").exists():
                Path(f"{place}{name}").rename(f"{replaced}{name}")
    new.rename(place)
    return replaced
