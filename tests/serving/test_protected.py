"""Protected attributes reach nobody: no list, filter, search, reason, message or field of a CRM has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.history.settings import AttributeSettings, HistorySettings
from features.sources.connections import sqlite_url
from features.sources.history_settings import SETTINGS_TABLE, settings_rows
from serving.alerts.config import AlertsConfig, HookConfig
from serving.alerts.finding import AlertFinder
from serving.database.schema import ALERTS
from serving.writeback.sync import sync_scores
from tests.serving.store.test_store import meeting, put, send
from tests.support.crm.vendors import KEY, HubSpotServer
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, open_store, secret_file

# Every attribute that a list shows, is filtered by or searched in can be protected.
PROTECTED = {name: f"Planted-{name}" for name in ("name", "gender", "source", "owner", "territory", "sales")}
SETTINGS = HistorySettings(attributes={name: AttributeSettings(use="protected") for name in PROTECTED})


@dataclass
class World:
    """A service whose model protects attributes of its two leads, and its database."""

    client: Client
    clock: HandClock
    database: str

    def list(self, **query: Any) -> Any:
        answer = self.client.get("/v1/leads", params=query)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture
def world(tmp_path: Path, clock: HandClock) -> Iterator[World]:
    bundle = small_bundle(history_settings=SETTINGS.to_json())
    home, database = home_with(tmp_path / "home", bundle), sqlite_url(tmp_path / "service.db")
    display = ",".join((*PROTECTED, "company"))
    with client_of(home, clock=clock, database=database, display=display) as client:
        for lead_id in ("a", "b"):
            put(client, lead_id, attributes={**PROTECTED, "company": "Acme", "country": "DE"})
        yield World(client, clock, database)


def _is_clean(text: str) -> bool:
    return "planted" not in text.casefold()


def test_lists__show_no_protected_attribute(world: World) -> None:
    world.client.rescorer.catch_up()
    answers = [
        *(
            world.list(**query)
            for query in ({}, {"sort": "waiting"}, {"set_aside": "with"}, {"text": "acme"})
        ),
        world.client.get("/v1/scores", params={"updated_since": "2026-01-01T00:00:00Z"}),
        world.client.get("/v1/leads/a/score", params={"reasons": 50}),
    ]

    # The list, from whose rows the page makes its CSV file, has both leads, and what is not protected.
    assert [answer.status_code for answer in answers] == [200] * 6
    assert [row["display"] for row in answers[0].json()["leads"]] == [{"company": "Acme"}] * 2
    assert answers[0].json()["display"] == ["company"]
    assert len(answers[4].json()["scores"]) == 2
    assert any(reason["feature"] == "country" for reason in answers[5].json()["reasons"])
    assert all(_is_clean(answer.text) for answer in answers)


@pytest.mark.parametrize("name", ["source", "owner", "territory", "sales"])
def test_lists__are_not_filtered_by_a_protected_attribute(world: World, name: str) -> None:
    world.client.rescorer.catch_up()

    assert world.list().json()["total"] == 2
    assert world.list(**{name: PROTECTED[name]}).json()["total"] == 0


@pytest.mark.parametrize("name", PROTECTED)
def test_lists__are_not_searched_in_a_protected_attribute(world: World, name: str) -> None:
    world.client.rescorer.catch_up()

    assert world.list(text=PROTECTED[name]).json()["total"] == 0
    assert world.list(text="acme").json()["total"] == 2


def test_alerts__show_no_protected_attribute(world: World) -> None:
    hooks = {"all": HookConfig(), "own": HookConfig(owners=(PROTECTED["owner"],))}
    server, display = world.client.server, (*PROTECTED, "company")

    def find() -> list[Any]:
        world.client.rescorer.catch_up()
        config = AlertsConfig(hooks=hooks)
        finder = AlertFinder(
            server.store, server.live, server.live.home, config, clock=world.clock, display=display
        )
        while finder.step():
            pass
        return server.store.read(lambda connection: list(connection.execute(sa.select(ALERTS)).mappings()))

    assert find() == []
    ours = {"lead_id": "a", "direction": "outbound"}
    send(world.client, meeting("1", **ours), meeting("2", **ours))
    told = find()

    # The hook of an owner's leads is told nothing: it would say whose they are.
    assert [row["hook"] for row in told] == ["all"]
    assert "Acme" in str(told)
    assert _is_clean(str(told))


def test_sync__writes_no_protected_attribute(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADODDS_HUBSPOT_KEY", KEY)
    world.client.rescorer.catch_up()

    with HubSpotServer(records={"a": {}, "b": {}}) as server:
        outcome = sync_scores(
            "hubspot",
            database=world.database,
            secret_file=secret_file(),
            clock=world.clock,
            url=server.url,
            create_fields=True,
        )
        sent = [call.body.decode() for call in server.calls]

    assert (outcome.written, outcome.refused) == (2, [])
    assert any("leadodds_chance" in body for body in sent)
    assert all(_is_clean(body) for body in sent)


def test_keep_display__leaves_what_the_database_protects(tmp_path: Path, clock: HandClock) -> None:
    store = open_store(sqlite_url(tmp_path / "own.db"), clock=clock)
    store.keep_display(("gender",))
    protected = HistorySettings(attributes={"gender": AttributeSettings(use="protected")})
    rows = [{"key": key, "value": value} for key, value in settings_rows(protected)]
    with sa.create_engine(sqlite_url(tmp_path / "own.db")).begin() as connection:
        table = sa.table(SETTINGS_TABLE, sa.column("key"), sa.column("value"))
        connection.execute(sa.delete(table))
        connection.execute(sa.insert(table), rows)

    shown = store.keep_display(("gender", "company"))
    store.close()

    assert shown == ("company",)
    with sa.create_engine(sqlite_url(tmp_path / "own.db")).connect() as connection:
        kept = dict(connection.execute(sa.select(table.c.key, table.c.value)).all())
    assert kept["attributes.gender.use"] == rows[0]["value"]
