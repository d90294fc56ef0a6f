"""Leads that were merged, and what is shown beside a lead, are loaded with a history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from features.sources.connections import open_engine
from features.times import format_time, to_datetime
from serving.batch.run import score_history
from serving.bodies.intake_items import LeadBody
from serving.bodies.score_bodies import check_body
from serving.loading import load as loading
from serving.loading import prepared
from serving.loading.destination import Destination
from serving.loading.load import load_history
from tests.serving.loading.test_load import load, many_rows, rows_of
from tests.support.builders import at, change, history_folder, lead, link, lost, touch, won
from tests.support.small_models import home_with, random_bundle
from tests.support.stores import HandClock, open_store
from tests.test_parity import CATEGORIES, FEATURES

SHOWN = '[attributes.name]\nknown = "export"\nuse = "display"\n'


def links_in(database: str) -> list[tuple[Any, ...]]:
    engine = open_engine(database)
    with engine.connect() as connection:
        sql = "SELECT alias_id, lead_id, available_at FROM lead_aliases ORDER BY alias_id"
        links = [tuple(row) for row in connection.exec_driver_sql(sql)]
    engine.dispose()
    return links


def test_load_history__gives_the_scores_of_merged_leads_at_every_moment(
    database: str, tmp_path: Path
) -> None:
    rows = many_rows(6, 60)
    ids = [str(row["lead_id"]) for row in rows[0]]
    # A chain of three, two into one, and a merge before either lead is there.
    merges = [(10, 11, 20), (11, 12, 30.5), (13, 15, 12), (14, 15, 25), (16, 17, -1)]
    aliases = [link(ids[one], ids[other], when) for one, other, when in merges]
    folder = history_folder(tmp_path / "history", *rows, aliases)
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5)).path

    loaded = load(folder, database, partition_rows=150)

    assert loaded.counts["lead_aliases"] == {"stored": len(merges)}
    seen = set()
    for day in (5.25, 12, 19.5, 20, 26, 33, 50):
        for place, source in enumerate((folder, database)):
            out = tmp_path / f"{place}.parquet"
            score_history(source, home=home, out=out, as_of=at(day), scored_at=0, workers=1)
        of_folder, of_store = (pq.read_table(tmp_path / f"{place}.parquet") for place in range(2))
        assert of_folder.equals(of_store)
        seen.add(len({*ids} & {*of_folder["lead_id"].to_pylist()}))
    # All five that were merged have left by the end.
    assert max(seen) > min(seen)
    assert {*ids[10:12], *ids[13:15], ids[16]}.isdisjoint(of_store["lead_id"].to_pylist())


VISITORS = {"v": "l", "w": "v", "x": "m"}
# `v` becomes `l` on day 20; `w` becomes `v` on day 10, so both join on day 20; `x` joins before `m` is there.
JOINED = [link("v", "l", 20), link("w", "v", 10), link("x", "m", 2), link("z", "nobody", 1)]


def visitors_folder(folder: Path) -> Path:
    """Leads created on days 5 and 6, with all kinds of rows under visitors."""
    leads = [lead("l", 5, country="DE"), lead("m", 6), *(lead(f"n{one}", 1) for one in range(40))]
    touches = [touch(f"n{one}", "page_view", 2) for one in range(40)]
    for name in VISITORS:
        touches += [touch(name, "page_view", day, interaction_id=f"{name}{day}") for day in (1, 15, 25)]
    # Known of `v` first, so that the row of `m` is its duplicate.
    touches += [touch("v", "call_held", 7, interaction_id="same"), touch("m", "call_held", 8)]
    touches += [touch("z", "page_view", 3), touch("stranger", "page_view", 3)]
    outcomes = [won("x", 30, amount=5.0), lost("v", 22), won("m", 40), won("stranger", 1)]
    changes = [
        change("v", "country", "FR", 12),
        change("w", "size", "7", 21),
        change("x", "country", "AT", 1),
    ]
    return history_folder(folder, leads, touches, outcomes, changes, JOINED)


def test_load_history__gives_the_scores_with_visitors_at_every_moment(database: str, tmp_path: Path) -> None:
    folder = visitors_folder(tmp_path / "history")
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5)).path

    loaded = load(folder, database, partition_rows=30)

    # 40 + 3 x 3 + 2 rows; `z` is linked to no lead, and nobody knows the stranger.
    assert loaded.counts["interactions"] == {"stored": 51, "unknown_lead": 2}
    assert loaded.counts["outcomes"] == {"stored": 3, "unknown_lead": 1}
    assert loaded.counts["leads"] == {"stored": 42}
    of_lead = []
    # Just before, at and just after the link; and between all other events.
    tick = 1e-6 / 86_400
    for day in (5, 6, 12, 20 - tick, 20, 20 + tick, 23, 31, 45):
        for place, source in enumerate((folder, database)):
            out = tmp_path / f"{place}.parquet"
            score_history(source, home=home, out=out, as_of=at(day), scored_at=0, workers=1)
        of_folder, of_store = (pq.read_table(tmp_path / f"{place}.parquet") for place in range(2))
        assert of_folder.equals(of_store), day
        of_lead += [row for row in of_folder.to_pylist() if row["lead_id"] == "l"]
    # The rows of the visitors reach the lead.
    assert len({row["probability"] for row in of_lead}) > 2
    assert histories_differ_nowhere(folder, database)


def histories_differ_nowhere(folder: Path, database: str) -> bool:
    """Compares what is read of both: interactions and outcomes with the moments from which they are known."""
    one, other = (read_history(source).history for source in (folder, database))
    pairs = [
        (one.interactions.available_at, other.interactions.available_at),
        (one.interactions.occurred_at, other.interactions.occurred_at),
        (one.interactions.starts, other.interactions.starts),
        (one.outcomes.available_at, other.outcomes.available_at),
        (one.outcomes.occurred_at, other.outcomes.occurred_at),
        (one.outcomes.outcome, other.outcomes.outcome),
    ]
    return one.lead_ids.equals(other.lead_ids) and all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize("seed", range(3))
def test_load_history__keeps_the_same_of_the_rows_with_one_id(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    ids = [f"l{one}" for one in range(12)] + ["v", "w"]
    leads = [
        lead(id_, float(chance.integers(0, 6)), account_id="AB"[one % 2]) for one, id_ in enumerate(ids[:12])
    ]
    # Of each id three rows, under leads and visitors, linked or not, at moments that are often equal.
    touches = [
        touch(
            str(id_),
            str(chance.choice(["call_held", "chat"])),
            float(chance.integers(0, 8)),
            available_at=float(chance.integers(0, 12)),
            interaction_id=f"x{number}",
            channel=[None, "a"][chance.integers(0, 2)],
        )
        for number in range(12)
        for id_ in chance.choice(ids, 3, replace=False)
    ]
    places = [(one, int(chance.integers(0, 12))) for one in (3, 6, 9, 12, 13)]
    aliases = [link(ids[one], ids[to], float(chance.integers(-1, 12))) for one, to in places if to < one]
    folder = history_folder(tmp_path / "history", leads, touches, aliases=aliases)
    database = f"sqlite:///{tmp_path / 'service.db'}"

    load(folder, database, partition_rows=8)

    assert histories_differ_nowhere(folder, database)


@pytest.mark.parametrize("stops_at", [1, 2, 3])
def test_load_history__with_visitors_goes_on_where_it_stopped_and_adds_nothing_later(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_at: int
) -> None:
    monkeypatch.setattr(prepared, "BATCH_ROWS", 20)
    folder = visitors_folder(tmp_path / "history")
    write, calls = Destination.write_batch, [0]

    def stopping(self: Destination, *given: Any) -> Any:
        calls[0] += 1
        if calls[0] == stops_at:
            raise RuntimeError("stopped")
        return write(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Destination, "write_batch", stopping)
        with pytest.raises(RuntimeError, match="stopped"):
            load(folder, database, partition_rows=60)
    resumed = load(folder, database, partition_rows=60)
    stored = rows_of(database)
    again = load(folder, database, partition_rows=60)

    assert resumed.resumed
    assert resumed.counts["interactions"] == {"stored": 51, "unknown_lead": 2}
    assert again.counts["interactions"] == {"duplicate": 51, "unknown_lead": 2}
    # Three of visitors, one at the creation of `l`.
    assert again.counts["attribute_changes"] == {"duplicate": 4}
    assert rows_of(database) == stored
    assert {row[0] for row in stored["leads"]}.isdisjoint(VISITORS)


def test_load_history__has_a_visitor_wait_for_the_outcome_of_its_lead_with_a_date_only(
    tmp_path: Path,
) -> None:
    touches = [touch("v", "chat", 9.5), touch("w", "chat", 9.5)]
    # `l` is no neighbour of `v`: the partitions hold few leads.
    ids = ["l", *(f"n{one}" for one in range(30))]
    folder = history_folder(
        tmp_path / "history", ids, touches, aliases=[link("v", "l", 3), link("w", "n7", 3)]
    )
    # Day 9 of the builders is a whole day of UTC.
    day = pa.array([to_datetime(at(9)).date()], pa.date32())
    outcomes = pa.table({"lead_id": ["l"], "outcome": ["converted"], "occurred_at": day})
    pq.write_table(outcomes, folder / "outcomes.parquet")
    (folder / "history.toml").write_text('zone = "UTC"\n', encoding="utf-8")
    database = f"sqlite:///{tmp_path / 'service.db'}"

    load(folder, database, partition_rows=10)

    known = {row[2]: row[5] for row in rows_of(database)["interactions"]}
    assert known == {"v": at(10), "w": at(9.5)}
    assert histories_differ_nowhere(folder, database)


def test_load_history__brings_no_row_of_an_erased_visitor_back(database: str, tmp_path: Path) -> None:
    touches = [touch("v", "page_view", 1), touch("b", "page_view", 1)]
    changes = [change("v", "country", "FR", 1)]
    folder = history_folder(tmp_path / "history", ["a", "b"], touches, (), changes, [link("v", "a", 1)])
    load(folder, database)
    store = open_store(database, clock=HandClock(at(60)))
    store.erase_lead("a").result()
    store.close()

    again = load(folder, database)

    assert again.counts["interactions"] == {"duplicate": 1, "erased": 1}
    assert again.counts["attribute_changes"] == {"erased": 1}
    assert {row[2] for row in rows_of(database)["interactions"]} == {"b"}


def test_load_history__links_an_alias_once_and_to_its_first_lead(database: str, tmp_path: Path) -> None:
    # `a` is linked twice, `b` to itself, `c` next year, `d` in the store already; `v` is no lead.
    aliases = [link("a", "z", 3), link("a", "y", 2), link("b", "b", 1), link("c", "z", 400)]
    aliases += [link("d", "z", 1), link("v", "z", 1)]
    folder = history_folder(tmp_path / "history", [*"abcdyz"], [touch("z", "page_view", 1)], aliases=aliases)
    store = open_store(database, clock=HandClock(at(0.5)))
    store.add_aliases([{"alias_id": "d", "lead_id": "y"}]).result()
    store.close()

    first, second = load(folder, database), load(folder, database)

    assert first.counts["lead_aliases"] == {"stored": 2, "ahead": 1, "other_content": 1}
    assert second.counts["lead_aliases"] == {"duplicate": 2, "ahead": 1, "other_content": 1}
    assert first.exit_code == 3
    assert links_in(database) == [("a", "y", at(2)), ("d", "y", at(0.5)), ("v", "z", at(1))]


def test_load_history__brings_no_erased_lead_back_by_an_alias(database: str, tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", ["a", "b"], aliases=[link("a", "b", 1)])
    load(folder, database)
    store = open_store(database, clock=HandClock(at(60)))
    store.erase_lead("b").result()
    store.close()

    again = load(folder, database)

    assert again.counts["lead_aliases"] == {"erased": 1}
    assert links_in(database) == []


def test_load_history__stores_no_row_of_a_visitor_who_is_an_erased_lead(
    database: str, tmp_path: Path
) -> None:
    store = open_store(database, clock=HandClock(at(5)))
    store.put_lead("a", check_body(LeadBody, {"created_at": format_time(at(0))})).result()
    store.erase_lead("a").result()
    store.close()
    touches = [touch(one, "page_view", 1) for one in ("v", "w", "d", "u")]
    aliases = [link("v", "w", 3), link("w", "a", 2), link("d", "a", 4), link("u", "b", 2)]
    folder = history_folder(
        tmp_path / "history", ["a", "b", "d"], touches, (), [change("v", "country", "FR", 1)], aliases
    )

    loaded = load(folder, database)

    # `d` is the erased lead under another id; who `v` and `w` were is told by their links alone.
    assert loaded.counts["leads"] == {"stored": 1, "erased": 2}
    assert loaded.counts["interactions"] == {"stored": 1, "erased": 3}
    assert loaded.counts["attribute_changes"] == {"erased": 1}
    assert {row[2] for row in rows_of(database)["interactions"]} == {"u"}


def test_load_history__killed_while_it_links_counts_every_link_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LINKS", 2)
    aliases = [link(f"v{one}", "a", one + 1) for one in range(5)]
    folder = history_folder(tmp_path / "history", ["a"], [touch("v0", "page_view", 0)], aliases=aliases)
    write_state = Destination.write_state

    def killed(self: Destination, *given: Any) -> Any:
        raise KeyboardInterrupt

    write = Destination.write_links
    for left in ([1], [1]):
        with monkeypatch.context() as patch:

            def stopping(self: Destination, *given: Any, left: list[int] = left) -> Any:
                left[0] -= 1
                return killed(self) if left[0] < 0 else write(self, *given)

            patch.setattr(Destination, "write_links", stopping)
            with pytest.raises(KeyboardInterrupt):
                load(folder, database)
    with monkeypatch.context() as patch:
        # All links are written, and the end is not.
        patch.setattr(
            Destination,
            "write_state",
            lambda self, state: killed(self) if state.finished_at else write_state(self, state),
        )
        with pytest.raises(KeyboardInterrupt):
            load(folder, database)
    loaded = load(folder, database)

    assert loaded.resumed
    assert loaded.counts["lead_aliases"] == {"stored": 5}
    assert [row[0] for row in links_in(database)] == [f"v{one}" for one in range(5)]


def test_load_history__knows_what_is_of_the_export_from_it_on(database: str, tmp_path: Path) -> None:
    rows = [lead("a", 0, size="7", country="DE", plan="pro"), lead("b", 30, size="8", country="FR")]
    folder = history_folder(tmp_path / "history", rows, changes=[change("a", "country", "AT", 10)])
    said = [f"exported_at = {format_time(at(20))}"]
    said += [f'[attributes.{name}]\nknown = "export"' for name in ("country", "plan", "size")]
    (folder / "history.toml").write_text("\n".join([*said, 'use = "feature"\n']), encoding="utf-8")

    load(folder, database)

    stored = {(row[0], row[1], row[3], row[4]) for row in rows_of(database)["attribute_changes"]}
    assert stored == {
        # A feature by its owner's word; a change that was logged; created after the export.
        ("a", "size", "7", at(0)),
        ("a", "country", "AT", at(10)),
        ("a", "plan", "pro", at(20)),
        ("b", "size", "8", at(30)),
        ("b", "country", "FR", at(30)),
    }


def test_load_history__of_a_later_export_stores_only_what_changed(database: str, tmp_path: Path) -> None:
    counts = []
    for day, said in [
        (20, {"size": 7, "country": "DE"}),
        (30, {"size": 7, "country": "FR"}),
        (40, {"size": 7.0, "country": "FR"}),
    ]:
        leads = [lead("a", 0, **said), lead("b", 0, size=8), lead("c", 0)]
        folder = history_folder(tmp_path / f"{day}", leads, aliases=[link("c", "b", 1)])
        known = [f'[attributes.{name}]\nknown = "export"' for name in said]
        text = "\n".join([f"exported_at = {format_time(at(day))}", *known])
        (folder / "history.toml").write_text(text, encoding="utf-8")
        counts.append(load(folder, database).counts["attribute_changes"])

    stored = {(row[0], row[1], row[3], row[4]) for row in rows_of(database)["attribute_changes"]}
    assert stored == {
        ("a", "size", "7", at(20)),
        ("a", "country", "DE", at(20)),
        ("a", "country", "FR", at(30)),
        # Of a linked lead a value of the other id may lie between: it is said again.
        *(("b", "size", "8", at(day)) for day in (20, 30, 40)),
    }
    assert counts == [{"stored": 3}, {"stored": 2, "duplicate": 1}, {"stored": 1, "duplicate": 2}]


def test_load_history__keeps_what_is_shown_and_never_learnt_from(database: str, tmp_path: Path) -> None:
    rows = [lead("a", 0, name="007", country="DE"), lead("b", 1, name=None, country="FR")]
    folder = history_folder(tmp_path / "history", rows)
    (folder / "history.toml").write_text(SHOWN, encoding="utf-8")
    clock = HandClock(at(50))

    load_history(str(folder), database=database, home=tmp_path / "home", clock=clock, workers=1)

    store = open_store(database, clock=clock)
    assert store.keep_display(()) == ("name",)
    store.close()
    engine = open_engine(database)
    with engine.connect() as connection:
        sql = "SELECT lead_id, type, value FROM attribute_changes WHERE attribute = 'name'"
        shown = [tuple(row) for row in connection.exec_driver_sql(sql)]
    engine.dispose()
    # Text as it stands, though it looks like a number.
    assert shown == [("a", "category", "007")]


@pytest.mark.parametrize(("days", "kept"), [((10, 20), 20), ((20, 10), 20), ((10, 10), 10)])
def test_load_history__knows_the_last_export(
    database: str, tmp_path: Path, days: tuple[int, int], kept: int
) -> None:
    folder = history_folder(tmp_path / "history", ["a"])
    for day in days:
        said = f"exported_at = {format_time(at(day))}\n"
        (folder / "history.toml").write_text(said, encoding="utf-8")
        loaded = load(folder, database)
        assert loaded.exit_code == 0

    assert loaded.counts["history_settings"] == {"stored" if days == (10, 20) else "duplicate": 1}
    assert read_history(database).history.settings.exported_at == at(kept)
