"""Leads that were merged, and what is shown beside a lead, are loaded with a history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from features.sources.connections import open_engine
from features.times import format_time
from serving.batch.run import score_history
from serving.loading.load import load_history
from serving.store.store import Store
from tests.serving.loading.test_load import load, many_rows
from tests.support.builders import at, history_folder, lead, link, touch
from tests.support.small_models import home_with, random_bundle
from tests.support.stores import HandClock
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


def test_load_history__links_an_alias_once_and_to_its_first_lead(database: str, tmp_path: Path) -> None:
    # `a` is linked twice, `b` to itself, `c` next year, `d` in the store already; `v` is no lead.
    aliases = [link("a", "z", 3), link("a", "y", 2), link("b", "b", 1), link("c", "z", 400)]
    aliases += [link("d", "z", 1), link("v", "z", 1)]
    folder = history_folder(tmp_path / "history", [*"abcdyz"], [touch("z", "page_view", 1)], aliases=aliases)
    store = Store(database, clock=HandClock(at(0.5)))
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
    store = Store(database, clock=HandClock(at(60)))
    store.erase_lead("b").result()
    store.close()

    again = load(folder, database)

    assert again.counts["lead_aliases"] == {"erased": 1}
    assert links_in(database) == []


def test_load_history__keeps_what_is_shown_and_never_learnt_from(database: str, tmp_path: Path) -> None:
    rows = [lead("a", 0, name="007", country="DE"), lead("b", 1, name=None, country="FR")]
    folder = history_folder(tmp_path / "history", rows)
    (folder / "history.toml").write_text(SHOWN, encoding="utf-8")
    clock = HandClock(at(50))

    load_history(str(folder), database=database, home=tmp_path / "home", clock=clock, workers=1)

    store = Store(database, clock=clock)
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
