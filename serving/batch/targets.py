"""The targets of scores: a file, a folder of parts, or a table of a database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from features.output.targets import (
    TargetFormat,
    place_of,
    publish,
    refuse_history_as_target,
    target_format,
)
from features.progress import Progress
from features.sources.open_source import Source, places_of
from serving.batch.combine import Chunk
from serving.batch.files import write_whole
from serving.batch.given_scores import Keeping, keep_files
from serving.settings import secret_file_of


class Target(Protocol):
    """Takes the rows of a batch."""

    @property
    def shown(self) -> str:
        """The target as people see it, without a password."""

    @property
    def work(self) -> Path:
        """The folder of the job that writes to it."""

    @property
    def lock(self) -> Path:
        """The file that names the process at work."""

    def publish(
        self, chunks: Sequence[Chunk], *, keeping: Keeping | None, workers: int, progress: Progress
    ) -> None:
        """Writes the rows to the target, in place of those it held, and keeps them where they should be.

        Raises:
            OSError: the disk is full, or writing is not allowed.
        """


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file or a folder, replaced in one step."""

    path: Path
    form: TargetFormat

    @property
    def shown(self) -> str:
        """See `Target`."""
        return str(self.path)

    @property
    def work(self) -> Path:
        """See `Target`; on the disk of the target, so that taking its place is one step."""
        return _beside(self.path, "job")

    @property
    def lock(self) -> Path:
        """See `Target`."""
        return _beside(self.path, "lock")

    def publish(
        self, chunks: Sequence[Chunk], *, keeping: Keeping | None, workers: int, progress: Progress
    ) -> None:
        """See `Target`."""
        whole = write_whole(chunks, self.work, form=self.form, workers=workers, progress=progress)
        publish(whole, self.path)
        if keeping is not None:
            is_csv = self.form == "csv"
            written = write_whole(chunks, self.work, form="parts", workers=workers) if is_csv else self.path
            keep_files(written, keeping, target=self.shown)


@dataclass(frozen=True, slots=True)
class TableTarget:
    """The table `scores` of a database; rows with the same key are replaced."""

    url: str
    folder: Path
    secret_file: Path

    @property
    def shown(self) -> str:
        """See `Target`."""
        from features.sources.connections import redacted_url

        return redacted_url(self.url)

    @property
    def work(self) -> Path:
        """See `Target`."""
        return self.folder / self._name

    @property
    def lock(self) -> Path:
        """See `Target`."""
        return self.folder / f"{self._name}.lock"

    def publish(
        self,
        chunks: Sequence[Chunk],
        *,
        keeping: Keeping | None,
        workers: int,  # noqa: ARG002
        progress: Progress,
    ) -> None:
        """See `Target`."""
        from serving.batch.table_rows import upsert_scores

        upsert_scores(self.url, chunks, secret_file=self.secret_file, keeping=keeping, progress=progress)

    @property
    def _name(self) -> str:
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


def _beside(path: Path, suffix: str) -> Path:
    place = place_of(path)
    return place.with_name(f".{place.name}.{suffix}")


def open_target(out: str | Path, *, home: Path, source: Source) -> Target:
    """Opens a target by its name.

    Args:
        out: a path, or a database URL.
        home: holds the folders of jobs for databases.
        source: the history that is read, which is no target; a database may hold both.

    Raises:
        LeadOddsError: the target cannot be written to.
    """
    if isinstance(out, str) and "://" in out:
        from serving.batch.table_rows import check_database

        is_folder = any(place.is_dir() for place in places_of(source))
        for place in places_of(out) if is_folder else ():
            refuse_history_as_target(place, source)
        check_database(out)
        return TableTarget(out, home.absolute() / "jobs", secret_file_of(home))
    path = Path(out)
    refuse_history_as_target(path, source)
    return FileTarget(path, target_format(path))
