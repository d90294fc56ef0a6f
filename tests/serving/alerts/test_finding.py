"""Which changes of scores are told of, each once, through a real store and its re-scoring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.times import US_PER_HOUR
from models.home.latest_monitor import write_latest
from serving.alerts.config import AlertsConfig, HookConfig
from serving.alerts.feed import read_feed, read_waiting
from serving.alerts.finding import AlertFinder
from serving.alerts.transitions import NOTHING, transition_of
from serving.database.schema import ALERT_LEADS, ALERTS
from tests.serving.store.test_store import meeting, put, send
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock
from training.monitoring.verdict import Evidence, reach_verdict

_CONFIG = AlertsConfig(
    waiting_hours=24,
    page="https://leads.example.com",
    hooks={
        "all": HookConfig(),
        "dach": HookConfig(form="slack", kinds=("entered",), territories=("DACH",)),
    },
)


@dataclass
class World:
    """A service, its clock, and the alerts that were found in it."""

    client: Client
    clock: HandClock
    config: AlertsConfig = _CONFIG

    def find(self, *, rescored: bool = True) -> list[tuple[str, str, str | None]]:
        """Looks until nothing is left, as after a start; gives hook, kind and lead of all alerts."""
        if rescored:
            self.client.rescorer.catch_up()
        server = self.client.server
        finder = AlertFinder(
            server.store,
            server.live,
            server.live.home,
            self.config,
            clock=self.clock,
            display=("name",),
        )
        for _ in range(50):
            if not finder.step():
                break
        else:
            raise AssertionError("it never ends")
        return [(row["hook"], row["kind"], row["lead_id"]) for row in self.rows(ALERTS)]

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        select = sa.select(table).order_by(*table.primary_key)
        read = self.client.server.store.read
        return read(lambda connection: [dict(row) for row in connection.execute(select).mappings()])

    def forget(self) -> None:
        """Takes all messages as delivered."""
        self.client.server.store.write(lambda connection, _: connection.execute(sa.delete(ALERTS))).result()

    def hot(self, lead_id: str = "a") -> None:
        """Lets a lead reach the highest band: log-odds -2 + DE 0.5 + two meetings 2."""
        ours = {"lead_id": lead_id, "direction": "outbound"}
        send(self.client, meeting(f"{lead_id}1", **ours), meeting(f"{lead_id}2", **ours))


@pytest.fixture
def world(database: str, tmp_path: Path, clock: HandClock) -> Iterator[World]:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=clock, database=database) as client:
        yield World(client, clock)


def german(world: World, lead_id: str = "a", **attributes: Any) -> None:
    put(world.client, lead_id, attributes={"country": "DE", **attributes})


def test_finder__tells_of_nobody_at_first(world: World) -> None:
    german(world)
    world.hot()

    assert world.find() == []
    assert [row["lead_id"] for row in world.rows(ALERT_LEADS)] == ["a"]


def test_finder__tells_once_of_a_lead_that_enters_the_highest_band(world: World) -> None:
    german(world, name="Mia", territory="DACH", owner="Jo")
    german(world, "b", territory="UK")
    world.find()
    world.hot()
    world.hot("b")

    first = world.find()
    # Scored anew, by the clock and by another interaction, it stays in the band.
    world.clock.now = at(11)
    send(world.client, meeting("a3", direction="outbound"))
    second = world.find()

    assert first == second
    assert sorted(first) == [("all", "entered", "a"), ("all", "entered", "b"), ("dach", "entered", "a")]
    own = [row for row in world.rows(ALERTS) if row["lead_id"] == "a"]
    # One id for all hooks.
    assert len({row["alert_id"] for row in own}) == 1
    event = json.loads(own[0]["event"])["data"]
    assert event["title"] == "Mia is in band A now"
    assert (event["owner"], event["territory"]) == ("Jo", "DACH")
    assert event["page_url"] == "https://leads.example.com/#/lead/a"


def test_finder__tells_of_a_lead_that_falls_out_and_of_its_return(world: World) -> None:
    german(world)
    world.hot()
    world.find()
    world.clock.now = at(11)
    put(world.client, attributes={"country": "FR"})
    fallen = world.find()
    world.forget()
    world.clock.now = at(12)
    german(world)

    assert fallen == [("all", "left", "a")]
    assert world.find() == [("all", "entered", "a")]


def test_finder__tells_nothing_of_a_lead_that_converts(world: World) -> None:
    german(world)
    world.hot()
    world.find()
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": "2026-01-10T00:00:00Z"}
    world.client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})

    assert world.find() == []
    assert world.rows(ALERT_LEADS) == []


def asked(interaction_id: str, *, direction: str = "inbound", when: float = 10) -> dict[str, Any]:
    return meeting(interaction_id, kind="email_replied", when=when, direction=direction)


def test_finder__tells_once_of_a_lead_that_waits_until_it_is_answered(world: World) -> None:
    german(world)
    world.find()
    send(world.client, asked("1"))
    early = world.find()
    world.clock.now = at(10) + 25 * US_PER_HOUR
    # Nothing new is written: the time alone makes it an alert.
    late = world.find(rescored=False)
    world.clock.now = at(13)
    again = world.find()
    world.forget()
    send(world.client, asked("2", direction="outbound", when=13))
    world.find()
    world.clock.now = at(13.2)
    send(world.client, asked("3", when=13.1))
    world.find()
    world.clock.now = at(15)

    assert (early, late, again) == ([], [("all", "waiting", "a")], [("all", "waiting", "a")])
    assert world.find() == [("all", "waiting", "a")]


@pytest.mark.parametrize("sent_as", ["a", "alias"])
def test_finder__holds_who_changed_until_it_is_scored_anew(world: World, sent_as: str) -> None:
    german(world)
    world.client.post("/v1/aliases", json={"aliases": [{"alias_id": "alias", "lead_id": "a"}]})
    world.find()
    send(world.client, asked("1"))
    world.find()
    world.clock.now = at(10) + 25 * US_PER_HOUR
    # Answered, while the re-scoring is behind.
    send(world.client, meeting("2", sent_as, kind="email_replied", when=10.5, direction="outbound"))
    behind = world.find(rescored=False)
    scored = world.find()
    # Asked again, and behind again: one interaction of no answer does not hide the wait.
    send(world.client, asked("3", when=11.01))
    world.find()
    world.clock.now = at(13)
    send(world.client, meeting("4", kind="page_view", when=12.9))

    assert (behind, scored) == ([], [])
    assert world.find(rescored=False) == []
    assert world.find() == [("all", "waiting", "a")]


def test_take_waiting__holds_who_was_scored_after_the_last_look(world: World) -> None:
    german(world)
    world.find()
    send(world.client, asked("1"))
    world.find()
    feed = world.client.server.store.read(read_feed)
    assert feed is not None
    world.clock.now = at(10) + 25 * US_PER_HOUR
    send(world.client, asked("2", direction="outbound", when=10.5))
    world.client.rescorer.catch_up()

    # The answer was scored between the look at new scores and that at who waits.
    late = world.client.server.store.read(
        lambda connection: read_waiting(connection, feed, before=at(10.1), limit=9)
    )

    assert late == []


def test_finder__tells_nothing_of_those_who_waited_for_long_when_it_began_or_the_limit_changed(
    world: World,
) -> None:
    german(world)
    german(world, "b")
    send(
        world.client,
        asked("1", when=5),
        meeting("2", "b", kind="email_replied", direction="inbound", when=9.5),
    )
    begun = world.find()
    world.config = _CONFIG.model_copy(update={"waiting_hours": 6.0})

    assert (begun, world.find()) == ([], [])
    assert [row["is_reported"] for row in world.rows(ALERT_LEADS)] == [True, True]


def test_finder__takes_the_bands_of_a_new_model_silently(world: World, tmp_path: Path) -> None:
    german(world)
    german(world, "b")
    world.find()
    # With it every lead is in band A.
    home_with(tmp_path / "home", small_bundle(average=0.0, version="2"))
    world.client.server.live.refresh()

    # Not all have its scores: nothing is told, and nothing is settled.
    assert world.find(rescored=False) == []
    assert world.find() == []
    assert [row["is_top"] for row in world.rows(ALERT_LEADS)] == [True, True]
    world.clock.now = at(11)
    put(world.client, attributes={"country": "FR"})
    assert world.find() == [("all", "left", "a")]


def test_finder__tells_nothing_of_an_erased_lead(world: World) -> None:
    german(world)
    world.find()
    world.hot()
    found = world.find()
    world.client.delete("/v1/leads/a")

    assert found == [("all", "entered", "a")]
    assert world.rows(ALERTS) == world.rows(ALERT_LEADS) == []


def test_finder__tells_of_new_lines_of_the_verdict(world: World) -> None:
    def advise(*evidence: Evidence) -> list[str]:
        """Leaves a verdict behind; gives what is told of it."""
        verdict = reach_verdict(evidence).to_json()
        write_latest(world.client.server.live.home, {"verdict": verdict})
        world.forget()
        world.find()
        return sorted(json.loads(row["event"])["data"]["text"] for row in world.rows(ALERTS))

    fell, fell_more = (Evidence("discrimination", auc, auc, auc, most=0.05) for auc in (0.07, 0.09))
    vanished = Evidence("vanished", 0.0, 0.0, 0.1, least=0.4, subject="interactions email_opened")

    assert advise(Evidence("discrimination", 0.01, 0.0, 0.02, most=0.05)) == []
    assert advise(fell) == [fell.sentence()]
    # The same with other numbers is no news; another line is, and an input that broke.
    assert advise(fell_more) == []
    assert advise(fell_more, vanished) == [vanished.sentence()]
    assert advise() == []
    assert advise(fell_more) == [fell_more.sentence()]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({}, "entered"),
        ({"held_out": True}, None),
        ({"set_aside_until": 20}, None),
        ({"set_aside_until": 10}, "entered"),
        ({"status": "failed", "band": None}, None),
        ({"priority": None, "status": "lost", "band": None}, None),
    ],
)
def test_transition_of__tells_nothing_of_who_is_not_to_be_called(
    columns: dict[str, Any], kind: str | None
) -> None:
    row = {"status": "scored", "priority": 0.5, "band": "A", "waiting_hours": None, "set_aside_until": None}

    assert transition_of(NOTHING, {**row, "held_out": False, **columns}, top="A", now=10).kind == kind
