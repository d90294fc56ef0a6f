"""Imports point one way, and each heavy library has one room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("features", "models", "training", "serving")

# What each room may import of ours.
ALLOWED = {
    "features": {"features"},
    "models": {"models", "features"},
    "training": {"training", "models", "features"},
    "serving": {"serving", "models", "features"},
}

# Libraries that only the named files (or rooms) may import.
HOMES = {
    "mlflow": {
        f"models/{name}.py" for name in ("registry", "champions", "runs", "logged_model", "artifacts")
    },
    "sklearn": {"training"},
    "matplotlib": {"training"},
    "fastapi": {"serving"},
    "pandas": {"training", "models/pyfunc.py"},
}


def modules() -> list[Path]:
    """All modules of the rooms; models/store is where a home lies by default, not code."""
    home = ROOT / "models" / "store"
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if home not in path.parents)


def imported_names(path: Path) -> set[str]:
    """Every module that the file imports, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module__imports_only_rooms_to_its_left(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]

    ours = imported_names(path) & {*ROOMS, "leadodds", "tests"}

    # A room's __main__ is a command: it calls the front door, which may call any room.
    allowed = ALLOWED[room] | ({"leadodds"} if path.name == "__main__.py" else set())
    assert ours <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module__leaves_heavy_libraries_to_their_homes(path: Path) -> None:
    place = path.relative_to(ROOT)

    strays = {
        library
        for library in imported_names(path) & set(HOMES)
        if not {place.parts[0], str(place)} & HOMES[library]
    }

    assert strays == set()


def test_imported_names__sees_imports_inside_functions(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text("def late():\n    from mlflow.tracking import MlflowClient\n    return MlflowClient\n")

    assert imported_names(source) == {"mlflow"}
