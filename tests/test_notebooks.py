"""Every notebook runs from its first cell to its last, is stored without output, and defines no function."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


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
