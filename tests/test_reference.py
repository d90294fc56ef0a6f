"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
import yaml

import leadodds
from docs.pages.__main__ import main, pages
from docs.pages.configuration import EXAMPLE
from features.catalog.measures import MEASURES
from features.findings.codes import CODES
from features.tables.schema import COLUMN_DOCS, OPTIONAL, REQUIRED, TABLE_DOCS
from serving.app import api_routes
from serving.http.route_scopes import HOOKS, has_scope_of_its_own, scope_of
from serving.scoring.arrow_rows import SCORE_COLUMNS
from training.config import TrainingConfig
from training.monitor_limits import MonitorLimits

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(pages())


def test_pages__are_written_anew_after_every_change(made: dict[str, str]) -> None:
    written = {name: (DOCS / name).read_text(encoding="utf-8") for name in made}

    assert written == made, "make docs writes the reference pages anew"


def test_pages__hold_every_code_and_every_key(made: dict[str, str]) -> None:
    for code, told in CODES.items():
        assert f"## {code} {told.title}\n" in made["problems.md"]
    assert "## The table `[monitor]`\n" in made["configuration.md"]
    fields = TrainingConfig.model_fields | MonitorLimits.model_fields
    for key, field in ((key, field) for key, field in fields.items() if key != "monitor"):
        assert f"| `{key}` | " in made["configuration.md"]
        assert (field.description or "").removeprefix("Days; ")[1:] in made["configuration.md"]


def test_pages__hold_every_command_and_option(made: dict[str, str]) -> None:
    commands = typer.main.get_command(leadodds.app).commands

    for name, command in commands.items():
        for own in getattr(command, "commands", {"": command}):
            assert f"\n## {f'leadodds {name} {own}'.strip()}\n" in made["commands.md"]
        for parameter in command.params:
            assert all(f"`{option}`" in made["commands.md"] for option in parameter.opts if option[0] == "-")


def test_pages__hold_every_route_with_its_scope(made: dict[str, str]) -> None:
    for route in api_routes():
        for method in route.methods:
            shown = f"{method} {route.path.replace(':path', '')}"
            needed = scope_of(method, route.path)
            if route.path == HOOKS:
                needed = "hook:"
            line = next(line for line in made["routes.md"].splitlines() if f"[`{shown}`]" in line)
            assert (f"| `{needed}`" if needed else "| none needed |") in line
            assert has_scope_of_its_own(method, route.path)


def test_pages__hold_every_column_and_every_measure(made: dict[str, str]) -> None:
    listed = {table: {*words} for table, words in COLUMN_DOCS.items()}

    assert listed == {table: {*REQUIRED[table], *OPTIONAL[table]} for table in REQUIRED}
    assert {*TABLE_DOCS} == {*REQUIRED}
    places = [
        made["columns.md"].index(f"\n| `{name}` | ", made["columns.md"].index("## Scores"))
        for name in SCORE_COLUMNS
    ]
    assert places == sorted(places)
    assert all(f"\n| `{name}` | " in made["measures.md"] for name in MEASURES)


def test_pages__show_an_example_that_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "leadodds.toml"
    path.write_text(EXAMPLE, encoding="utf-8")

    config = TrainingConfig.from_toml(path)

    assert config.horizon_days == 14
    assert config.attribute_types == {"postcode": "category"}


def test_main__writes_the_pages(tmp_path: Path, made: dict[str, str]) -> None:
    main(tmp_path / "docs")

    assert {path.name for path in (tmp_path / "docs").iterdir()} == {*made}


def test_dbt__declares_the_columns_of_the_table_of_scores() -> None:
    (source,) = yaml.safe_load((DOCS / "dbt" / "leadodds_sources.yml").read_text(encoding="utf-8"))["sources"]
    (table,) = source["tables"]

    assert table["name"] == "scores"
    assert tuple(column["name"] for column in table["columns"]) == SCORE_COLUMNS
