"""The home says which bundle is meant, and its pointer is swapped in one step."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import NoChampionError, UnknownVersionError
from models.home.home import Home, resolve_model
from tests.support.small_models import home_with, small_bundle


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path / "home", *(small_bundle(version=version) for version in ("2", "10", "9")))


def test_resolve_model__champion_by_default(home: Home) -> None:
    assert resolve_model(home) == home.path / "bundles" / "2"
    assert resolve_model(home.path) == home.path / "bundles" / "2"


def test_resolve_model__version(home: Home) -> None:
    assert resolve_model(home, "10") == home.path / "bundles" / "10"


def test_resolve_model__folder(home: Home, tmp_path: Path) -> None:
    shutil.copytree(home.bundle_folder("9"), tmp_path / "elsewhere")

    assert resolve_model(home, str(tmp_path / "elsewhere")) == tmp_path / "elsewhere"


def test_resolve_model__a_version_comes_before_a_folder_of_that_name(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "9").mkdir()
    monkeypatch.chdir(tmp_path)

    assert resolve_model(home, "9") == home.path / "bundles" / "9"


@pytest.mark.parametrize("spec", ["11", "no/such/folder", "2\n", "mlflow.db"])
def test_resolve_model__neither_version_nor_folder(
    home: Home, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.path)

    with pytest.raises(UnknownVersionError, match=r"neither a version in .* Its versions are 2, 9, 10\."):
        resolve_model(home, spec)


def test_resolve_model__champion_whose_bundle_is_gone(home: Home) -> None:
    shutil.rmtree(home.bundle_folder("2"))

    with pytest.raises(UnknownVersionError, match="'2' is neither a version"):
        resolve_model(home)


def test_resolve_model__no_champion_lists_what_could_be(home: Home, tmp_path: Path) -> None:
    home.champion_file.unlink()

    with pytest.raises(NoChampionError, match="Its versions are 2, 9, 10; promote one"):
        resolve_model(home)
    with pytest.raises(NoChampionError, match="Train one with --promote"):
        resolve_model(tmp_path / "absent")


def test_versions__in_the_order_of_their_numbers(home: Home) -> None:
    (home.bundles / ".11.123.part").mkdir()
    (home.bundles / "12").mkdir()  # no bundle in it

    assert home.versions() == ("2", "9", "10")


@pytest.mark.parametrize("version", ["../2", "/etc", "", ".hidden", "a b"])
def test_bundle_folder__stays_below_the_home(home: Home, version: str) -> None:
    with pytest.raises(UnknownVersionError, match="neither a version"):
        home.bundle_folder(version)


def test_swap_champion__changes_the_pointer(home: Home) -> None:
    home.swap_champion("10")

    assert home.champion() == "10"
    assert sorted(path.name for path in home.path.iterdir()) == [
        "bundles",
        "champion",
        "past_champions.jsonl",
    ]


def test_swap_champion__refuses_a_version_without_bundle(home: Home) -> None:
    with pytest.raises(UnknownVersionError, match="'11'"):
        home.swap_champion("11")
    assert home.champion() == "2"


def test_swap_champion__full_disk_keeps_the_champion(home: Home) -> None:
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from models.errors import WriteError; from models.home.home import Home\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try: Home(Path(sys.argv[1])).swap_champion('10')\n"
        "except WriteError as error: print(error)\n"
    )

    output = subprocess.run(
        [sys.executable, "-c", program, str(home.path)],
        check=True, capture_output=True, text=True, cwd=Path.cwd(),
    ).stdout  # fmt: skip

    assert "past_champions.jsonl could not be written: File too large. Nothing was changed" in output
    assert home.champion() == "2"


def test_home__copied_home_answers_the_same(home: Home, tmp_path: Path) -> None:
    shutil.copytree(home.path, tmp_path / "copy")
    shutil.rmtree(home.path)

    assert resolve_model(tmp_path / "copy") == tmp_path / "copy" / "bundles" / "2"


def test_champion__swapped_under_a_reader_is_always_whole(home: Home) -> None:
    swapper = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from models.home.home import Home\n"
            "home = Home(Path(sys.argv[1]))\n"
            "for _ in range(150): home.swap_champion('10'); home.swap_champion('9')\n",
            str(home.path),
        ],
        cwd=Path.cwd(),
    )
    seen = set()

    while swapper.poll() is None:
        seen.add(home.champion())

    assert swapper.returncode == 0
    assert seen <= {"2", "9", "10"}
