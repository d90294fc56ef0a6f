from __future__ import annotations

from pathlib import Path

import pytest

from serving.keys.secret import SecretError, read_secret
from serving.store.store import Store
from tests.support.stores import HandClock


def test_read_secret__is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"

    first, second = read_secret(path), read_secret(path)

    assert first == second
    assert len(first) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    assert read_secret(tmp_path / "other") != first


@pytest.mark.parametrize(
    ("content", "mode", "fault"), [(b"short", 0o600, "too short"), (b"s" * 32, 0o644, "others")]
)
def test_read_secret__refuses_what_protects_nothing(
    tmp_path: Path, content: bytes, mode: int, fault: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(SecretError, match=fault):
        read_secret(path)


def test_store__keeps_its_files_to_their_owner(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(0))

    rights = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()

    assert rights["service.db"] == 0o600
    assert set(rights.values()) == {0o600}  # log and shared memory, too
