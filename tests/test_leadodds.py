"""The command as its users type it: in a process of its own, with exit codes and one JSON object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from models.home.home import Home
from serving.scoring.arrow_rows import SCORE_COLUMNS
from tests.support.builders import history_folder, lead, lost, touch, won
from tests.support.gate_worlds import honest_world
from tests.support.small_business import small_business, write_business

ROOT = Path(__file__).parent.parent

# What makes a small company trainable in seconds.
QUICK = """
workers = 1
time_edges_days = [0, 7, 14, 30]
horizon_days = 14
grid_spacing_days = 5
iterations = 15
learning_rate = 0.2
min_leaf_rows = 20
min_conversions_per_bin = 15
bootstrap_replicates = 100
"""


def leadodds(*arguments: str, home: Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs the command in another process."""
    environment = {**os.environ, "LEADODDS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "leadodds", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def answer(*arguments: str, home: Path) -> dict[str, Any]:
    """The object that a successful command prints with --json."""
    done = leadodds(*arguments, "--json", home=home)
    if done.returncode:
        raise RuntimeError(done.stderr)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_business(tmp_path_factory.mktemp("company") / "history", small_business())


@pytest.fixture(scope="module")
def home(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two versions, both promoted in turn."""
    home = tmp_path_factory.mktemp("command") / "home"
    config = home.parent / "quick.toml"
    config.write_text(QUICK)
    arguments = ("train", str(company), "--config", str(config), "--quick")
    assert answer(*arguments, "--promote", home=home)["promoted"] is True
    assert answer(*arguments, home=home)["promoted"] is False
    return home


def test_check__lists_what_was_found_and_exits_2_when_it_stops(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", leads=[lead("a", 0.0), lead("a", 1.0)])

    done = leadodds("check", str(folder), home=tmp_path)

    assert done.returncode == 2
    assert "D0" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_check__of_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = leadodds("check", str(tmp_path / "nowhere"), home=tmp_path)

    assert done.returncode == 2
    assert "nowhere" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_train__of_a_leak_stops_with_2_and_the_numbered_list(tmp_path: Path) -> None:
    world = honest_world(leads_count=600)
    signed = [(lead_id, at - 0.1) for lead_id, at in world.ends("converted").items()]
    world.add("contract_signed", iter(signed)).fill("customer_number", lambda _, won: "c-1" if won else None)
    folder = write_business(tmp_path / "history", world.tables())

    done = leadodds("train", str(folder), home=tmp_path / "home")

    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.strip().splitlines()
    assert lines[0] == f"The history {folder} cannot be used:"
    assert [line[:7] for line in lines[1:]] == ["  D056 ", "  D057 "]
    assert Home(tmp_path / "home").versions() == ()


def test_train__takes_the_configuration_of_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "leadodds.toml").write_text("iteration = 3\n")

    done = leadodds("train", "nowhere", home=tmp_path / "home", folder=tmp_path)
    quiet = leadodds("train", "nowhere", "--quiet", home=tmp_path / "home", folder=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Configuration: leadodds.toml\n")
    assert "The configuration leadodds.toml cannot be used:" in done.stderr
    assert "1. iteration is no key of the configuration; did you mean iterations?" in done.stderr
    assert "Configuration:" not in quiet.stderr


def test_train__of_too_few_conversions_stops_with_2(tmp_path: Path) -> None:
    folder = history_folder(
        tmp_path / "history",
        leads=[lead(f"l{i:02d}", float(i)) for i in range(12)],
        interactions=[touch("l01", "page_view", 2.0)],
        outcomes=[won("l01", 3.0), lost("l02", 4.0)],
    )

    done = leadodds("train", str(folder), home=tmp_path / "home")

    assert done.returncode == 2
    assert "50" in done.stderr
    assert "Traceback" not in done.stderr


def test_models__names_versions_and_the_champion(home: Path) -> None:
    listing = answer("models", home=home)

    assert listing["champion"] == "1"
    assert [version["version"] for version in listing["versions"]] == ["2", "1"]


def test_promote_and_rollback__move_the_champion_there_and_back(home: Path) -> None:
    promoted = answer("promote", "2", home=home)
    back = answer("rollback", home=home)

    assert (promoted, back) == ({"champion": "2"}, {"champion": "1"})


def test_promote__of_an_unknown_version_exits_2(home: Path) -> None:
    done = leadodds("promote", "99", home=home)

    assert done.returncode == 2
    assert "99" in done.stderr


def test_score__writes_the_columns_of_a_score_and_tells_whom_to_call(home: Path, company: Path) -> None:
    out = home.parent / "scores.parquet"

    done = leadodds("score", str(company), "--as-of", "2026-03-01T00:00:00Z", "--out", str(out), home=home)

    assert done.returncode == 0, done.stderr
    assert tuple(pq.read_schema(out).names) == SCORE_COLUMNS
    assert "  1. lead-" in done.stdout


def test_score__is_silent_when_asked(home: Path, company: Path) -> None:
    out = home.parent / "quiet.csv"

    done = leadodds("score", str(company), "--out", str(out), "--quiet", home=home)

    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_text().startswith('"lead_id"')


def test_score__without_a_champion_exits_2(company: Path, tmp_path: Path) -> None:
    done = leadodds("score", str(company), "--out", str(tmp_path / "s.parquet"), home=tmp_path / "empty")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "s.parquet").exists()


def test_features__writes_those_of_the_model_that_is_named(home: Path, company: Path) -> None:
    out = home.parent / "features.parquet"

    told = answer("features", str(company), "--out", str(out), "--model", "1", home=home)

    card = json.loads((home / "bundles" / "1" / "card.json").read_text())
    assert pq.read_schema(out).names[:2] == ["lead_id", "as_of"]
    assert told["features"] == len(pq.read_schema(out).names) - 2
    assert told["feature_set"] == card["feature_set"]


def test_simulate__prints_one_object(tmp_path: Path) -> None:
    told = answer("simulate", str(tmp_path / "made"), "--leads", "50", "--seed", "3", home=tmp_path)

    assert told["leads"] == 50
    assert (tmp_path / "made" / "truth.parquet").is_file()


@pytest.mark.parametrize("option", [("--as-of", "yesterday"), ("--as-of", "2026-03-01T00:00:00")])
def test_score__refuses_a_time_without_a_zone(option: tuple[str, str], home: Path, company: Path) -> None:
    done = leadodds("score", str(company), "--out", "x.parquet", *option, home=home)

    assert done.returncode == 2
    assert "zone" in done.stderr


def test_serve__refuses_other_hosts_without_keys(home: Path) -> None:
    done = leadodds("serve", "--host", "0.0.0.0", home=home)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_keys__are_made_listed_and_revoked(tmp_path: Path) -> None:
    made = answer(
        "keys", "create", "crm", "--scope", "score,write", "--expires", "90d", home=tmp_path / "new"
    )
    listed = answer("keys", "list", home=tmp_path / "new")["keys"]
    again = leadodds("keys", "create", "crm", "--scope", "score", home=tmp_path / "new")
    revoked = answer("keys", "revoke", "crm", home=tmp_path / "new")["revoked"]

    assert made.pop("key").startswith(f"lo_{made['key_id']}_")
    assert (listed, revoked) == ([made], [made["key_id"]])
    assert (again.returncode, again.stdout) == (2, "")
    assert "is in use" in again.stderr
