"""Every notebook runs from its first cell to its last, is stored without output, and defines no function."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.test_layers import ORDER

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
# What a notebook imports beside `leadodds` to show it: declaring features, and comparing bundles.
_DECLARING = {"features.catalog.wording", "features.catalog.spec", "features.catalog.catalog_files"}
INSIDES = {
    "2_add_a_feature": {
        *_DECLARING,
        "features.catalog.default_catalog",
        "features.history.known",
        "features.output.lead_features",
        "models.scorecard.curves",
        "training.feature_ablation",
    },
    "3_read_a_model": {*_DECLARING, "models.comparison"},
}


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.all
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning"
)  # of the kernel's own libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_notebook__runs_to_its_end(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent.parent)}}).execute()

    ran = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert ran == list(range(1, len(ran) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_notebook__is_stored_without_output_and_defines_nothing(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    defined = [
        node
        for cell in cells
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef)
    ]

    assert cells
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert defined == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_notebook__imports_rooms_only_where_it_shows_an_inside(path: Path) -> None:
    source = "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]

    rooms = {node.module for node in imports if (node.module or "").split(".")[0] in ORDER}

    assert rooms == INSIDES.get(path.stem, set())
    assert "import leadodds\n" in source
