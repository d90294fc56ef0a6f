"""The home: the folder of the bundles and of the champion pointer, read without MLflow.

Layout: `bundles/<version>/`, `champion` (the version, swapped in one step), `past_champions.jsonl`,
`decisions.jsonl` (who switched or retrained, when and why), `mlflow.db`, `artifacts/`, `score_runs/`, the
cards of scoring runs, `scores_history/`, the scores of past nights, and `monitor/latest.json`. Nothing that
is read again is an absolute path, so that a copied home works; a copy that keeps the dates of files (`cp -a`)
also knows since when its champion answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.bundle.files import replace_text
from models.bundle.format import DIGESTS_FILE
from models.errors import NoChampionError, UnknownVersionError
from models.home.promotions import Promotion, note_past_champions, present_champion, read_promotions

_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that holds all state.

    Attributes:
        path: the folder; need not exist until something is written.
    """

    path: Path

    @property
    def bundles(self) -> Path:
        """Folder of the bundles."""
        return self.path / "bundles"

    @property
    def champion_file(self) -> Path:
        """The pointer to the champion."""
        return self.path / "champion"

    @property
    def past_champions_file(self) -> Path:
        """The champions of the past."""
        return self.path / "past_champions.jsonl"

    @property
    def monitor_file(self) -> Path:
        """The latest result of the monitor."""
        return self.path / "monitor" / "latest.json"

    @property
    def score_history(self) -> Path:
        """Folder of the scores of past nights, a file each."""
        return self.path / "scores_history"

    @property
    def database(self) -> Path:
        """MLflow's database."""
        return self.path / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts."""
        return self.path / "artifacts"

    def bundle_folder(self, version: str) -> Path:
        """Folder of a version, whether it is there or not.

        Raises:
            UnknownVersionError: the text cannot be a version.
        """
        if not is_version(version):
            raise UnknownVersionError(version, home=self.path, known=self.versions())
        return self.bundles / version

    def has_bundle(self, version: str) -> bool:
        """Whether the bundle of a version lies in this home."""
        return is_version(version) and (self.bundles / version / DIGESTS_FILE).is_file()

    def stored_bundle(self, version: str) -> Path:
        """Folder of a version that lies here; nothing else, whatever the text is.

        Raises:
            UnknownVersionError: it does not.
        """
        if not self.has_bundle(version):
            raise UnknownVersionError(version, home=self.path, known=self.versions())
        return self.bundles / version

    def versions(self) -> tuple[str, ...]:
        """Versions whose bundles lie here, in the order of their numbers."""
        found = [path.name for path in self.bundles.glob("*") if self.has_bundle(path.name)]
        return tuple(sorted(found, key=version_order))

    def champion(self) -> str | None:
        """The champion; None where there is none."""
        present = present_champion(self.champion_file)
        return None if present is None else present.version

    def promotions(self) -> tuple[Promotion, ...]:
        """Every promotion and rollback that is remembered, the latest first.

        Raises:
            PastChampionsError: a line of the file of past champions cannot be read.
        """
        return read_promotions(self.champion_file, self.past_champions_file)

    def promoted_at(self, version: str) -> int | None:
        """When the version became the champion, microseconds UTC; None if it is not the champion."""
        present = present_champion(self.champion_file)
        return present.promoted_at if present is not None and present.version == version else None

    def swap_champion(self, version: str, *, past: Sequence[Promotion] = ()) -> None:
        """Makes a version the champion, in one step.

        Args:
            version: whose bundle lies here.
            past: champions before it, as the registry remembers them, the latest last; noted here together
                with the one that leaves.

        Raises:
            UnknownVersionError: its bundle is not here.
            WriteError: the disk is full or refuses; the old champion stays.
        """
        if not self.has_bundle(version):
            raise UnknownVersionError(version, home=self.path, known=self.versions())
        present = present_champion(self.champion_file)
        if present is not None and present.version == version:
            return
        if present is not None and [promotion.version for promotion in past[-1:]] != [present.version]:
            past = [*past, present]
        note_past_champions(self.past_champions_file, past)
        replace_text(self.champion_file, f"{version}\n")


def is_version(text: str) -> bool:
    """Tells whether a text can be a version: letters, digits, dots, dashes, and no path."""
    return _VERSION.fullmatch(text) is not None


def version_order(version: str) -> tuple[int, str]:
    """Sorts 9 before 10."""
    return (int(version), "") if version.isdecimal() else (-1, version)


def resolve_model(home: Home | Path, spec: str | None = None) -> Path:
    """Finds the folder of a bundle.

    Args:
        home: where versions are looked up.
        spec: a version of this home, or a folder; None: the champion.

    Raises:
        NoChampionError: the home has no champion.
        UnknownVersionError: `spec` is neither a version of this home nor a folder.
    """
    home = home if isinstance(home, Home) else Home(home)
    version = spec or home.champion()
    if version is None:
        raise NoChampionError(home.path, known=home.versions())
    if spec and not home.has_bundle(spec) and Path(spec).is_dir():
        return Path(spec)
    return home.stored_bundle(version)
