"""The lists of the store, on both databases: leads to call first, new scores, quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from features.sources.connections import open_engine
from features.times import US_PER_HOUR, format_time
from serving.database.score_tables import CURRENT_SCORES, SCORES, declare_scores, score_rows
from serving.database.statements import replacing
from serving.database.writer import Receipt
from serving.http.cloud_events import score_event
from serving.http.openapi.list_answers import EventsAnswer, LeadsAnswer, QuarantineAnswer, ScoresAnswer
from serving.http.openapi.operation_answers import HealthAnswer
from serving.http.openapi.score_answers import LifeAnswer, StoreScoreAnswer
from serving.scoring.arrow_rows import SCORE_SCHEMA, score_table
from tests.serving.store.test_store import day, meeting, put, score, send, statuses, tell_at_random
from tests.support.builders import at, history, lead, touch
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, random_bundle, small_bundle
from tests.support.stores import HandClock, open_store
from tests.test_parity import CATEGORIES, FEATURES

COLUMNS = SCORE_SCHEMA.names


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    bundles = small_bundle(), small_bundle(version="2", average=-1.0)
    with client_of(home_with(tmp_path / "home", *bundles), clock=clock, database=database) as client:
        yield client


def catch_up(client: Client) -> None:
    client.rescorer.catch_up()


def listed(client: Client, **query: Any) -> Any:
    answer = client.get("/v1/leads", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer: Any) -> list[str]:
    return [row["lead_id"] for row in answer["leads"]]


def holds(schema: type[BaseModel], answer: Any) -> None:
    schema.model_validate_json(json.dumps(answer))


def tell_of_four(client: Client) -> None:
    """Log-odds: c -0.5, a -1.5, b and d -2.0; b waits since day 8, c since day 5."""
    put(client, "a", attributes={"country": "DE", "source": "web"})
    put(client, "b", account_id="Ünal", attributes={"source": "fair"})
    put(client, "c", attributes={"country": "DE", "name": "50%_Off"})
    put(client, "d")
    send(
        client,
        meeting("1", "c"),
        meeting("2", "c", kind="email_replied", direction="inbound"),
        meeting("3", "b", when=8, kind="page_view"),
        meeting("4", "b", when=8, kind="quote_requested"),
    )
    catch_up(client)


def test_leads__are_ranked_and_say_what_their_score_says(client: Client) -> None:
    tell_of_four(client)

    answer = listed(client)

    assert [(row["lead_id"], row["rank"]) for row in answer["leads"]] == [
        ("c", 1),
        ("a", 2),
        ("b", 3),
        ("d", 4),
    ]
    assert (answer["total"], answer["next_cursor"]) == (4, None)
    for row in answer["leads"]:
        own = score(client, row["lead_id"])
        assert {name: row[name] for name in COLUMNS if name != "rank"} == {
            name: own[name] for name in COLUMNS if name != "rank"
        }
    assert answer["leads"][1]["source"] == "web"
    holds(LeadsAnswer, answer)
    holds(StoreScoreAnswer, score(client, "a"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sort": "waiting"}, ["c", "b"]),
        ({"waiting": 0}, ["c", "b"]),
        ({"waiting": 48}, ["c", "b"]),
        ({"waiting": 48.01}, ["c"]),
        ({"stage": "hot,sql"}, ["c", "b"]),
        ({"stage": "cold"}, ["a", "d"]),
        ({"min_probability": 0.15}, ["c", "a"]),
        ({"source": "fair"}, ["b"]),
        ({"source": "web", "min_probability": 0.9}, []),
        ({"text": "üNAL"}, ["b"]),
        ({"text": "50%_o"}, ["c"]),
        ({"text": "5%"}, []),
        ({"text": "de"}, ["c", "a"]),
        ({"band": "A,B"}, []),
    ],
)
def test_leads__pass_filters(client: Client, query: dict[str, Any], expected: list[str]) -> None:
    tell_of_four(client)
    if "band" in query:
        query = {"band": ",".join(sorted({row["band"] for row in listed(client)["leads"]}))}
        expected = ["c", "a", "b", "d"]

    answer = listed(client, **query)

    assert (ids(answer), answer["total"]) == (expected, len(expected))


@pytest.mark.parametrize("sort", ["rank", "waiting"])
def test_leads__come_page_by_page_each_once(client: Client, sort: str) -> None:
    for number in range(7):
        put(client, f"lead {number}", attributes={"country": ["DE", "FR", "DE"][number % 3]})
    send(client, *(meeting(str(number), f"lead {number}", kind="page_view", when=4) for number in range(7)))
    catch_up(client)
    whole, pages, cursor = listed(client, sort=sort), [], {}

    while cursor is not None:
        page = listed(client, sort=sort, limit=2, **cursor)
        pages += [(row["lead_id"], row["rank"]) for row in page["leads"]]
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}

    assert pages == [(row["lead_id"], row["rank"]) for row in whole["leads"]]
    assert sorted(rank for _, rank in pages) == list(range(1, 8))


def test_rescorer__follows_what_changes(client: Client, clock: HandClock) -> None:
    tell_of_four(client)
    clock.now = at(10.125)
    send(client, meeting("5", "d"))
    outcome = {"lead_id": "a", "outcome": "lost", "occurred_at": day(5)}
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})
    client.delete("/v1/leads/c")
    catch_up(client)

    answer = listed(client)

    # Only the lead that changed is scored again; d has one meeting now: -1.
    assert [(row["lead_id"], row["as_of"]) for row in answer["leads"]] == [("d", day(10.125)), ("b", day(10))]
    assert client.rescorer.turn() == 0


def test_rescorer__scores_a_whole_account_where_the_model_reads_it(client: Client, clock: HandClock) -> None:
    put(client, "a", account_id="A")
    put(client, "b", account_id="A")
    catch_up(client)
    alone = listed(client)["leads"][0]["probability"]
    clock.now = at(11)
    send(client, meeting("1", "b", kind="page_view"))
    catch_up(client)
    with_other = {row["lead_id"]: row["probability"] for row in listed(client)["leads"]}
    clock.now = at(12)
    client.delete("/v1/leads/b")
    catch_up(client)
    after = listed(client)["leads"]

    assert with_other["a"] == with_other["b"] > alone
    assert [(row["lead_id"], row["probability"]) for row in after] == [("a", alone)]


def test_rescorer__renews_what_grew_old(client: Client, clock: HandClock) -> None:
    tell_of_four(client)
    clock.now += 6 * US_PER_HOUR
    assert client.rescorer.turn() == 0

    clock.now += 1
    catch_up(client)

    assert {row["as_of"] for row in listed(client)["leads"]} == {format_time(clock.now)}


def test_rescorer__follows_the_model(client: Client) -> None:
    tell_of_four(client)
    live = client.server.live
    live.home.swap_champion("2")
    live.refresh()
    mixed = client.get("/v1/health").json()["leads"]
    catch_up(client)

    answer = listed(client)

    assert mixed["of_another_version"] == 4
    assert {row["model_version"] for row in answer["leads"]} == {"2"}
    assert answer["leads"][3]["probability"] == score(client, "d")["probability"]


def test_rescorer__scores_each_lead_once_while_rows_are_written(client: Client, clock: HandClock) -> None:
    tell_of_four(client)
    live, rescorer = client.server.live, client.rescorer
    live.home.swap_champion("2")
    live.refresh()

    taken = [rescorer.turn()]
    clock.now = at(10.125)
    # Its row of the other version may not be written yet.
    send(client, meeting("5", "d"))
    taken += [rescorer.turn(), rescorer.turn()]

    assert taken == [4, 1, 0]
    assert log_of(client, "d") == score(client, "d")["probability"]
    assert rescorer.leads_pending() == 0


def test_rescorer__goes_on_where_another_stopped(client: Client, database: str, tmp_path: Path) -> None:
    put(client, "a")
    catch_up(client)
    put(client, "b")
    send(client, meeting("1", "a"))
    home = home_with(tmp_path / "other", small_bundle())
    with client_of(home, clock=client.server.clock, database=database) as other:
        client.server.store.close()
        catch_up(other)

        assert ids(listed(other)) == ["a", "b"]
        assert log_of(other, "a") == score(other, "a")["probability"]


def log_of(client: Client, lead_id: str) -> Any:
    return next(row["probability"] for row in listed(client)["leads"] if row["lead_id"] == lead_id)


def test_rescorer__leaves_a_lead_that_cannot_be_scored_last_in_the_list(client: Client) -> None:
    put(client, "a", attributes={"country": "XX"})
    put(client, "b")
    catch_up(client)

    answer = listed(client)

    assert [(row["lead_id"], row["status"], row["probability"] is None) for row in answer["leads"]] == [
        ("b", "scored", False),
        ("a", "failed", True),
    ]


def test_rescorer__writes_nothing_of_a_lead_that_was_erased_meanwhile(client: Client, database: str) -> None:
    put(client, "secret")
    rescorer = client.rescorer
    taken = rescorer._take
    rescorer._take = lambda *given: erase_after(client, taken(*given))

    catch_up(client)

    assert listed(client)["total"] == 0
    engine = open_engine(database)
    with engine.connect() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(CURRENT_SCORES))
    engine.dispose()
    assert count == 0


def erase_after(client: Client, taken: list[str]) -> list[str]:
    if taken:
        client.server.store.erase_lead("secret").result()
    return taken


def test_leads__with_everything_in_them_agree_with_their_scores(
    database: str, tmp_path: Path, clock: HandClock
) -> None:
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    names = [f"lead {number}" for number in range(20)]
    with client_of(home, clock=clock, database=database) as client:
        for as_of in (20, 30):
            clock.now = at(as_of)
            tell_at_random(client, names, np.random.default_rng(as_of))
            catch_up(client)
        rows = {row["lead_id"]: row["probability"] for row in listed(client)["leads"]}
        scores = {name: score(client, name) for name in names}

    open_leads = {name: row["probability"] for name, row in scores.items() if row["status"] == "scored"}
    assert rows == open_leads
    assert len(rows) > 10


def test_scores__are_listed_since_a_moment(client: Client, clock: HandClock) -> None:
    tell_of_four(client)
    first = client.get("/v1/scores", params={"updated_since": day(0)}).json()
    clock.now = at(10.125)
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": day(5)}
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})
    catch_up(client)

    same = client.get("/v1/scores", params={"updated_since": first["updated_until"]}).json()
    new = client.get("/v1/scores", params={"updated_since": day(10.1)}).json()
    none = client.get("/v1/scores", params={"updated_since": day(12)}).json()

    assert [row["lead_id"] for row in first["scores"]] == ["a", "b", "c", "d"]
    assert [row["lead_id"] for row in same["scores"]] == ["b", "c", "d", "a"]
    assert [row["scored_at"] for row in same["scores"]] == sorted(row["scored_at"] for row in same["scores"])
    assert [(row["lead_id"], row["status"], row["probability"]) for row in new["scores"]] == [
        ("a", "converted", None)
    ]
    assert (none["scores"], none["updated_until"]) == ([], day(12))
    holds(ScoresAnswer, first)


def feed(client: Client, **query: object) -> tuple[list[str], str]:
    """Leads of all pages, and where to go on."""
    leads: list[str] = []
    while True:
        page = client.get("/v1/scores", params={"limit": 2, **query}).json()
        holds(ScoresAnswer, page)
        leads += [row["lead_id"] for row in page["scores"]]
        if page["next_cursor"] is None:
            return leads, page["resume_cursor"]
        assert page["resume_cursor"] is None
        query["cursor"] = page["next_cursor"]


def test_scores__since_a_cursor_skip_nothing_when_a_clock_goes_back(client: Client, clock: HandClock) -> None:
    tell_of_four(client)
    first, resume = feed(client, updated_since=day(0))
    nothing, again = feed(client, cursor=resume)
    clock.now = at(9)
    client.put("/v1/leads/e", json={"created_at": day(1)})
    catch_up(client)

    by_cursor, resume = feed(client, cursor=again)
    by_time, _ = feed(client, updated_since=day(10))

    assert (sorted(first), nothing) == (["a", "b", "c", "d"], [])
    assert "e" in by_cursor
    assert "e" not in by_time
    assert feed(client, cursor=resume)[0] == []


def test_scores__since_a_cursor_have_a_night_that_ended_after_a_later_one(
    client: Client, database: str
) -> None:
    def write(scores: list[dict[str, Any]]) -> None:
        def job(connection: sa.Connection, receipt: Receipt) -> None:
            connection.execute(replacing(connection, SCORES), written(receipt.sequence, scores))

        client.server.store.write(job).result()

    write(nightly_rows(client, at(21)))
    _, resume = feed(client, feed="night", updated_since=day(20))
    # Made before, and written after.
    write(nightly_rows(client, at(20)))

    late, resume = feed(client, feed="night", cursor=resume)

    assert late == ["a", "b", "c"]
    assert feed(client, feed="night", cursor=resume)[0] == []


def test_lists__say_what_a_lead_lacked_as_its_own_score_does(client: Client) -> None:
    put(client, "a", attributes={"country": "DE", "has_budget": "perhaps"}, account_id="acme")
    put(client, "b", attributes={"country": "DE", "has_budget": True}, account_id="acme")
    catch_up(client)

    scores = client.get("/v1/scores", params={"updated_since": day(0)}).json()["scores"]

    note = "The attribute has_budget is neither true nor false, so it counts as missing."
    expected = {"a": [note], "b": []}
    for rows in (listed(client)["leads"], scores, [score(client, name) for name in "ab"]):
        assert {row["lead_id"]: row["notes"] for row in rows} == expected


def test_score_events__are_the_scores_with_an_id_that_stays(client: Client) -> None:
    for name in "abc":
        put(client, name)
    catch_up(client)
    query = {"updated_since": day(0), "limit": 2}
    scores = client.get("/v1/scores", params=query).json()

    answer = client.get("/v1/scores/events", params=query).json()

    holds(EventsAnswer, answer)
    assert [event["data"] for event in answer["events"]] == scores["scores"]
    assert answer["next_cursor"] == scores["next_cursor"]
    assert [event["subject"] for event in answer["events"]] == [row["lead_id"] for row in scores["scores"]]
    assert len({event["id"] for event in answer["events"]}) == 2
    # Sent again, a receiver knows them; scored anew, they are other events.
    again = client.get("/v1/scores/events", params=query).json()
    assert again["events"] == answer["events"]
    changed = {**answer["events"][0]["data"], "scored_at": day(12)}
    assert score_event(changed)["id"] != answer["events"][0]["id"]


def nightly_rows(client: Client, as_of: int) -> list[dict[str, Any]]:
    predictor = client.server.live.predictor
    leads = history([lead(name, 1) for name in "abc"], [touch("a", "meeting_held", 5)])
    scores = predictor.score(leads, np.arange(3), as_of)
    return score_rows(score_table(predictor, scores, pa.array(["a", "b", "c"]), scored_at=as_of + 5))


def written(sequence: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "written": sequence} for row in rows]


def test_scores__of_the_night_are_those_that_were_written(client: Client, database: str) -> None:
    rows = nightly_rows(client, at(20))
    engine = open_engine(database)
    with engine.begin() as connection:
        for _ in range(2):
            connection.execute(replacing(connection, SCORES), written(1, rows))
        connection.execute(replacing(connection, SCORES), written(2, nightly_rows(client, at(21))))
    engine.dispose()
    query, read = {"updated_since": day(20), "feed": "night", "limit": 2}, []

    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = client.get("/v1/scores", params={**query, **cursor}).json()
        holds(ScoresAnswer, page)
        read += [(row["lead_id"], row["as_of"], row["probability"]) for row in page["scores"]]
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}

    expected = [(row["lead_id"], day(20), row["probability"]) for row in rows]
    assert read[:3] == expected
    assert [(name, as_of) for name, as_of, _ in read[3:]] == [(name, day(21)) for name in "abc"]


def test_store__takes_over_scores_that_a_night_wrote_before_it(database: str, clock: HandClock) -> None:
    engine = open_engine(database)
    metadata = sa.MetaData()
    declare_scores(metadata)
    metadata.create_all(engine)
    engine.dispose()

    open_store(database, clock=clock).close()


def test_quarantine__shows_what_was_held_and_why(client: Client, clock: HandClock) -> None:
    put(client)
    send(client, meeting("1"), meeting("1", value=3), meeting("2"))
    clock.now = at(11)
    send(client, meeting("2", "b", room="x"))

    first = client.get("/v1/quarantine", params={"limit": 1}).json()
    second = client.get("/v1/quarantine", params={"limit": 1, "cursor": first["next_cursor"]}).json()

    (newest,), (oldest,) = first["items"], second["items"]
    assert (newest["sent"], newest["received_at"]) == (meeting("2", "b", room="x"), day(11))
    assert (oldest["sent"]["value"], oldest["source"], oldest["item"]) == (3, "crm", "interactions")
    assert "another content" in oldest["reason"]
    assert second["next_cursor"] is None
    holds(QuarantineAnswer, first)


def test_health__counts_everything_that_was_received(client: Client, database: str) -> None:
    put(client)
    send(client, meeting("1"), meeting("1"), meeting("1", value=3), meeting("2"), 7, meeting("3", kind=""))
    outcome = {"lead_id": "a", "outcome": "lost", "occurred_at": day(5)}
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome, outcome, {}]})
    identify = {"type": "identify", "userId": "a", "traits": {"size": 5}, "timestamp": day(2)}
    track = {"type": "track", "event": "Demo", "messageId": "m", "userId": "a", "timestamp": day(2)}
    sent = client.post(
        "/v1/interactions", json={"batch": [identify, identify, track, {"type": "track"}]}
    ).json()
    assert statuses(sent, "batch") == ["stored", "duplicate", "stored", "refused"]
    client.server.store.close()

    with client_of(home_of(client), clock=client.server.clock, database=database) as other:
        health = other.get("/v1/health").json()

    interactions, outcomes = health["ingestion"]["interactions"], health["ingestion"]["outcomes"]
    assert interactions == {"received": 10, "stored": 4, "duplicate": 2, "quarantined": 1, "refused": 3}
    assert outcomes == {"received": 3, "stored": 1, "duplicate": 1, "quarantined": 0, "refused": 1}
    for counts in (interactions, outcomes):
        assert counts["received"] == sum(counts.values()) / 2
    assert sum(health["quarantine"].values()) == 1
    assert health["leads"]["not_yet_scored"] == 1
    # The model was made on day 0, and it is day 10.
    assert (health["model"]["age_days"], health["model"]["observed_age_days"]) == (10, 10)
    holds(HealthAnswer, health)


def home_of(client: Client) -> Any:
    return client.server.live.home


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("leads?limit=0", "greater_than_equal"),
        ("leads?limit=201", "less_than_equal"),
        ("leads?sort=name", "literal_error"),
        ("leads?stage=warm", "literal_error"),
        ("leads?waiting=-1", "greater_than_equal"),
        ("leads?min_probability=2", "less_than_equal"),
        ("leads?text=", "string_too_short"),
        ("leads?text=%00", "no_nul"),
        ("leads?band=A,%00", "no_nul"),
        ("leads?other=1", "extra_forbidden"),
        ("leads?cursor=x", "cursor"),
        ("leads?cursor=é", "cursor"),
        ("leads?cursor=W10", "cursor"),
        ("leads?cursor=" + "x" * 5000, "string_too_long"),
        ("scores", "since_or_cursor"),
        ("scores?updated_since=2026-01-01", "time"),
        ("scores?updated_since=2026-01-01T00:00:00Z&feed=x", "literal_error"),
        ("quarantine?cursor=WzUwLDAuMjUsImEiXQ", "cursor"),
        ("leads/a/life?reasons=3", "extra_forbidden"),
        ("leads/a/life?horizon_days=31", "horizon_too_long"),
        ("leads/a/life?as_of=2020-01-01T00:00:00Z", "not_before_created_at"),
    ],
)
def test_lists__refuse_a_query_by_rule(client: Client, path: str, rule: str) -> None:
    put(client)

    answer = client.get(f"/v1/{path}")

    assert answer.status_code == 422
    assert rule in {fault["rule"] for fault in answer.json()["errors"]}


def test_life__is_the_score_of_every_moment(client: Client, clock: HandClock) -> None:
    put(client, attributes={"country": "DE"})
    clock.now = at(12)
    send(client, meeting("1"), meeting("2", when=11.5))
    clock.now = at(12.5)
    put(client, attributes={"country": "FR"})
    clock.now = at(13.25)
    put(client, attributes={"has_budget": True})
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": day(13)}
    clock.now = at(14)
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})
    clock.now = at(15.5)

    life = client.get("/v1/leads/a/life").json()

    moments = [point["as_of"] for point in life["points"]]
    assert moments == sorted(moments)
    assert {day(when) for when in (1, 10, 12, 12.5, 13.25, 14, 15.5)} <= {*moments}
    # A line between the points jumps when the probability did.
    assert {format_time(at(when) - 1) for when in (12, 12.5, 13.25, 14)} <= {*moments}
    for point in life["points"]:
        then = score(client, as_of=point["as_of"])
        assert point == {name: then[name] for name in point}
    assert life["points"][-1]["status"] == "converted"
    assert len({point["probability"] for point in life["points"]}) == 6
    holds(LifeAnswer, life)


def test_life__of_a_model_with_everything_in_it(database: str, tmp_path: Path, clock: HandClock) -> None:
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    with client_of(home, clock=clock, database=database) as client:
        for as_of in (20, 25, 30):
            clock.now = at(as_of)
            tell_at_random(client, ["x", "a", "b"], np.random.default_rng(as_of))
        for name in ("a", "b", "x"):
            points = client.get(f"/v1/leads/{name}/life?horizon_days=12").json()["points"]
            for point in points:
                then = score(client, name, as_of=point["as_of"], horizon_days=12)

                assert point == {column: then[column] for column in point}


def test_life__of_many_moments_leaves_moments_out(client: Client, clock: HandClock) -> None:
    put(client)
    for number in range(30):
        clock.now = at(20 + number)
        send(client, *(meeting(f"{number} {part}", when=19) for part in range(20)))
    for number in range(600):
        clock.now = at(60) + number
        client.server.store.add_interactions("s", [meeting(str(number))]).result()
    clock.now = at(61)

    life = client.get("/v1/leads/a/life").json()

    assert len(life["points"]) == 500
    assert life["moments_left_out"] > 100
    assert (life["points"][0]["as_of"], life["points"][-1]["as_of"]) == (day(1), day(61))


def test_life__has_any_id(client: Client) -> None:
    put(client, quote("x/life", safe=""))

    assert client.get("/v1/leads/x%2Flife").json()["lead_id"] == "x/life"
    assert client.get("/v1/leads/x%2Flife/life").json()["points"]
    assert client.get("/v1/leads/nobody/life").status_code == 404
