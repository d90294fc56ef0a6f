"""What tests of the store share: the same ones run on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import at
from tests.support.stores import HandClock, new_database, running_postgresql


@pytest.fixture(scope="session", autouse=True)
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The secret that all databases of the session share, whichever home a server has."""
    path = tmp_path_factory.mktemp("secret") / "secret"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADODDS_SECRET_FILE", str(path))
        yield path


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.all)])
def server(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """URL of a database server, None for files."""
    if request.param == "sqlite":
        yield None
        return
    with running_postgresql() as url:
        yield url


@pytest.fixture
def database(server: str | None, tmp_path: Path) -> str:
    """URL of an empty database."""
    return new_database(server, tmp_path)


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still on day 10."""
    return HandClock(at(10))
