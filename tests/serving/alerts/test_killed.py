"""A server that is killed again and again, and a hook that fails: no alert is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from models.home.home import Home
from serving.clock import SteadyClock
from serving.database.schema import ALERT_FEED, ALERT_HOOKS, ALERTS
from serving.database.score_tables import CURRENT_SCORES
from tests.serving.rescoring.test_process import rescoring_process, wait_for
from tests.support.crm.hook_receiver import SECRET, HookReceiver
from tests.support.crm.scores import change_scores, store_of_scores
from tests.support.crm.server import CUT_AFTER, CUT_BEFORE, Failure
from tests.support.processes import running_server
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import open_store

_FAILURES: tuple[Failure, ...] = (CUT_BEFORE, CUT_AFTER, (503, {}), (429, {"Retry-After": "1"}), (500, {}))
_TOML = "[alerts.hooks.crm]\n[alerts.hooks.dead]\nkinds = ['entered']\n"


def scored_home(folder: Path, ids: Sequence[str]) -> Home:
    """A home whose database has a current score of band B for each lead, by its champion."""
    home = home_with(folder / "home", small_bundle(version="7"))
    url = store_of_scores(home.path, ids)
    change_scores(url, ids, as_of=SteadyClock()())
    return home


def enter(home: Home, ids: Sequence[str]) -> None:
    """Lets leads enter the highest band, as the re-scoring writes it."""
    store = open_store(sqlite_url(home.path / "service.db"), clock=SteadyClock())
    store.write(
        lambda connection, receipt: connection.execute(
            sa.update(CURRENT_SCORES)
            .where(CURRENT_SCORES.c.lead_id.in_(ids))
            .values(band="A", written=receipt.sequence)
        )
    ).result()
    store.close()


def read(home: Home, select: sa.Select[Any]) -> list[Any]:
    engine = open_engine(sqlite_url(home.path / "service.db"))
    with engine.connect() as connection:
        rows = list(connection.execute(select))
    engine.dispose()
    return rows


def kill_server_when(home: Home, condition: Callable[[], object]) -> None:
    """Runs a server until a condition holds, then kills it and the process beside it."""
    with running_server(home.path) as (process, _):
        wait_for(condition, seconds=600)
        beside = rescoring_process(process.pid)
        for victim in filter(None, (process.pid, beside)):
            os.kill(victim, signal.SIGKILL)


@pytest.mark.all
@pytest.mark.parametrize(
    ("count", "kills"), [(200, 1), pytest.param(10_000, 12, marks=pytest.mark.long)], ids=["200", "10000"]
)
def test_alerts__survive_kills_of_the_server_and_failures_of_the_hook(
    count: int, kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{place:05}" for place in range(count)]
    home, chance = scored_home(tmp_path, ids), random.Random(7)
    (tmp_path / "leadodds.toml").write_text(_TOML)
    failing = {call: chance.choice(_FAILURES) for call in range(3 * count) if chance.random() < 0.01}
    with HookReceiver(records={}, failures={2: CUT_AFTER, 5: CUT_BEFORE, **failing}) as receiver:
        for name, value in {
            "CONFIG": tmp_path / "leadodds.toml",
            "ALERTS_CRM_URL": receiver.url,
            "ALERTS_CRM_SECRET": SECRET,
            "ALERTS_DEAD_URL": "http://127.0.0.1:9/",
            "ALERTS_DEAD_SECRET": SECRET,
        }.items():
            monkeypatch.setenv(f"LEADODDS_{name}", str(value))
        settled = sa.select(ALERT_FEED.c.model_version)
        kill_server_when(home, lambda: read(home, settled) == [("7",)])
        for kill in range(kills):
            enter(home, ids[kill::kills])
            enough = count * (kill + 1) // (kills + 1)
            kill_server_when(home, lambda enough=enough: len(receiver.calls) > enough)
        left = sa.select(ALERTS.c.lead_id).where(ALERTS.c.hook == "crm")
        with running_server(home.path):
            # Of the leads that were written last not all may be found yet.
            wait_for(lambda: len(receiver.events) >= count and not read(home, left), seconds=900)
            time.sleep(1.5)

    ids_of_lead = defaultdict(set)
    for call in receiver.calls:
        ids_of_lead[call.json["data"]["lead_id"]].add(call.headers["webhook-id"])
    # None lost, and what came twice came with the same id.
    assert sorted(ids_of_lead) == ids
    assert {len(own) for own in ids_of_lead.values()} == {1}
    assert len(receiver.calls) > count
    delivered = sa.select(ALERT_HOOKS.c.hook, ALERT_HOOKS.c.delivered)
    assert read(home, delivered) == [("crm", count)]
    # The hook that is away has kept all of its own, and held up no other.
    waiting = read(home, sa.select(ALERTS.c.hook, ALERTS.c.next_at.is_not(None)))
    assert waiting == [("dead", True)] * count
    print(f"{count} alerts, {kills} kills: {len(receiver.calls)} calls")  # noqa: T201 - the figure
