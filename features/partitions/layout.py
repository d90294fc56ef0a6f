"""The files of partitions: folder, names, and reading them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from features.sources.pieces import concatenate


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of the partitions.

    Attributes:
        folder: holds `<table>-<partition>-<piece>.arrow`.
        count: number of partitions.
        settings: settings by which the history is read.
    """

    folder: Path
    count: int
    settings: HistorySettings = field(default_factory=HistorySettings)

    @property
    def text_rule(self) -> TextRule:
        """Rule by which cells become texts."""
        return self.settings.text_rule

    def path(self, table: str, partition: int, piece: int = 0) -> Path:
        """Names the file of one piece of a table."""
        return self.folder / f"{table}-{partition:04d}-{piece:05d}.arrow"

    def read(self, table: str, partition: int) -> pa.Table | None:
        """Reads a table of a partition, in the order of the pieces; None where it has no file."""
        paths = sorted(self.folder.glob(f"{table}-{partition:04d}-*.arrow"))
        parts = [_read(path) for path in paths]
        if not parts:
            return None
        is_alike = all(part.schema.equals(parts[0].schema) for part in parts)
        return pa.concat_tables(parts) if is_alike else concatenate(parts, self.text_rule)


def duplicates_path(folder: Path, partition: int) -> Path:
    """Names the file that lists the rows of a partition that duplicate a row of another partition."""
    return folder / f"duplicates-{partition:04d}.npy"


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()
