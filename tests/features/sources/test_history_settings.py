"""The settings of a history: its spellings of a missing cell, and a sentence for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from features.checks.checked_history import read_history
from features.history.text_rule import MISSING, TEXT_RULE, TextRule
from features.sources.history_settings import (
    HistorySettings,
    HistorySettingsError,
    parse_settings,
    read_settings,
)
from tests.support.builders import history_folder, lead, tables
from tests.support.stores import fill_database

LEADS = [lead("a", country="none"), lead("b", country="?"), lead("c", country="n/a"), lead("d", country="NL")]


def test_read_history__takes_missing_cells_by_the_file_beside_the_tables(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, LEADS)
    default = read_history(folder).history
    (folder / "history.toml").write_text('missing = ["?"]\n', encoding="utf-8-sig")

    made = read_history(folder).history

    assert default.attributes["country"].categories == ("?", "NL")
    assert made.attributes["country"].categories == ("NL", "n/a", "none")
    assert made.text_rule == TextRule(TEXT_RULE.number, ("?",))


def test_read_history__takes_missing_cells_by_the_table_of_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    engine = sa.create_engine(url)
    fill_database(engine, tables(LEADS))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE history_settings (key TEXT, value TEXT)")
        connection.exec_driver_sql("""INSERT INTO history_settings VALUES ('missing', '["?"]')""")

    made = read_history(url).history

    assert made.attributes["country"].categories == ("NL", "n/a", "none")


def test_read_history__of_a_model_reads_by_the_rule_of_the_model(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, LEADS)
    (folder / "history.toml").write_text('missing = ["?"]\n')

    made = read_history(folder, text_rule=TEXT_RULE).history

    assert made.attributes["country"].categories == ("?", "NL")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mising = []", r"history\.toml cannot be used: mising is no setting; did you mean missing\?"),
        ("colour = 1", r"colour is no setting; did you mean missing\?"),
        ("missing = 'n/a'", r"missing should be a list of texts, such as \[\"NULL\", \"n/a\"\]"),
        ("missing = [1]", "missing should be a list of texts"),
        ("missing =", "they are not TOML, Invalid value"),
    ],
)
def test_parse_settings__says_what_cannot_be_used(text: str, sentence: str) -> None:
    with pytest.raises(HistorySettingsError, match=sentence):
        parse_settings(text, "history.toml")


def test_read_settings__of_a_folder_without_the_file_are_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == HistorySettings() == HistorySettings(MISSING)


def test_read_settings__refuses_what_is_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "history.toml").write_bytes(b"missing = ['\xff']")

    with pytest.raises(HistorySettingsError, match=r"history\.toml cannot be used: 'utf-8' codec"):
        read_settings(tmp_path)
