from __future__ import annotations

import json
from pathlib import Path

import pytest

import leadodds

MAP = '[leads]\nfrom = "leads"\nlead_id = "id"\ncreated_at = "created"\n'
LEADS = "id,created\n1,2026-01-05T10:00:00Z\n2,\n"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        leadodds.main(["import", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "leads.csv").write_text(LEADS)
    (tmp_path / "crm.toml").write_text(MAP)
    return tmp_path


def test_import__ends_with_three_where_rows_were_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "out", "--map", "crm.toml", "--json") == 3

    told = json.loads(capsys.readouterr().out)
    assert told["tables"] == {"leads": 1, "interactions": 0}
    assert told["blocks"][0]["left_out"] == {"without_time": 1}
    assert told["refused"] == 1


def test_import__is_silent_when_quiet_and_ends_with_zero_where_none_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "export" / "leads.csv").write_text(LEADS.removesuffix("2,\n"))

    assert run("export", "out", "--map", "crm.toml", "--quiet") == 0
    assert run("export", "out", "--map", "crm.toml", "--quiet", "--append") == 0
    assert run("export", "out", "--map", "crm.toml", "--quiet", "--replace") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "out"], "An import needs SOURCE, OUT and --map"),
        (["export", "out", "--guess"], "--guess takes SOURCE alone"),
        (["export", "out", "--map", "crm.toml", "--append", "--replace"], "Give --append or --replace"),
        (["export", "out", "--map", "nix.toml"], "There is no such file, and no shipped map of this name"),
        (["nowhere", "out", "--map", "crm.toml"], "nowhere cannot be opened"),
        (["export", "export/out", "--map", "crm.toml"], "part of the history that is read, or lies in it"),
        (["export", "out", "--map", "crm.toml", "--exported-at", "yesterday"], "not a time with a zone"),
    ],
)
def test_import__ends_with_two_and_one_sentence_for_bad_input(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_import__prints_a_draft_that_is_a_map(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "--guess") == 0

    (folder / "draft.toml").write_text(capsys.readouterr().out)
    assert run("export", "out", "--map", "draft.toml", "--quiet") == 3


def test_import__lists_and_prints_the_shipped_maps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list-maps", "--json") == 0
    maps = json.loads(capsys.readouterr().out)["maps"]

    assert {"hubspot_fivetran", "salesforce", "odoo"} <= {*maps}
    assert run("--show-map", "odoo") == 0
    assert "[leads" in capsys.readouterr().out
