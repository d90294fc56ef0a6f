"""A change of any file of the code that driver and workers share changes its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.spark.session import code_digest


def test_code_digest__changes_with_a_nested_module_and_with_its_place(tmp_path: Path) -> None:
    package = tmp_path / "room"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    nested = package / "inner" / "bands.py"
    nested.write_text("LIMIT = 1\n")
    before = code_digest([package])

    nested.write_text("LIMIT = 2\n")
    edited = code_digest([package])
    nested.rename(package / "bands.py")
    moved = code_digest([package])

    assert len({before, edited, moved}) == 3


def test_code_digest__does_not_depend_on_where_the_package_lies(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "room").mkdir(parents=True)
        (tmp_path / place / "room" / "rules.py").write_text("LIMIT = 1\n")

    assert code_digest([tmp_path / "here" / "room"]) == code_digest([tmp_path / "there" / "room"])


def test_code_digest__fails_where_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no module"):
        code_digest([tmp_path])
