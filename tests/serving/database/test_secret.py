"""The secret of a service: made once, for its owner, and the only one that its database works with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import leadodds
from serving.database.secret import (
    OtherSecretError,
    SecretError,
    check_value,
    keep_salt,
    make_secret,
    read_secret,
)
from serving.store.store import Store
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, new_database

SALT = bytes(range(32))


def test_make_secret__makes_it_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"

    first, second = make_secret(path), make_secret(path)

    assert first == second == read_secret(path)
    assert len(first.signing) == len(first.salts[0]) == 32
    assert first.signing != first.salts[0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    assert make_secret(tmp_path / "other") != first


@pytest.mark.parametrize(
    ("content", "mode", "fault"),
    [(b"short", 0o600, "too short"), (b"s" * 32, 0o644, "others"), (None, 0, "cannot be read")],
)
def test_read_secret__refuses_what_protects_nothing(
    tmp_path: Path, content: bytes | None, mode: int, fault: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)

    with pytest.raises(SecretError, match=fault):
        read_secret(path)


@pytest.mark.parametrize("content", [b"\xff" * 32, b"any text of thirty-two bytes or more\n", b"0f" * 32])
def test_keep_salt__adds_it_and_leaves_the_secret_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    before = read_secret(path)

    keep_salt(path, SALT)
    keep_salt(path, SALT)

    after = read_secret(path)
    assert (after.signing, after.salts) == (before.signing, (*before.salts, SALT))
    assert after.salt_of(check_value(SALT)) == SALT
    assert after.salt_of(hashlib.blake2b(b"x", digest_size=16).digest()) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_store__keeps_its_files_to_their_owner(tmp_path: Path) -> None:
    store = Store(new_database(None, tmp_path), clock=HandClock(0), secret_file=tmp_path / "secret")

    rights = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()

    assert {"service.db", "secret"} <= rights.keys()
    assert set(rights.values()) == {0o600}  # log and shared memory, too


def test_store__starts_with_its_own_secret_alone(database: str, clock: HandClock, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    Store(database, clock=clock, secret_file=own).close()
    make_secret(other)

    Store(database, clock=clock, secret_file=own).close()
    with pytest.raises(OtherSecretError, match="does not belong to the database"):
        Store(database, clock=clock, secret_file=other)
    own.unlink()
    # A new one would let erased leads come back.
    with pytest.raises(SecretError, match="cannot be read"):
        Store(database, clock=clock, secret_file=own)
    assert not own.exists()


def test_serve__with_another_secret_says_so_and_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    monkeypatch.setenv("LEADODDS_HOME", str(home.path))
    database, other = new_database(None, home.path), tmp_path / "other"
    Store(database, clock=HandClock(0), secret_file=tmp_path / "own").close()
    make_secret(other)
    monkeypatch.setenv("LEADODDS_SECRET_FILE", str(other))

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["serve", "--port", "0"])

    said = capsys.readouterr().err
    assert said.startswith(
        f"The secret {other} does not belong to the database sqlite:///{home.path}/service.db"
    )
    assert "Copy the file from the server or the backup" in said
