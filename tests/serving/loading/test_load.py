"""A history in the store is the history: the same scores at every moment, and each row once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.sources.connections import open_engine
from features.times import to_datetime
from serving.batch.run import score_history
from serving.bodies.intake_items import LeadBody, has_control_characters
from serving.loading import prepared
from serving.loading.destination import Destination
from serving.loading.load import LoadResult, SameDatabaseError, load_history
from serving.store.store import DatabaseError
from tests.support.builders import Row, at, change, history_folder, lead, link, lost, reopened, touch, won
from tests.support.small_models import home_with, random_bundle
from tests.support.stores import HandClock, open_store
from tests.test_parity import CATEGORIES, FEATURES, random_rows

_RUN = Destination._run


def load(folder: Path, database: str, *, now: float = 50, **options: Any) -> LoadResult:
    """Loads a folder in this process."""
    clock = HandClock(at(now))
    given = {"home": folder.parent / "home", "workers": 1, **options}
    return load_history(str(folder), database=database, clock=clock, **given)


def rows_of(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that a loading writes, in an order of their own."""
    engine = open_engine(database)
    names = ("leads", "account_changes", "attribute_changes", "outcomes", "interactions")
    with engine.connect() as connection:
        rows = {
            name: sorted(
                (tuple(map(_plain, row)) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")),
                key=repr,
            )
            for name in names
        }
    engine.dispose()
    return rows


def _plain(cell: object) -> object:
    return bytes(cell) if isinstance(cell, memoryview) else cell


def many_rows(seed: int, count: int) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    """Leads, interactions, outcomes and changes with everything that a history may hold."""
    chance = np.random.default_rng(seed)
    leads, interactions = random_rows(seed, count)
    outcomes, changes = [], []
    for one in leads:
        lead_id, moment = one["lead_id"], float(chance.integers(0, 160)) / 4
        if chance.random() < 0.4:
            late = moment + float(chance.integers(0, 8)) / 4
            id_ = [None, "o1"][chance.integers(0, 2)]
            outcomes.append(won(lead_id, moment, available_at=late, amount=float(seed), outcome_id=id_))
            outcomes.append(lost(lead_id, moment, available_at=late + 1, outcome_id=id_))
            outcomes.append(reopened(lead_id, moment + 3, available_at=late + 4))
        for _ in range(chance.poisson(1)):
            # Before the creation, at it, twice at one moment, and later.
            when = float(one["created_at"]) + float(chance.integers(-2, 8)) / 2
            name, value = [("country", "FR"), ("size", "7.25"), ("has_budget", None)][chance.integers(0, 3)]
            changes.append(change(lead_id, name, value, when))
            if chance.random() < 0.3:
                changes.append(change(lead_id, "country", "AT", when))
    # An id that two leads have, and rows that are equal in every column.
    interactions += [touch(leads[0]["lead_id"], "page_view", 3), touch(leads[0]["lead_id"], "page_view", 3)]
    interactions += [
        touch(one["lead_id"], "page_view", 4, source="web", interaction_id="x") for one in leads[:3]
    ]
    return leads, interactions, outcomes, changes


def many_links(leads: list[Row], seed: int) -> list[Row]:
    """Links of a third of the leads to later ones in the list, before their creation and after it."""
    chance = np.random.default_rng(seed)
    ids = [one["lead_id"] for one in leads]
    aliases = np.flatnonzero(chance.random(len(ids) - 1) < 1 / 3)
    targets = [int(chance.integers(place + 1, len(ids))) for place in aliases]
    days = chance.integers(-4, 160, len(aliases)) / 4
    return [link(ids[i], ids[j], float(day)) for i, j, day in zip(aliases, targets, days, strict=True)]


@pytest.mark.parametrize("tables", [3, 4, 5])
def test_load_history__gives_the_scores_of_the_folder_at_every_moment(
    database: str, tmp_path: Path, tables: int
) -> None:
    rows = many_rows(3, 120)
    folder = history_folder(tmp_path / "history", *(*rows, many_links(rows[0], 3))[:tables])
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5)).path

    load(folder, database, partition_rows=300)

    seen = set()
    for day in (0, 5.25, 12, 19.5, 26, 33, 39.75, 50):
        scores = [
            score_history(
                source, home=home, out=tmp_path / f"{place}.parquet", as_of=at(day), scored_at=0, workers=1
            )
            for place, source in enumerate((folder, database))
        ]
        of_folder, of_store = (pq.read_table(tmp_path / f"{place}.parquet") for place in range(2))
        assert scores[0].by_status == scores[1].by_status
        assert of_folder.equals(of_store)
        seen |= {*of_folder["probability"].to_pylist()}
    assert len(seen) > 300


def test_load_history__keeps_what_waits_for_an_outcome_with_a_date_only(tmp_path: Path) -> None:
    folder = history_folder(
        tmp_path / "history", ["a", "b"], [touch("a", "chat", 9.5), touch("b", "chat", 9.5)]
    )
    # Day 9 of the builders is a whole day of UTC.
    day = pa.array([to_datetime(at(9)).date()], pa.date32())
    outcomes = pa.table({"lead_id": ["a"], "outcome": ["converted"], "occurred_at": day})
    pq.write_table(outcomes, folder / "outcomes.parquet")
    (folder / "history.toml").write_text('zone = "UTC"\n')
    database = f"sqlite:///{tmp_path / 'service.db'}"

    load(folder, database)

    rows = rows_of(database)
    assert {row[2]: row[5] for row in rows["interactions"]} == {"a": at(10), "b": at(9.5)}
    assert [row[4:6] for row in rows["outcomes"]] == [(at(10) - 1, at(10) - 1)]


def test_load_history__adds_nothing_the_second_time(database: str, tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *many_rows(4, 40))

    first = load(folder, database)
    before = rows_of(database)
    second = load(folder, database, partition_rows=60)

    assert rows_of(database) == before
    for table, counts in first.counts.items():
        repeated = second.counts[table]
        assert repeated.get("stored", 0) == 0
        assert repeated["duplicate"] == counts["stored"] + counts.get("duplicate", 0)
    assert second.refused == first.refused


def test_load_history__counts_every_row_once(database: str, tmp_path: Path) -> None:
    # Of ten interactions: two equal ones without an id, one id twice, an id of another lead, one of nobody,
    # one without a kind, one of next year, one of a lead of next year, two plain ones.
    rows = [touch("a", "page_view", 1), touch("a", "page_view", 1)]
    rows += [touch("a", "call_held", 2, interaction_id="1"), touch("a", "call_held", 3, interaction_id="1")]
    rows += [touch("b", "call_held", 4, interaction_id="1"), touch("nobody", "page_view", 1)]
    rows += [
        touch("a", None, 1),
        touch("a", "page_view", 400),
        touch("late", "page_view", 1),
        touch("b", "x", 1),
    ]  # type: ignore[arg-type]
    folder = history_folder(tmp_path / "history", ["a", "b", lead("late", 400)], rows)

    loaded = load(folder, database)

    assert loaded.counts["leads"] == {"stored": 2, "ahead": 1}
    assert loaded.counts["interactions"] == {
        "stored": 4,
        "duplicate": 1,
        "id_of_another_lead": 1,
        "unknown_lead": 1,
        "empty_cell": 1,
        "ahead": 1,
        "refused_lead": 1,
    }
    assert loaded.exit_code == 3
    assert loaded.summary()["stored"] == {
        "leads": 2,
        "attribute_changes": 0,
        "outcomes": 0,
        "interactions": 4,
    }


def test_load_history__refuses_ids_that_intake_refuses(database: str, tmp_path: Path) -> None:
    # Control characters end at U+009F; the last text has only one that looks like it.
    ids = [f"a{chr(code)}" for code in range(0x100)] + ["x" * 500, "x" * 501, "\u2028"]
    folder = history_folder(tmp_path / "history", ids, [touch("ab", "x" * 501, 1)])

    loaded = load(folder, database)

    storable = [id_ for id_ in ids if not has_control_characters(id_) and len(id_) <= 500]
    assert sorted(row[0] for row in rows_of(database)["leads"]) == sorted(storable)
    assert loaded.refused == {
        "leads": {"unstorable": len(ids) - len(storable)},
        "interactions": {"unstorable": 1},
    }


def test_load_history__leaves_out_values_that_intake_refuses(database: str, tmp_path: Path) -> None:
    texts = ["x" * 4_000, "y" * 4_001, "a\0b", "plain"]
    leads = [lead(f"l{place}", note=text) for place, text in enumerate(texts)]
    folder = history_folder(tmp_path / "history", leads, [])

    loaded = load(folder, database)

    stored = {row[0]: row[3] for row in rows_of(database)["attribute_changes"] if row[1] == "note"}
    assert stored == {"l0": texts[0], "l3": "plain"}
    assert loaded.refused == {"attribute_changes": {"unstorable": 2}}


def test_load_history__refuses_accounts_and_attributes_that_no_request_could_send(
    database: str, tmp_path: Path
) -> None:
    leads = [
        lead("a", account_id="x\0y", **{"na\0me": "x"}),
        lead("b", account_id="x" * 501),
        lead("c", account_id="A", **{"na\0me": "x"}),
    ]
    folder = history_folder(tmp_path / "history", leads, [touch("a", "chat", 1), touch("c", "chat", 1)])

    loaded = load(folder, database)

    assert [row[0] for row in rows_of(database)["leads"]] == ["c"]
    assert loaded.refused == {
        "leads": {"unstorable": 2},
        "attribute_changes": {"refused_lead": 1, "unstorable": 1},
        "interactions": {"refused_lead": 1},
    }


def test_load_history__numbers_equal_rows_without_an_id(database: str, tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", ["a"], [touch("a", "page_view", 1)] * 2)

    load(folder, database)
    (first, second) = sorted(row[1] for row in rows_of(database)["interactions"])

    assert (first[:-2], first[-2:], second[-2:]) == (second[:-2], "#0", "#1")


def test_load_history__and_intake_know_each_others_rows(database: str, tmp_path: Path) -> None:
    store = open_store(database, clock=HandClock(at(5)))
    store.put_lead("a", LeadBody(created_at="2026-01-01T00:00:00Z", account_id="x")).result()
    sent = {"lead_id": "a", "kind": "page_view", "occurred_at": "2026-01-02T00:00:00Z", "value": 2}
    store.add_interactions("crm", [{**sent, "interaction_id": "1"}, {**sent, "interaction_id": "2"}]).result()
    ended = {"lead_id": "a", "outcome": "converted", "occurred_at": "2026-01-03T00:00:00Z"}
    store.add_outcomes("crm", [ended]).result()
    touches = [
        touch("a", "page_view", 1, source="crm", interaction_id="1", value=2.0),
        touch("a", "page_view", 1, source="crm", interaction_id="2", value=3.0),
        touch("a", "page_view", 1, source="crm", interaction_id="3", value=2.0),
    ]
    ends = [won("a", 2, source="crm"), won("b", 2, source="crm")]
    folder = history_folder(tmp_path / "history", [lead("a"), lead("b", 1)], touches, ends)

    loaded = load(folder, database)
    again = store.add_interactions("crm", [{**sent, "interaction_id": "3"}]).result()
    store.close()

    assert loaded.counts["leads"] == {"stored": 1, "other_account": 1}
    assert loaded.counts["interactions"] == {"stored": 1, "duplicate": 1, "other_content": 1}
    assert loaded.counts["outcomes"] == {"stored": 1, "duplicate": 1}
    assert again[0].status == "duplicate"


def test_load_history__takes_every_text_as_it_stands(database: str, tmp_path: Path) -> None:
    # What a format for copying could take for a quote, an escape, a separator, its end, or a missing cell.
    texts = [
        'a "quoted" one',
        "back\\slash \\n",
        "a,b;c\td",
        "\\.",
        "\\x41",
        "two\nlines\r\nmore",
        "grüß 你 😀",
    ]
    leads = [lead(f"l{place}", account_id=text, segment=text) for place, text in enumerate(texts)]
    rows = [touch(f"l{place}", text, 1, campaign=text, value=0.1 + place) for place, text in enumerate(texts)]
    folder = history_folder(tmp_path / "history", leads, rows)

    loaded = load(folder, database)

    assert loaded.refused == {}
    found = rows_of(database)
    assert {row[0]: row[2] for row in found["leads"]} == {
        f"l{place}": text for place, text in enumerate(texts)
    }
    assert {row[0]: row[3] for row in found["attribute_changes"]} == {
        f"l{place}": text for place, text in enumerate(texts)
    }
    assert {row[2]: (row[3], row[8], row[9]) for row in found["interactions"]} == {
        f"l{place}": (text, text, 0.1 + place) for place, text in enumerate(texts)
    }


def test_load_history__finds_rows_of_new_leads_that_the_store_has(database: str, tmp_path: Path) -> None:
    store = open_store(database, clock=HandClock(at(5)))
    store.put_lead("a", LeadBody(created_at="2026-01-01T00:00:00Z")).result()
    sent = {"lead_id": "a", "kind": "page_view", "occurred_at": "2026-01-02T00:00:00Z"}
    store.add_interactions("crm", [{**sent, "interaction_id": "1"}]).result()
    store.close()
    rows = [touch("new", "page_view", 1, source="crm", interaction_id=id_) for id_ in ("1", "2")]
    folder = history_folder(tmp_path / "history", ["new"], rows)

    loaded = load(folder, database)

    assert loaded.counts["leads"] == {"stored": 1}
    assert loaded.counts["interactions"] == {"stored": 1, "other_content": 1}
    assert sorted(row[1:3] for row in rows_of(database)["interactions"]) == [("1", "a"), ("2", "new")]


def test_load_history__keeps_the_values_that_a_store_has(database: str, tmp_path: Path) -> None:
    store = open_store(database, clock=HandClock(at(5)))
    body = LeadBody(created_at="2026-01-01T00:00:00Z", attributes={"size": 1})
    store.put_lead("a", body).result()
    store.close()
    rows = ([lead("a", size=9.5)], [], [], [change("a", "size", 2, 5), change("a", "size", 1, 7)])
    folder = history_folder(tmp_path / "history", *rows)

    loaded = load(folder, database)

    # Of three values the one of day 5 meets another that is known from day 5.
    assert loaded.counts["attribute_changes"] == {"stored": 2, "other_value_then": 1}
    assert [row[3:5] for row in rows_of(database)["attribute_changes"]] == [
        ("1", at(5)),
        ("1", at(7)),
        ("9.5", at(0)),
    ]


def test_load_history__brings_no_erased_lead_back(database: str, tmp_path: Path) -> None:
    rows = ([lead("a", size=1), lead("b", size=1)], [touch("a", "x", 1), touch("b", "x", 1)], [won("a", 2)])
    folder = history_folder(tmp_path / "history", *rows)
    load(folder, database)
    store = open_store(database, clock=HandClock(at(60)))
    store.erase_lead("a").result()
    store.close()

    again = load(folder, database)

    assert {row[2] for row in rows_of(database)["interactions"]} == {"b"}
    assert {row[0] for row in rows_of(database)["leads"]} == {"b"}
    assert again.refused == {name: {"erased": 1} for name in again.counts}


def test_load_history__goes_on_where_it_was_stopped(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "BATCH_ROWS", 40)
    rows = many_rows(6, 60)
    folder = history_folder(tmp_path / "history", *rows)
    whole = load(folder, f"sqlite:///{tmp_path / 'whole.db'}", partition_rows=200)
    counts, writes = [], 0

    def stop_at(number: int) -> Any:
        def run(self: Any, write: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == number:
                raise RuntimeError("stopped here")
            return _RUN(self, write)

        return run

    for number in (4, 9, 3):
        writes = 0
        with monkeypatch.context() as patch:
            patch.setattr(Destination, "_run", stop_at(number))
            with pytest.raises(RuntimeError, match="stopped here"):
                load(folder, database, partition_rows=200)
        counts.append(len(rows_of(database)["leads"]))
    resumed = load(folder, database, partition_rows=200)

    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[1]
    assert resumed.resumed
    assert resumed.counts == whole.counts
    assert rows_of(database) == rows_of(f"sqlite:///{tmp_path / 'whole.db'}")


def test_load_history__refuses_the_database_itself(database: str, tmp_path: Path) -> None:
    open_store(database, clock=HandClock(0)).close()

    with pytest.raises(SameDatabaseError, match="is the database of the service itself"):
        load_history(database, database=database, home=tmp_path, clock=HandClock(0))


def test_load_history__refuses_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", ["a"])

    with pytest.raises(DatabaseError, match="cannot be used"):
        load(folder, f"sqlite:///{tmp_path}/nowhere/service.db")
