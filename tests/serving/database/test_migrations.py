"""A database of an older version is upgraded whole or not at all, and then like a new one."""

from __future__ import annotations

import re
import shutil
import stat
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from features.sources.connections import open_engine
from serving.database import preparation
from serving.database.engine import lock_for_writing, open_store_engine, writing
from serving.database.migrations import upgrade as upgrading
from serving.database.preparation import OLDEST_VERSION, StoreVersionError, prepare_database
from serving.database.schema import LEADS, STORE, VERSION
from serving.database.secret import OtherSecretError, check_value, make_secret
from serving.store.store import DatabaseError, Store
from serving.stored_leads.replay import replay_score
from tests.serving.batch.test_run import score
from tests.support.builders import at
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, new_database, open_store

HERE = Path(__file__).parent

# The two versions that tests make up, after the newest.
FIRST, SECOND = VERSION + 1, VERSION + 2

# Adds a column that has a value in every row, and counts how often it ran.
OWNERS = """
import sqlalchemy as sa
from alembic import op

revision = "{first}"
down_revision = "{newest}"


def upgrade():
    op.add_column("leads", sa.Column("owner", sa.Text(), nullable=False, server_default="nobody"))
    op.create_table("runs", sa.Column("of", sa.Text()))
    op.execute("INSERT INTO runs VALUES ('{first}')")
"""
NOTES = """
import sqlalchemy as sa
from alembic import op

revision = "{second}"
down_revision = "{first}"


def upgrade():
    op.create_table("notes", sa.Column("text", sa.Text()))
    op.execute("INSERT INTO runs VALUES ('{second}')")
"""
BROKEN = """
from alembic import op

revision = "{second}"
down_revision = "{first}"


def upgrade():
    op.execute("INSERT INTO runs VALUES ('{second}')")
    op.execute("INSERT INTO nothing VALUES (1)")
"""


@pytest.fixture
def version_2(database: str) -> str:
    """URL of a database as a release without migrations left it; see the files beside this one."""
    engine = open_engine(database)
    sql = (HERE / f"version_2.{engine.dialect.name}.sql").read_text(encoding="utf-8")
    connection: Any = engine.raw_connection()
    if engine.dialect.name == "sqlite":
        connection.executescript(sql)
    else:
        connection.dbapi_connection.execute(sql)
    connection.commit()
    connection.close()
    engine.dispose()
    return database


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of all migrations that tests add to."""
    folder = tmp_path / "versions"
    shutil.copytree(upgrading.VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(upgrading, "VERSIONS", folder)
    return folder


def add_step(steps: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = code.format(newest=VERSION, first=FIRST, second=SECOND)
    (version,) = re.findall(r'^revision = "(\d+)"', code, flags=re.MULTILINE)
    (steps / f"v{version}_made_up.py").write_text(textwrap.dedent(code), encoding="utf-8")
    monkeypatch.setattr(preparation, "VERSION", int(version))


def rows_of(database: str, query: str) -> list[tuple[Any, ...]]:
    engine = open_engine(database)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return rows


def tables_of(database: str) -> dict[str, Any]:
    """Columns by name, primary keys and indexes of all tables, but for the table of Alembic."""
    engine = open_engine(database)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = {*inspector.get_table_names()} - {"alembic_version"}
        tables = {
            name: {
                "columns": {
                    column["name"]: (repr(column["type"]), column["nullable"], column["default"])
                    for column in inspector.get_columns(name)
                },
                "key": inspector.get_pk_constraint(name)["constrained_columns"],
            }
            for name in names
        }
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            if engine.dialect.name == "sqlite"
            else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        )
        tables["indexes"] = {
            name: " ".join(sql.split())
            for name, sql in connection.exec_driver_sql(query)
            if not name.startswith("alembic_version")
        }
    engine.dispose()
    return tables


def test_migrations__are_one_line_from_the_oldest_version_to_the_newest() -> None:
    script = ScriptDirectory(upgrading.VERSIONS, version_locations=[upgrading.VERSIONS])

    revisions = [*script.walk_revisions()]

    expected = [str(version) for version in range(VERSION, OLDEST_VERSION - 1, -1)]
    assert [revision.revision for revision in revisions] == expected
    assert [revision.down_revision for revision in revisions] == [*expected[1:], None]
    names = [Path(revision.path).name for revision in revisions]
    assert all(name.startswith(f"v{version}_") for name, version in zip(names, expected, strict=True))


def test_migrations__lead_to_the_tables_of_a_new_database(
    version_2: str, server: str | None, tmp_path: Path, clock: HandClock
) -> None:
    (tmp_path / "new").mkdir()
    new = new_database(server, tmp_path / "new")

    for database in (version_2, new):
        open_store(database, clock=clock).close()

    assert tables_of(version_2) == tables_of(new)
    assert rows_of(version_2, "SELECT version FROM leadodds_store") == [(VERSION,)]


def test_prepare_database__opens_a_database_of_version_2_with_all_that_it_holds(
    version_2: str, tmp_path: Path
) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    clock = HandClock(at(11))
    known = {"interaction_id": "1", "lead_id": "a", "kind": "page_view", "channel": "web", "seconds": 3}
    known["occurred_at"] = "2026-01-07T00:00:00Z"
    new = {**known, "interaction_id": "9", "lead_id": "b"}
    erased = {**known, "interaction_id": "8", "lead_id": "gone"}

    with client_of(home, clock=clock, database=version_2) as client:
        adding = client.server.store.add_interactions("crm", [known, new, erased])
        verdicts = [verdict.status for verdict in adding.result()]
        answer = client.get("/v1/model")

    assert verdicts == ["duplicate", "stored", "refused"]
    assert answer.status_code == 401, "the key that was made before is not asked for"
    ((score_id,),) = rows_of(version_2, "SELECT score_id FROM audit")
    replay = replay_score(score_id, database=version_2, home=home.path, now=at(12))
    # Given on another kind of processor, which may round the last bit otherwise.
    for name, cell in replay.given.items():
        is_number = isinstance(cell, float)
        assert replay.computed[name] == (pytest.approx(cell, rel=1e-12) if is_number else cell), name
    # The score that version 2 gave.
    assert replay.given["probability"] == 0.4687906266262437


def test_prepare_database__leaves_a_current_database_alone(database: str, clock: HandClock) -> None:
    open_store(database, clock=clock).close()
    before = rows_of(database, "SELECT * FROM leadodds_store")

    open_store(database, clock=clock).close()

    assert rows_of(database, "SELECT * FROM leadodds_store") == before
    assert "alembic_version" not in _table_names(database)


def test_upgrade__runs_the_steps_that_a_database_lacks(
    version_2: str, steps: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_step(steps, OWNERS, monkeypatch)
    open_store(version_2, clock=clock).close()
    add_step(steps, NOTES, monkeypatch)

    open_store(version_2, clock=clock).close()

    assert rows_of(version_2, "SELECT * FROM runs") == [(f"{FIRST}",), (f"{SECOND}",)]
    assert {*rows_of(version_2, "SELECT lead_id, owner FROM leads")} == {
        (lead_id, "nobody") for lead_id in ("a", "b", "c")
    }
    assert rows_of(version_2, "SELECT version FROM leadodds_store") == [(SECOND,)]
    assert rows_of(version_2, "SELECT version_num FROM alembic_version") == [(f"{SECOND}",)]


def test_upgrade__runs_two_steps_at_once_in_a_database_made_new(
    database: str, steps: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(database, clock=clock).close()
    add_step(steps, OWNERS, monkeypatch)
    add_step(steps, NOTES, monkeypatch)

    open_store(database, clock=clock).close()

    assert rows_of(database, "SELECT * FROM runs") == [(f"{FIRST}",), (f"{SECOND}",)]


def test_upgrade__copies_an_sqlite_file_before(
    version_2: str, steps: Path, tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_step(steps, OWNERS, monkeypatch)
    is_file = version_2.startswith("sqlite")
    if is_file:
        (tmp_path / "service.db").chmod(0o640)

    open_store(version_2, clock=clock).close()

    copies = [*tmp_path.glob("service.db.version*")]
    if not is_file:
        assert copies == []
        return
    assert [path.name for path in copies] == ["service.db.version-2"]
    assert stat.S_IMODE(copies[0].stat().st_mode) == 0o640
    copied = f"sqlite:///{copies[0]}"
    assert rows_of(copied, "SELECT version FROM leadodds_store") == [(2,)]
    assert rows_of(copied, "SELECT lead_id FROM leads ORDER BY lead_id") == [("a",), ("b",), ("c",)]
    assert "runs" not in _table_names(copied)


def test_upgrade__that_fails_changes_nothing(
    version_2: str, steps: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables_of(version_2)
    add_step(steps, OWNERS, monkeypatch)
    add_step(steps, BROKEN, monkeypatch)

    with pytest.raises(DatabaseError, match=r"cannot be used: .*nothing"):
        open_store(version_2, clock=clock)

    assert tables_of(version_2) == before
    assert rows_of(version_2, "SELECT version FROM leadodds_store") == [(2,)]
    add_step(steps, NOTES, monkeypatch)
    open_store(version_2, clock=clock).close()
    assert rows_of(version_2, "SELECT * FROM runs") == [(f"{FIRST}",), (f"{SECOND}",)]


def test_upgrade__is_done_once_by_those_who_start_at_once(
    version_2: str, steps: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_step(steps, OWNERS, monkeypatch)
    begin, faults = threading.Barrier(4, timeout=60), []

    def start() -> None:
        begin.wait()
        try:
            open_store(version_2, clock=clock).close()
        except Exception as error:  # noqa: BLE001 - shown by the test
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert rows_of(version_2, "SELECT * FROM runs") == [(f"{FIRST}",)]


def test_upgrade__waits_for_who_writes(
    version_2: str, steps: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_step(steps, OWNERS, monkeypatch)
    engine = open_store_engine(version_2)
    starting = threading.Thread(target=lambda: open_store(version_2, clock=clock).close())

    with writing(engine).begin() as connection:
        lock_for_writing(connection)
        starting.start()
        starting.join(timeout=0.5)
        assert starting.is_alive()
        connection.execute(sa.insert(LEADS), {"lead_id": "late", "created_at": at(1), "account_id": None})
    starting.join(timeout=60)
    engine.dispose()

    assert rows_of(version_2, "SELECT owner FROM leads WHERE lead_id = 'late'") == [("nobody",)]


@pytest.mark.parametrize(
    ("version", "remedy"),
    [(VERSION + 1, "the release that wrote it or a newer one"), (1, "upgrade databases from version 2 on")],
)
def test_prepare_database__refuses_what_it_cannot_upgrade(
    version_2: str, clock: HandClock, version: int, remedy: str
) -> None:
    engine = open_engine(version_2)
    with engine.begin() as connection:
        connection.execute(sa.update(STORE).values(version=version))
    engine.dispose()

    with pytest.raises(StoreVersionError, match=f"has version {version}, .*{remedy}"):
        open_store(version_2, clock=clock)

    assert "alembic_version" not in _table_names(version_2)


def test_score__refuses_to_write_into_a_service_of_another_version(
    version_2: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "VERSION", 3)

    with pytest.raises(StoreVersionError, match="Start leadodds serve of this release once"):
        score(tmp_path / "s", version_2)  # type: ignore[arg-type]


def test_prepare_database__moves_the_salt_into_the_secret_unchanged(version_2: str, tmp_path: Path) -> None:
    ((before,),) = rows_of(version_2, "SELECT salt FROM leadodds_store")
    secret_file = tmp_path / "secret"
    engine = open_store_engine(version_2)
    with writing(engine).begin() as connection:
        salts = {prepare_database(connection, place="here", secret_file=secret_file) for _ in range(2)}
    engine.dispose()

    ((after,),) = rows_of(version_2, "SELECT secret_check FROM leadodds_store")
    assert salts == {bytes(before)}
    assert secret_file.read_text().splitlines()[1:] == [bytes(before).hex()]
    assert bytes(after) == check_value(bytes(before))
    with pytest.raises(OtherSecretError, match="erased leads would come back"):
        Store(version_2, clock=HandClock(0), secret_file=_other_secret(tmp_path))


def _other_secret(folder: Path) -> Path:
    path = folder / "other"
    make_secret(path)
    return path


def _table_names(database: str) -> set[str]:
    engine = open_engine(database)
    with engine.connect() as connection:
        names = {*sa.inspect(connection).get_table_names()}
    engine.dispose()
    return names
