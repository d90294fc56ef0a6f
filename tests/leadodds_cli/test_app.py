"""The command line as a whole: which subcommands there are, and how little it loads before one runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import leadodds
from tests.support.builders import history_folder, lead, touch
from tests.support.small_business import small_business, write_business
from tests.support.small_models import home_with, small_bundle

ROOT = Path(__file__).parents[2]
LISTED = "import sys; print(*sorted(name for name in sys.modules if not name.startswith('_')))"


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a new process has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LISTED}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {*done.stdout.splitlines()[-1].split()}


def test_app__lists_its_subcommands_in_the_order_of_the_work() -> None:
    command = typer.main.get_command(leadodds.app)

    assert [*command.commands] == [
        *("simulate", "import", "check", "features", "train", "backtest", "models", "promote", "rollback"),
        *("monitor", "retrain"),
        *("score", "load", "sync", "replay", "serve", "pull", "backup", "restore", "forget", "keys", "hooks"),
        "alerts",
    ]


def test_help__loads_no_room_and_no_library_of_theirs() -> None:
    loaded = loaded_by("import leadodds\ntry: leadodds.main(['--help'])\nexcept SystemExit: pass")

    ours = {name for name in loaded if name.split(".")[0] in {"features", "models", "training", "serving"}}
    assert ours == {"features", "features.errors", "features.progress", "features.times"}
    assert loaded & {"numpy", "pyarrow", "pandas", "pydantic", "mlflow", "sklearn", "fastapi"} == set()


def test_run__explains_bad_input_on_standard_error_and_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(tmp_path / "home"))

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["score", "nowhere", "--out", str(tmp_path / "s.csv"), "--as-of", "yesterday"])

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("--as-of is 'yesterday', which is not a time with a zone.")


def test_score__says_on_standard_error_what_its_model_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(home_with(tmp_path / "home", small_bundle()).path))
    leads = [lead("a", country="DE", has_budget=True)]
    folder = history_folder(tmp_path / "history", leads, [touch("a", "meeting_held", 1)], [])
    command = ["score", str(folder), "--out", str(tmp_path / "s.csv"), "--as-of", "2026-01-05T00:00:00Z"]

    with pytest.raises(SystemExit, match="3"):
        leadodds.main([*command, "--json"])
    told = capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        leadodds.main([*command, "--json", "--accept-missing", "leads.account_id"])
    accepted = capsys.readouterr()

    (gone,) = json.loads(told.out)["inputs"]
    assert (gone["code"], gone["table"], gone["column"], gone["is_gone"]) == (
        *("D090", "leads", "account_id"),
        True,
    )
    assert told.err.startswith("D090 The model reads leads.account_id, and there is no such column")
    assert (accepted.err, json.loads(accepted.out)["inputs"]) == ("", [])


def test_score__takes_what_may_be_missing_from_the_configuration_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(home_with(tmp_path / "home", small_bundle()).path))
    monkeypatch.chdir(tmp_path)
    folder = history_folder(tmp_path / "history", [lead("a")], [touch("a", "meeting_held", 1)], [])
    command = ["score", str(folder), "--out", "s.csv", "--as-of", "2026-01-05T00:00:00Z", "--json"]
    Path("leadodds.toml").write_text('accept_missing = ["account_id", "country"]\n')
    Path("other.toml").write_text('accept_missing = ["country", "has_budget"]\n')
    missing = {}

    for name, more in (
        ("leadodds.toml", []),
        ("other.toml", ["--config", "other.toml"]),
        ("both", ["--accept-missing", "has_budget"]),
    ):
        with pytest.raises(SystemExit):
            leadodds.main([*command, *more])
        missing[name] = [each["column"] for each in json.loads(capsys.readouterr().out)["inputs"]]

    assert missing == {"leadodds.toml": ["has_budget"], "other.toml": ["account_id"], "both": []}


def test_check__judges_the_training_that_the_configuration_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_business(tmp_path / "history", small_business())
    verdicts = {}

    # About 300 of the 900 leads convert.
    for needed in (30, 5_000):
        Path("leadodds.toml").write_text(f"min_conversions_per_bin = {needed}\n")
        with pytest.raises(SystemExit, match="0"):
            leadodds.main(["check", "history", "--json"])
        report = json.loads(capsys.readouterr().out)
        verdicts[needed] = [each["code"] for each in report["problems"] if each["stops"]]

    assert verdicts == {30: [], 5_000: ["D072"]}
