"""`import leadodds` is light, and each public name is there when it is used."""

from __future__ import annotations

import inspect

import pytest

import leadodds
from tests.leadodds_cli.test_app import loaded_by

OURS = {"features", "models", "training", "serving", "leadodds_cli", "leadodds_python"}
HEAVY = {"numpy", "pyarrow", "pandas", "pydantic", "typer", "mlflow", "sklearn", "fastapi", "matplotlib"}


def test_import__loads_nothing_of_ours_and_no_library() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("import leadodds; dir(leadodds)")}

    assert loaded & (OURS | HEAVY) == set()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("leadodds.check", {"pandas", "mlflow", "sklearn", "training", "serving", "models"}),
        ("leadodds.load_model(home='nowhere')", {"mlflow", "sklearn", "training", "matplotlib"}),
    ],
)
def test_names__load_only_the_rooms_they_need(code: str, absent: set[str]) -> None:
    used = f"import leadodds\ntry: {code}\nexcept leadodds.LeadOddsError: pass"

    assert {name.split(".")[0] for name in loaded_by(used)} & absent == set()


def test_names__are_all_there_and_documented() -> None:
    public = {name: getattr(leadodds, name) for name in leadodds.__all__}

    assert {*public} <= {*dir(leadodds)}
    assert [name for name, thing in public.items() if not inspect.getdoc(thing)] == []
    assert {name for name in public if public[name] is not leadodds.main} == {*leadodds._MODULES} - {"app"}


def test_names__that_are_not_there_raise_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'leadodds' has no attribute 'learn'"):
        _ = leadodds.learn
