"""The settings of a history: its spellings of a missing cell, and a sentence for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from features.catalog.default_catalog import default_catalogue
from features.checks.checked_history import read_history
from features.history.lead_history import AttributeType
from features.history.settings import AttributeSettings, HistorySettings
from features.history.text_rule import MISSING, TEXT_RULE, TextRule
from features.partitions.partitions import open_partitions, write_partitions
from features.sources.history_settings import (
    HistorySettingsError,
    parse_settings,
    read_settings,
    settings_of_rows,
    settings_rows,
    settings_text,
    write_settings,
)
from features.sources.memory_tables import MemoryTables
from features.times import parse_time
from tests.support.builders import bytes_of, change, history_folder, lead, tables
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

    made = read_history(folder, settings=HistorySettings()).history

    assert made.attributes["country"].categories == ("?", "NL")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mising = []", r"history\.toml cannot be used: mising is no setting; did you mean missing\?"),
        (
            "colour = 1",
            "colour is no setting; the settings are attributes, exported_at, formats, missing, zone",
        ),
        ("missing = 'n/a'", r"missing should be a list of texts, such as \[\"NULL\", \"n/a\"\]"),
        ("missing = [1]", "missing should be a list of texts"),
        ("missing =", "they are not TOML, Invalid value"),
        (
            "exported_at = 2026-05-01T12:00:00",
            "exported_at should be a time with a zone, such as 2026-05-01T12",
        ),
        ("exported_at = 'yesterday'", "exported_at should be a time with a zone"),
        ("zone = 'Mars'", 'zone should be the name of a zone, such as "Europe/Amsterdam"'),
        ("zone = ''", "zone should be the name of a zone"),
        ("formats = 'day/month/year'", "formats should be a table of keys"),
        ("formats.deals.amount = '1,234.5'", "formats.deals is no table; the tables are leads, interactions"),
        (
            "formats.outcomes.amount = 'comma'",
            r"formats\.outcomes\.amount should be one of \"1,234\.5\", \"1\.",
        ),
        (
            "attributes.size.known = 'later'",
            'attributes.size.known should be one of "creation", "changes", "exp',
        ),
        ("attributes.size.us = 'feature'", r"attributes\.size\.us is no setting; did you mean use\?"),
        ("attributes.size = 'feature'", "attributes.size should be a table of keys"),
    ],
)
def test_parse_settings__says_what_cannot_be_used(text: str, sentence: str) -> None:
    with pytest.raises(HistorySettingsError, match=sentence):
        parse_settings(text, "history.toml")


def test_read_settings__of_a_folder_without_the_file_are_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == HistorySettings() == HistorySettings(TextRule(2, MISSING))


def test_read_settings__refuses_what_is_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "history.toml").write_bytes(b"missing = ['\xff']")

    with pytest.raises(HistorySettingsError, match=r"history\.toml cannot be used: 'utf-8' codec"):
        read_settings(tmp_path)


SETTINGS = HistorySettings(
    text_rule=TextRule(TEXT_RULE.number, ("unknown", 'a "quoted" one', "\x7f")),
    exported_at=parse_time("2026-05-01T12:00:00.5Z"),
    zone="Europe/Amsterdam",
    formats={"leads": {"annual revenue": "1.234,5"}, "outcomes": {"occurred_at": "month/day/year"}},
    attributes={
        "E-Mail": AttributeSettings(use="display"),
        "revenue": AttributeSettings(known="export", use="feature"),
        "größe": AttributeSettings(known="changes"),
    },
)


def test_write_settings__writes_what_read_settings_reads(tmp_path: Path) -> None:
    write_settings(tmp_path, SETTINGS)

    assert read_settings(tmp_path) == SETTINGS


def test_settings_rows__are_what_settings_of_rows_reads() -> None:
    rows = settings_rows(SETTINGS)

    assert settings_of_rows(rows) == SETTINGS
    assert ("attributes.revenue.known", '"export"') in rows
    assert ('formats.leads."annual revenue"', '"1.234,5"') in rows


def test_settings_text__of_the_defaults_is_empty() -> None:
    assert settings_text(HistorySettings()) == ""


def test_settings_text__writes_a_section_for_each_table_and_attribute() -> None:
    assert settings_text(SETTINGS).startswith("exported_at = 2026-05-01T12:00:00.500000Z\n")
    assert '[formats.outcomes]\noccurred_at = "month/day/year"\n' in settings_text(SETTINGS)
    assert '[attributes.revenue]\nknown = "export"\nuse = "feature"\n' in settings_text(SETTINGS)


ATTRIBUTES = """
[attributes]
revenue = { known = "export" }
owner = { use = "display" }
gender = { use = "protected" }
notes = { use = "ignore" }
"""
OF_ALL_USES = [
    lead(str(n), n, size=n % 3, revenue=n, owner=f"o{n % 2}", gender="fm"[n % 2], notes="x")
    for n in range(12)
]
# The database of the test keeps numbers as texts.
TYPES: dict[str, AttributeType] = {"size": "number", "revenue": "number"}
CHANGES = [change("1", "notes", "y", 5), change("1", "size", 7, 5)]


def folder_of_all_uses(folder: Path) -> Path:
    history_folder(folder, OF_ALL_USES, changes=CHANGES)
    (folder / "history.toml").write_text(ATTRIBUTES)
    return folder


def test_read_history__leaves_out_attributes_that_are_shown_or_ignored_and_their_changes(
    tmp_path: Path,
) -> None:
    made = read_history(folder_of_all_uses(tmp_path / "history"))

    assert [*made.history.attributes] == ["gender", "revenue", "size"]
    told = [problem for problem in made.problems if problem.code == "D105"]
    assert [problem.sentence for problem in told] == [
        "leads has attributes known only as of the export, which no model uses: revenue."
    ]


def test_default_catalogue__has_no_feature_of_attributes_that_a_model_may_not_use(tmp_path: Path) -> None:
    made = read_history(folder_of_all_uses(tmp_path / "history")).history

    catalogue = default_catalogue(made)

    assert [feature.attribute for feature in catalogue.features if feature.attribute] == ["size"]


def test_read_history__obeys_the_settings_at_every_door(tmp_path: Path) -> None:
    folder = folder_of_all_uses(tmp_path / "history")
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    rows = settings_rows(read_settings(folder))
    engine = sa.create_engine(url)
    fill_database(engine, tables(OF_ALL_USES, changes=CHANGES))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE history_settings (key TEXT, value TEXT)")
        connection.exec_driver_sql("INSERT INTO history_settings VALUES (?, ?)", rows)
    key, value = zip(*rows, strict=True)
    of_settings = pa.table({"key": key, "value": value})
    in_memory = MemoryTables({**tables(OF_ALL_USES, changes=CHANGES), "history_settings": of_settings})

    sources = folder, url, in_memory
    whole, *others = (read_history(each, attribute_types=TYPES).history for each in sources)
    split = write_partitions(folder, tmp_path / "split", partition_rows=20, workers=1)
    again = open_partitions(tmp_path / "split")

    assert [bytes_of(other) for other in others] == [bytes_of(whole)] * 2
    assert again is not None
    assert again.layout.settings == split.layout.settings == whole.settings
    part, _ = again.read(0)
    assert part is not None
    assert [*part.attributes] == ["gender", "revenue", "size"]


def test_read_history__of_a_model_uses_what_the_model_used(tmp_path: Path) -> None:
    folder = folder_of_all_uses(tmp_path / "history")

    made = read_history(folder, settings=HistorySettings()).history

    assert [*made.attributes] == ["gender", "notes", "owner", "revenue", "size"]


def test_read_history__refuses_a_table_of_settings_with_other_columns() -> None:
    source = MemoryTables({**tables(LEADS), "history_settings": pa.table({"name": ["zone"]})})

    with pytest.raises(HistorySettingsError, match="it has the columns name, and needs key and value"):
        read_history(source)
