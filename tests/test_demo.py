"""The demo ends with a page that has something on it: its commands are understood, and fill the list."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from features.times import US_PER_DAY, format_time
from leadodds_python.arguments import now
from tests.support.documents import ROOT, subcommand
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle


def demo_commands(folder: Path) -> list[list[str]]:
    """The commands of leadodds that `make demo` would run, in a folder of its own."""
    told = subprocess.run(
        ["make", "-n", "demo", f"DEMO={folder}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [shlex.split(line) for line in told.stdout.splitlines() if line.startswith(".venv/bin/leadodds ")]
    return [words[1:] for words in lines]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_demo__commands_are_understood_in_their_order(tmp_path: Path) -> None:
    commands = demo_commands(tmp_path / "demo")

    assert [words[0] for words in commands] == ["simulate", "check", "train", "score", "load", "score"]
    for words in commands:
        command, arguments = subcommand(["leadodds", *words])
        command.make_context(words[0], arguments)


@pytest.mark.all
def test_demo__fills_the_list_with_lives_up_to_today(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    home = home_with(demo / "store", small_bundle())
    commands = {words[0]: words for words in demo_commands(demo)}
    small = ["simulate", str(demo), "--leads", "200", "--until", "now"]
    for words in (small, commands["load"], commands["score"]):
        done = subprocess.run(
            [sys.executable, "-m", "leadodds", *words],
            cwd=ROOT,
            env={**os.environ, "LEADODDS_HOME": str(home.path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        # The small model reads what this company does not record.
        assert done.returncode in (0, 3), done.stderr

    with client_of(home) as client:
        listed = client.get("/v1/leads").json()
        first = listed["leads"][0]["lead_id"]
        life = client.get(f"/v1/leads/{first}/life").json()["points"]
        query = {"updated_since": "2026-01-01T00:00:00Z", "feed": "night", "limit": 1000}
        night = client.get("/v1/scores", params=query).json()
        newest = max(
            lead["interactions"][0]["occurred_at"]
            for row in listed["leads"]
            if (lead := client.get(f"/v1/leads/{row['lead_id']}").json())["interactions"]
        )
    assert listed["total"] > 50
    # Not one vertical line at the moment of loading.
    assert len({point["as_of"][:10] for point in life}) > 3
    assert len(night["scores"]) == 200
    assert format_time(now() - 4 * US_PER_DAY) < newest < format_time(now())
