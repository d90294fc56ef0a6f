"""The page of figures: a run replaces its own section and leaves the others alone."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.sections import table, write_section


def test_write_section__replaces_its_own_and_keeps_the_others(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    write_section("Night", ["old"], page=page)
    write_section("Serving", ["kept"], page=page)

    write_section("Night", table(("what", "measured"), [("a", "1")]), page=page)

    head, *sections = page.read_text().split("\n## ")
    assert head.startswith("# Figures")
    assert sections == ["Night\n\n| what | measured |\n| --- | --- |\n| a | 1 |\n", "Serving\n\nkept\n"]
