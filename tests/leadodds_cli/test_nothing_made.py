"""Commands that only read, or that are refused, make no home."""

from __future__ import annotations

from pathlib import Path

import pytest

import leadodds


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["models"], 0),
        (["keys", "list"], 0),
        (["keys", "revoke", "crm"], 2),
        (["load", "nowhere"], 2),
        (["load", "sqlite:///nowhere.db"], 2),
        (["promote", "3"], 2),
        (["rollback"], 2),
        (["pull"], 2),
        (["hooks", "list"], 2),
        (["alerts", "list"], 2),
        (["forget", "L-1"], 2),
        (["replay", "0"], 2),
        (["monitor", "nowhere"], 2),
        (["score", "nowhere", "--out", "scores.csv"], 2),
        (["serve"], 2),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, list) else "",
)
def test_command__makes_no_home(
    command: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "LEADODDS_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADODDS_HOME", str(tmp_path / "home"))

    with pytest.raises(SystemExit) as ended:
        leadodds.main(command)

    assert ended.value.code in ((0, None) if code == 0 else (code,))
    assert [*tmp_path.iterdir()] == []
