"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.codes import CODES
from training.config import TrainingConfig
from training.reference import EXAMPLE, main, pages

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", pages())
def test_pages__are_written_anew_after_every_change(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")

    assert written == pages()[name], "make docs writes the reference pages anew"


def test_pages__hold_every_code_and_every_key() -> None:
    problems, configuration = pages()["problems.md"], pages()["configuration.md"]

    for code, told in CODES.items():
        assert f"## {code} {told.title}\n" in problems
    for key, field in TrainingConfig.model_fields.items():
        assert f"| `{key}` | " in configuration
        assert (field.description or "").removeprefix("Days; ")[1:] in configuration


def test_pages__show_an_example_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "leadodds.toml"
    path.write_text(EXAMPLE, encoding="utf-8")

    config = TrainingConfig.from_toml(path)

    assert config.horizon_days == 14
    assert config.attribute_types == {"postcode": "category"}


def test_main__writes_the_pages(tmp_path: Path) -> None:
    main(tmp_path / "docs")

    assert {path.name for path in (tmp_path / "docs").iterdir()} == {*pages()}
