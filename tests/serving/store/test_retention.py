"""What is older than its time goes in small steps; what a score since then depends on stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.service_tables import ATTRIBUTE_CHANGES
from features.times import US_PER_DAY
from serving.clock import id_of_moment, new_id
from serving.database.schema import ACCOUNT_CHANGES, IDENTIFY_MESSAGES, QUARANTINE
from serving.database.score_tables import AUDIT, SCORES
from serving.store import retention
from serving.store.retention import KeptDays, Retention
from tests.serving.store.test_lists import nightly_rows, written
from tests.serving.store.test_store import day, meeting, put, score, send
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    with client_of(home_with(tmp_path / "home", small_bundle()), clock=clock, database=database) as client:
        yield client


def count(client: Client, table: sa.Table) -> int:
    counting = sa.select(sa.func.count()).select_from(table)
    return client.server.store.read(lambda connection: connection.execute(counting).scalar_one())


def swept(client: Client, clock: HandClock, **days: float) -> int:
    """Deletes all that is due; returns the number of steps."""
    nothing = dict.fromkeys((field.name for field in fields(KeptDays)), 0.0)
    kept = KeptDays(**{**nothing, **days})
    own = Retention(client.server.store, kept, clock=clock)
    steps = 1
    while own.step():
        steps += 1
    return steps


def test_retention__deletes_what_is_older_than_its_time_and_nothing_else(
    client: Client, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS", 2)
    put(client)
    for number in range(5):
        clock.now = at(10 + number)
        send(client, meeting(str(number)), meeting(str(number), value=3))
    nights = [row for number in range(2) for row in nightly_rows(client, at(20 + number))]
    client.server.store.write(
        lambda connection, receipt: connection.execute(sa.insert(SCORES), written(receipt.sequence, nights))
    ).result()
    clock.now = at(100)

    for_ever = swept(client, clock)
    before = count(client, QUARANTINE), count(client, SCORES)
    # Items of days 10 and 11, and the night of day 20.
    steps = swept(client, clock, quarantine=88.5, night_scores=79.5)

    assert (for_ever, before) == (1, (5, 6))
    assert (count(client, QUARANTINE), count(client, SCORES)) == (3, 3)
    # Never more than two rows at once.
    assert steps == 3
    assert client.get("/v1/leads/a").json()["interactions"] != []


def test_retention__forgets_the_ids_of_old_messages_and_what_they_said_stays(
    client: Client, clock: HandClock
) -> None:
    traits = {"country": "DE", "createdAt": "2026-01-01T00:00:00Z"}
    message = {"type": "identify", "userId": "a", "traits": traits, "timestamp": "2026-01-01T00:00:00Z"}
    for day_of, id_ in ((10, "1"), (50, "2")):
        clock.now = at(day_of)
        assert client.post("/v1/interactions", json={**message, "messageId": id_}).status_code == 200
    clock.now = at(60)

    swept(client, clock, messages=30)

    assert count(client, IDENTIFY_MESSAGES) == 1
    again = client.post("/v1/interactions", json={**message, "messageId": "1"}).json()
    assert [item["status"] for item in again["batch"]] == ["duplicate"]
    assert client.get("/v1/leads/a").json()["attributes"] == {"country": "DE"}


def test_retention__keeps_the_records_of_scores_that_are_young(client: Client, clock: HandClock) -> None:
    put(client)
    young = score(client)["score_id"]
    client.server.store.audit.flush()
    old = id_of_moment(at(0)) + young[12:]

    def copy(connection: sa.Connection, receipt: object) -> None:
        row = dict(connection.execute(sa.select(AUDIT)).mappings().one())
        connection.execute(sa.insert(AUDIT), {**row, "score_id": old})

    client.server.store.write(copy).result()
    clock.now = int(young[:12], 16) * 1000
    swept(client, clock, audit=30)

    kept = client.server.store.read(lambda connection: [*connection.scalars(sa.select(AUDIT.c.score_id))])
    assert kept == [young]


def test_retention__keeps_what_was_known_since_its_moment(
    client: Client, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_LEADS", 2)
    for number in range(5):
        clock.now = at(10 + 10 * number)
        for lead_id in "abc":
            put(client, lead_id, attributes={"country": "DE" if number % 2 else "FR", "has_budget": True})
    clock.now = at(60)
    moments: list[Any] = [day(when) for when in (30, 35, 40, 45, 50, 59)]
    before = [score(client, as_of=moment)["probability"] for moment in moments]

    steps = swept(client, clock, changes=30)

    # Of country the values of days 10 and 20 are gone; has_budget never changed.
    assert count(client, ATTRIBUTE_CHANGES) == 3 * (3 + 1)
    assert [score(client, as_of=moment)["probability"] for moment in moments] == before
    assert steps == 2


def test_retention__keeps_the_accounts_that_recorded_scores_need(client: Client, clock: HandClock) -> None:
    for lead_id in "ab":
        put(client, lead_id, account_id="first")
    put(client, account_id="second")
    score(client)
    client.server.store.audit.flush()
    put(client, account_id="third")

    swept(client, clock, changes=30)

    rows = sa.select(ACCOUNT_CHANGES.c.lead_id, ACCOUNT_CHANGES.c.account_id).order_by(*ACCOUNT_CHANGES.c)
    kept = client.server.store.read(lambda connection: [tuple(row) for row in connection.execute(rows)])
    assert kept == [("a", "second"), ("a", "third"), ("b", "first")]


def test_id_of_moment__is_where_ids_of_then_begin() -> None:
    now = new_id()

    assert id_of_moment(int(now[:12], 16) * 1000) <= now < id_of_moment(int(now[:12], 16) * 1000 + US_PER_DAY)
