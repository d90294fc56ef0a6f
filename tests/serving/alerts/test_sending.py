"""Messages on their way: taken once, kept while a hook is away, given up in the end."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from features.times import US_PER_HOUR, US_PER_SECOND
from serving.alerts import queue
from serving.alerts.config import HookConfig, HookTarget
from serving.alerts.events import message_event
from serving.alerts.queue import NewAlert, add_alerts, give_up, retry_alerts
from serving.alerts.sending import HookSender
from serving.database.schema import ALERT_HOOKS, ALERTS
from serving.store.retention import delete_alerts
from serving.store.store import Store
from tests.support.builders import at
from tests.support.crm.hook_receiver import KEY, HookReceiver
from tests.support.crm.server import CUT_AFTER, CUT_BEFORE, Failure
from tests.support.stores import HandClock, open_store

Rows = list[dict[str, object]]


@dataclass
class World:
    """A store with messages, and a hook that takes them."""

    store: Store
    clock: HandClock
    receiver: HookReceiver
    senders: dict[str, HookSender] = field(default_factory=dict)

    def add(self, count: int, *hooks: str) -> None:
        alerts = [
            NewAlert("entered", str(place), message_event(str(place), now=at(1)), hooks or ("crm",))
            for place in range(count)
        ]
        expires_at = self.clock.now + US_PER_HOUR
        self.store.write(
            lambda connection, receipt: add_alerts(connection, alerts, now=receipt.at, expires_at=expires_at)
        ).result()

    def send(self, hook: str = "crm", *, url: str = "") -> float:
        """Sends what is due; the seconds after which to go on."""
        if hook not in self.senders:
            target = HookTarget(url or f"{self.receiver.url}/hush", (KEY,))
            self.senders[hook] = HookSender(self.store, hook, HookConfig(), target, clock=self.clock)
        return self.senders[hook].send_due(threading.Event())

    def rows(self, table: sa.Table = ALERTS) -> Rows:
        select = sa.select(table)
        return self.store.read(
            lambda connection: [dict(row) for row in connection.execute(select).mappings()]
        )


@pytest.fixture
def world(database: str, clock: HandClock) -> Iterator[World]:
    store = open_store(database, clock=clock)
    with HookReceiver(records={}) as receiver:
        own = World(store, clock, receiver)
        yield own
        for sender in own.senders.values():
            sender.close()
    store.close()


def test_sender__sends_what_is_due_signed_and_forgets_what_was_taken(world: World) -> None:
    world.add(30)

    while world.rows():
        world.send()

    assert {event["data"]["title"] for event in world.receiver.events.values()} == {
        f"A test of the hook {place}" for place in range(30)
    }
    assert len(world.receiver.calls) == 30
    assert {call.headers["content-type"] for call in world.receiver.calls} == {"application/json"}
    # By the clock of the server.
    times = {call.headers["webhook-timestamp"] for call in world.receiver.calls}
    assert times == {str(at(10) // US_PER_SECOND)}
    assert world.rows(ALERT_HOOKS) == [{"hook": "crm", "delivered": 30, "delivered_at": at(10)}]


@pytest.mark.parametrize(
    "failure", [CUT_BEFORE, CUT_AFTER, (503, {}), (429, {}), (400, {}), (302, {"Location": "/"})]
)
def test_sender__sends_again_later_with_the_same_id(failure: Failure, world: World) -> None:
    world.receiver.failures = {0: failure, 1: failure}
    world.add(1)
    waits = []

    for _ in range(2):
        world.send()
        (row,) = world.rows()
        waits.append((int(str(row["next_at"])) - world.clock.now) / US_PER_SECOND)
        world.clock.now = int(str(row["next_at"]))
    world.send()

    assert world.rows() == []
    assert len({call.headers["webhook-id"] for call in world.receiver.calls}) == 1
    assert len(world.receiver.calls) == 3
    # A second and two, less up to half of it at random.
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_sender__heeds_how_long_a_hook_asks_to_wait(world: World) -> None:
    world.receiver.failures = {0: (429, {"Retry-After": "120"})}
    world.add(2)

    assert world.send() == 120
    # The second message is not even tried.
    assert len(world.receiver.calls) == 1
    assert sorted(str(row["attempts"]) for row in world.rows()) == ["0", "1"]


def test_sender__goes_on_with_others_where_a_hook_refuses_one(world: World) -> None:
    world.receiver.failures = {0: (400, {})}
    world.add(3)

    world.send()

    (left,) = world.rows()
    assert (left["attempts"], left["fault"]) == (1, "it answered 400")


def test_sender__of_one_hook_waits_for_no_other(world: World) -> None:
    world.add(1, "dead", "crm")

    assert world.send("dead", url="http://127.0.0.1:9/") > 0
    world.send("crm")

    assert [row["hook"] for row in world.rows()] == ["dead"]
    assert len(world.receiver.calls) == 1


def test_sender__tells_its_address_to_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.receiver.failures = {0: (404, {}), 1: CUT_BEFORE}
    world.add(2)

    world.send()
    world.clock.now += US_PER_HOUR
    world.send()

    assert "hush" not in caplog.text
    assert "hush" not in json.dumps([row["fault"] for row in world.rows()])


def test_give_up__keeps_what_was_not_taken_in_time_until_it_is_retried(world: World) -> None:
    world.add(2)
    ids = {str(row["alert_id"]) for row in world.rows()}
    write = world.store.write
    world.clock.now += US_PER_HOUR

    given_up = write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()
    world.send()
    unsent = len(world.receiver.calls)
    expires_at = world.clock.now + US_PER_HOUR
    retried = write(
        lambda connection, receipt: retry_alerts(
            connection, now=receipt.at, expires_at=expires_at, hook="crm", alert_id=None
        )
    ).result()
    world.send()

    assert (given_up, unsent, retried) == ({"crm": 2}, 0, 2)
    assert {call.headers["webhook-id"] for call in world.receiver.calls} == ids
    assert world.rows() == []


def test_add_alerts__gives_up_what_is_too_much_for_a_hook(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_PENDING", 3)
    world.add(2)
    world.add(2)

    assert [row["next_at"] is None for row in world.rows()].count(True) == 1


def test_delete_alerts__forgets_what_is_older_than_its_time(world: World) -> None:
    world.add(2)
    world.clock.now += US_PER_HOUR
    world.add(1, "other")

    before = world.clock.now - US_PER_HOUR // 2
    deleted = world.store.write(lambda connection, _: delete_alerts(connection, before)).result()

    assert (deleted, [row["hook"] for row in world.rows()]) == (2, ["other"])


def test_give_up__keeps_the_newest_of_what_was_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_GIVEN_UP", 2)
    for _ in range(4):
        world.add(1, "crm", "other")
        world.clock.now += US_PER_SECOND
    newest = world.clock.now - 2 * US_PER_SECOND
    # One of the other hook still waits, and counts for nothing.
    retried = {"now": newest, "expires_at": newest + 9 * US_PER_HOUR, "hook": "other", "alert_id": None}
    world.clock.now += US_PER_HOUR

    write = world.store.write
    given_up = write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()
    write(lambda connection, _: retry_alerts(connection, **retried)).result()
    world.add(1, "other")
    write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()

    assert given_up == {"crm": 4, "other": 4}
    assert sorted(int(str(row["found_at"])) for row in world.rows() if row["hook"] == "crm") == [
        newest,
        newest + US_PER_SECOND,
    ]
    assert [row["next_at"] is None for row in world.rows() if row["hook"] == "other"] == [False] * 3
