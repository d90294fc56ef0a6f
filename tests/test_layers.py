"""Imports point one way: between the rooms, and between the packages of a room, from one declared order."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each room may import of ours.
ALLOWED = {
    "features": {"features"},
    "models": {"models", "features"},
    "training": {"training", "models", "features"},
    "serving": {"serving", "models", "features"},
    "leadodds_python": {"leadodds_python", "serving", "training", "models", "features"},
    "leadodds_cli": {"leadodds_cli", "leadodds_python", "serving", "training", "models", "features"},
}

# Packages and top files of each room, lowest first: each imports only itself and what stands before it.
ORDER = {
    "features": (
        *("errors", "progress", "times", "history", "findings", "parsing", "inputs", "tables", "sources"),
        *("partitions", "catalog", "engine", "funnel", "checks", "output", "imports", "spark"),
    ),
    "models": (
        *("errors", "scorecard", "bundle", "inputs", "comparison", "home", "pyfunc", "artifacts", "registry"),
    ),
    "training": (
        *(
            "monitor_limits",
            "fit_config",
            "config",
            "sampling",
            "simulator",
            "examples",
            "metrics",
            "data_checks",
            "fitting",
        ),
        *(
            "baselines",
            "backtesting",
            "evaluation",
            "promotion",
            "bundling",
            "monitoring",
            "report",
            "results",
        ),
        *("prepared_data", "pipeline", "tracking"),
        *("train", "backtest", "feature_ablation", "retrain", "__main__"),
    ),
    "serving": (
        *(
            "errors",
            "access_errors",
            "clock",
            "outgoing",
            "settings",
            "bodies",
            "scoring",
            "database",
            "intake",
            "store",
        ),
        *(
            "alerts",
            "stored_leads",
            "batch",
            "rescoring",
            "loading",
            "backups",
            "writeback",
            "hooks",
            "keys",
            "http",
            "http.openapi",
            "http.routes",
            "page",
            "app",
            "rescore",
            "server",
            "__main__",
        ),
    ),
    "leadodds_python": ("arguments", "frames", "history", "model", "functions"),
    "leadodds_cli": (
        *("options", "output", "import_command", "history_commands", "model_commands", "service_commands"),
        *(
            "monitor_command",
            "retrain_command",
            "key_commands",
            "hook_commands",
            "alert_commands",
            "sync_command",
            "backup_commands",
            "forget_command",
            "app",
        ),
    ),
}

# Libraries that only the named rooms, packages or files may import.
HOMES = {
    "mlflow": {"models/registry", "models/artifacts.py"},
    "sklearn": {"training"},
    "matplotlib": {"training/report"},
    "jinja2": {"training/report"},
    "fastapi": {"serving"},
    "alembic": {"serving/database/migrations"},
    "pandas": {"training", "models/pyfunc.py", "leadodds_python"},
}

MOST_FILES = 20


def modules() -> list[Path]:
    """All modules of the rooms; models/store is where a home lies by default, not code."""
    home = ROOT / "models" / "store"
    return sorted(path for room in ORDER for path in (ROOT / room).rglob("*.py") if home not in path.parents)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in modules()}


def imported_modules(path: Path) -> set[str]:
    """Every module that the file imports, at its top, late, or for types; of ours by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update((inner & NAMES.keys()) or {node.module})
    return names


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


def package_of(name: str) -> str:
    """The entry of ORDER that a module belongs to: the longest one that its name begins with."""
    room, _, rest = name.partition(".")
    found = [entry for entry in ORDER[room] if rest == entry or rest.startswith(f"{entry}.")]
    assert found, f"{name} stands in no package that ORDER lists."
    return max(found, key=len)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module__imports_only_rooms_to_its_left(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]

    ours = libraries(path) & {*ORDER, "tests"}

    # A room's __main__ is a command: it calls the front door, which may call any room.
    allowed = ALLOWED[room] | ({"leadodds"} if path.name == "__main__.py" else set())
    assert ours <= allowed


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parent.parent != ROOT or path.stem != "__init__"], ids=name_of
)
def test_module__imports_only_packages_below_its_own(path: Path) -> None:
    name = name_of(path)
    room = name.split(".")[0]
    below = ORDER[room][: ORDER[room].index(package_of(name)) + 1]

    upward = {
        other
        for other in imported_modules(path)
        if other in NAMES and other.split(".")[0] == room != other and package_of(other) not in below
    }

    assert upward == set()


def test_modules__import_each_other_in_no_circle() -> None:
    graph = {name: imported_modules(path) & NAMES.keys() - {name} for name, path in NAMES.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(NAMES)


def test_modules__are_all_that_git_tracks_in_the_rooms() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", *(f"{room}/*.py" for room in ORDER)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert {ROOT / path for path in listed} <= set(modules())


def test_folders__hold_at_most_twenty_modules() -> None:
    count = Counter(path.parent for place in (*ORDER, "tests") for path in (ROOT / place).rglob("*.py"))

    assert {str(folder.relative_to(ROOT)): n for folder, n in count.items() if n > MOST_FILES} == {}


def test_packages__say_in_one_sentence_what_they_hold() -> None:
    fronts = [path for path in modules() if path.name == "__init__.py"]

    sentences = {name_of(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in fronts}

    assert {name for name, sentence in sentences.items() if not sentence.endswith((".", "?"))} == set()
    assert {path.parent for path in modules()} == {path.parent for path in fronts}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module__leaves_heavy_libraries_to_their_homes(path: Path) -> None:
    place = path.relative_to(ROOT)
    places = {place.as_posix(), *(folder.as_posix() for folder in place.parents)}

    strays = {library for library in libraries(path) & set(HOMES) if not places & HOMES[library]}

    assert strays == set()


def test_imported_modules__sees_imports_inside_functions(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text("def late():\n    from mlflow.tracking import MlflowClient\n    return MlflowClient\n")

    assert imported_modules(source) == {"mlflow.tracking"}
