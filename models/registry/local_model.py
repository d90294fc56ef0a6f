"""The same as `RegisteredModel` in the database of a home, without MLflow: loading that takes seconds.

It writes the rows that `MlflowClient` writes, and a test reads them by it. Where the tables are not as this
release knows them, nothing is opened, and MLflow itself is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from features.sources.sqlite_driver import sqlite_driver
from models.home.home import Home
from models.registry.names import (
    CHAMPION,
    CONTENT_DIGEST,
    PAST_CHAMPIONS,
    is_in_home,
    is_unmade,
    registered_name,
)

_WAIT_SECONDS: Final = 30.0
_WORKSPACE: Final = "default"
_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "registered_models": frozenset(
        ("name", "creation_time", "last_updated_time", "description", "workspace")
    ),
    "registered_model_aliases": frozenset(("alias", "version", "name", "workspace")),
    "registered_model_tags": frozenset(("key", "value", "name", "workspace")),
    "model_version_tags": frozenset(("key", "value", "name", "version", "workspace")),
}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """The registered model of a home.

    Attributes:
        database: MLflow's file.
        name: of the model.
    """

    database: Path
    name: str

    def champion(self) -> str | None:
        """See `ChampionStore`."""
        query = "SELECT version FROM registered_model_aliases WHERE workspace = ? AND name = ? AND alias = ?"
        return self._text(query, CHAMPION)

    def move(self, version: str) -> None:
        """See `ChampionStore`."""
        self._write(
            "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (workspace, name, alias) DO UPDATE SET version = excluded.version",
            (CHAMPION, int(version)),
        )

    def past(self) -> str:
        """See `ChampionStore`."""
        query = "SELECT value FROM registered_model_tags WHERE workspace = ? AND name = ? AND key = ?"
        return self._text(query, PAST_CHAMPIONS) or "[]"

    def remember(self, text: str) -> None:
        """See `ChampionStore`."""
        self._write(
            'INSERT INTO registered_model_tags (workspace, name, "key", value) VALUES (?, ?, ?, ?) '
            'ON CONFLICT (workspace, "key", name) DO UPDATE SET value = excluded.value',
            (PAST_CHAMPIONS, text),
        )

    def content_digest(self, version: str) -> str | None:
        """The digest of a registered version; None where there is no such version."""
        query = (
            "SELECT value FROM model_version_tags "
            "WHERE workspace = ? AND name = ? AND key = ? AND version = ?"
        )
        return self._text(query, CONTENT_DIGEST, version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Sets tags of a version, all or none."""
        rows = [(key, value, int(version)) for key, value in tags.items()]
        self._write(
            'INSERT INTO model_version_tags (workspace, name, "key", value, version) '
            "VALUES (?, ?, ?, ?, ?) "
            'ON CONFLICT (workspace, "key", name, version) DO UPDATE SET value = excluded.value',
            *rows,
        )

    def _text(self, query: str, *values: object) -> str | None:
        with _opened(self.database) as connection:
            found = connection.execute(query, (_WORKSPACE, self.name, *values)).fetchone()
        return None if found is None or found[0] is None else str(found[0])

    def _write(self, statement: str, *rows: tuple[object, ...]) -> None:
        with _opened(self.database) as connection:
            connection.executemany(statement, [(_WORKSPACE, self.name, *row) for row in rows])
            connection.commit()


def open_local_model(home: Home) -> LocalModel | None:
    """Opens the registered model of a home; None where MLflow has to be asked instead."""
    if not is_in_home() or is_unmade(home):
        return None
    model = LocalModel(home.database, registered_name())
    try:
        with _opened(home.database) as connection:
            for table, columns in _COLUMNS.items():
                found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
                if {name for (name,) in found} != columns:
                    return None
            known = connection.execute(
                "SELECT 1 FROM registered_models WHERE workspace = ? AND name = ?", (_WORKSPACE, model.name)
            ).fetchone()
    except sqlite_driver().Error:
        return None
    return None if known is None else model


@contextmanager
def _opened(database: Path) -> Iterator[Any]:
    connection = sqlite_driver().connect(str(database), timeout=_WAIT_SECONDS)
    try:
        yield connection
    finally:
        connection.close()
