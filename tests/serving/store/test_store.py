"""The store keeps what is sent exactly once and for ever, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.checks.checked_history import read_history
from features.sources.connections import open_engine
from features.times import US_PER_SECOND, format_time
from serving.batch.run import score_history
from serving.clock import AHEAD_US, SteadyClock
from serving.database.engine import OldSqliteError, check_sqlite_version
from serving.database.preparation import ForeignDatabaseError, StoreVersionError
from serving.database.schema import STORE
from serving.errors import StoreAwayError
from serving.store.store import DatabaseError
from tests.support.builders import START, at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, random_bundle, small_bundle
from tests.support.stores import HandClock, new_database, open_store
from tests.test_parity import CATEGORIES, FEATURES, KINDS

COUNTS = ("received", "stored", "duplicate", "quarantined", "refused")


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=clock, database=database) as client:
        yield client


def day(when: float) -> str:
    return format_time(at(when))


def meeting(interaction_id: str = "1", lead_id: str = "a", when: float = 5, **columns: Any) -> dict[str, Any]:
    own = {
        "interaction_id": interaction_id,
        "lead_id": lead_id,
        "kind": "meeting_held",
        "occurred_at": day(when),
    }
    return {**own, **columns}


def put(client: Client, lead_id: str = "a", **fields: Any) -> Any:
    return client.put(f"/v1/leads/{lead_id}", json={"created_at": day(1), **fields})


def send(client: Client, *items: Any, source: str = "crm") -> Any:
    answer = client.post("/v1/interactions", json={"source": source, "interactions": items})
    assert answer.status_code == 200, answer.text
    return answer.json()


def statuses(answer: Any, name: str = "interactions") -> list[str]:
    assert answer["received"] == len(answer[name]) == sum(answer[count] for count in COUNTS[1:])
    return [item["status"] for item in answer[name]]


def score(client: Client, lead_id: str = "a", **query: Any) -> Any:
    return client.get(f"/v1/leads/{lead_id}/score", params=query).json()


def log_odds(answer: Any) -> float:
    odds = answer["probability"] / (1 - answer["probability"])
    return round(float(np.log(odds)), 9)


def test_score__reflects_a_write_at_once(client: Client) -> None:
    put(client, attributes={"country": "DE"})
    before = score(client)
    send(client, meeting())

    after = score(client)

    # -2 + DE 0.5, then one meeting 1
    assert (log_odds(before), log_odds(after)) == (-1.5, -0.5)
    assert after["as_of"] == day(10)


def test_score__of_the_past_knows_what_was_known_then(client: Client, clock: HandClock) -> None:
    put(client, attributes={"country": "DE"})
    clock.now = at(12)
    put(client, attributes={"country": "FR", "has_budget": True})
    send(client, meeting(when=5))
    clock.now = at(20)

    by_moment = {when: log_odds(score(client, as_of=day(when))) for when in (9, 10, 11.999, 12, 20)}

    # Known from their receipt: DE 0.5 on day 10; FR -0.5, a budget 0.25 and a meeting 1 on day 12.
    assert by_moment == {9: -2.0, 10: -1.5, 11.999: -1.5, 12: -1.25, 20: -1.25}


def test_score__counts_the_whole_account(client: Client) -> None:
    put(client, account_id="A")
    put(client, "b", account_id="A")
    alone = score(client)
    send(client, meeting("1", "b"))

    # One interaction of the account 0.125
    assert (log_odds(alone), log_odds(score(client))) == (-2.0, -1.875)


def test_score__of_a_lead_with_an_outcome_has_no_numbers(client: Client, clock: HandClock) -> None:
    put(client)
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": day(4), "amount": 7}
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})

    now, before = score(client), score(client, as_of=day(9.5))

    assert (now["status"], now["probability"], before["status"]) == ("converted", None, "scored")


def test_score__of_a_moment_a_little_ahead_is_given(client: Client, clock: HandClock) -> None:
    put(client)

    soon, later = (
        client.get("/v1/leads/a/score", params={"as_of": format_time(clock.now + ahead)})
        for ahead in (AHEAD_US, AHEAD_US + 1)
    )

    assert (soon.status_code, later.status_code) == (200, 422)
    assert later.json()["errors"][0]["path"] == "?as_of"


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"as_of": "2026-01-05"}, "time"),
        ({"as_of": format_time(START)}, "not_before_created_at"),
        ({"as_of": "2150-01-01T00:00:00Z"}, "not_ahead"),
        ({"horizon_days": "31"}, "horizon_too_long"),
        ({"horizon_days": "0"}, "greater_than"),
        ({"horizon_days": "nan"}, "finite_number"),
        ({"horizon_days": "1e999"}, "finite_number"),
        ({"reasons": "-1"}, "int_type"),
        ({"other": "1"}, "extra_forbidden"),
        ({"reasons": ["1", "2"]}, "duplicate_key"),
    ],
)
def test_score__refuses_a_query_by_rule(client: Client, query: dict[str, Any], rule: str) -> None:
    put(client)

    answer = client.get("/v1/leads/a/score", params=query)

    assert answer.status_code == 422
    assert rule in {fault["rule"] for fault in answer.json()["errors"]}


def test_add_interactions__stores_each_once_for_ever(client: Client, clock: HandClock) -> None:
    put(client)

    first = send(client, meeting("1"), meeting("2"), meeting("1"), meeting("2", value=3))
    clock.now = at(400)
    again = send(client, meeting("1", available_at=day(9), channel=""), meeting("1", when=6), meeting("3"))
    other = send(client, meeting("1"), source="shop")

    assert statuses(first) == ["stored", "stored", "duplicate", "quarantined"]
    assert statuses(again) == ["duplicate", "quarantined", "stored"]
    assert statuses(other) == ["stored"]
    stored = client.get("/v1/leads/a?interactions=100").json()["interactions"]
    assert sorted((row["source"], row["interaction_id"]) for row in stored) == [
        ("crm", "1"),
        ("crm", "2"),
        ("crm", "3"),
        ("shop", "1"),
    ]


def test_add_interactions__compares_instants_not_their_spelling(client: Client) -> None:
    send(client, meeting("1", room={"floor": 2, "name": "x"}))

    again = send(
        client, meeting("1", occurred_at="2026-01-06T01:00:00+01:00", room={"name": "x", "floor": 2})
    )

    assert statuses(again) == ["duplicate"]


def test_add_interactions__judges_each_item_by_itself(client: Client) -> None:
    bad = [
        7,
        None,
        {},
        meeting(kind=""),
        meeting(occurred_at="today"),
        meeting(value="x"),
        meeting("x" * 401),
    ]

    answer = send(client, *bad, meeting("sound"))

    assert statuses(answer) == ["refused"] * len(bad) + ["stored"]
    assert answer["interactions"][3]["errors"][0]["path"] == "/interactions/3/kind"


@pytest.mark.parametrize(("ahead", "status"), [(300, "stored"), (300.000001, "refused")])
def test_add_interactions__lets_a_clock_be_five_minutes_ahead(
    client: Client, clock: HandClock, ahead: float, status: str
) -> None:
    moment = format_time(clock.now + round(ahead * US_PER_SECOND))

    answer = send(client, meeting(occurred_at=moment))

    assert statuses(answer) == [status]


def test_add_interactions__keeps_those_of_a_lead_that_comes_later(client: Client) -> None:
    send(client, meeting())
    unknown = client.get("/v1/leads/a/score")
    put(client)

    assert unknown.status_code == 404
    assert log_odds(score(client)) == -1.0


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"source": "", "interactions": []},
        {"source": "s" * 101, "interactions": []},
        {"source": "crm", "interactions": {}},
        {"source": "crm", "interactions": [], "more": 1},
        {"source": "crm", "interactions": [None] * 1001},
    ],
)
def test_add_interactions__refuses_another_envelope(client: Client, body: Any) -> None:
    assert client.post("/v1/interactions", json=body).status_code == 422


def test_add_interactions__takes_a_thousand_at_once(client: Client) -> None:
    answer = send(client, *(meeting(str(number)) for number in range(1000)))

    assert answer["stored"] == 1000


def test_add_interactions__takes_whatever_json_can_nest(client: Client) -> None:
    for depth in (50, 500, 900, 990):
        nested: Any = "x"
        body = b'{"source":"crm","interactions":[{"interaction_id":"%d","lead_id":"a","kind":"k",' % depth
        nested = b'"occurred_at":"2026-01-05T00:00:00Z","deep":' + b"[" * depth + b"]" * depth + b"}]}"

        answer = client.post(
            "/v1/interactions", content=body + nested, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code in (200, 400)


def test_add_outcomes__a_lead_may_be_reopened_and_an_outcome_corrected(
    client: Client, clock: HandClock
) -> None:
    put(client, created_at=day(0))

    def send(outcome: str, **columns: object) -> str:
        item = {"lead_id": "a", "outcome": outcome, "occurred_at": day(4), **columns}
        answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": [item]}).json()
        return str(answer["outcomes"][0]["status"])

    def state() -> str:
        return str(client.get("/v1/leads/a/score").json()["status"])

    steps = []
    for number, step in enumerate(
        [("lost", {}), ("reopened", {}), ("converted", {"outcome_id": "7"}), ("lost", {"outcome_id": "7"})]
    ):
        clock.now = at(11 + number)
        steps.append((send(step[0], **step[1]), state()))

    closed = {"outcome": "lost", "occurred_at": day(4), "available_at": day(14), "amount": None}
    assert steps == [("stored", "lost"), ("stored", "scored"), ("stored", "converted"), ("stored", "lost")]
    assert send("lost", outcome_id="7") == "duplicate"
    assert client.get("/v1/leads/a").json()["outcome"] == closed
    # The past answers as it was known then.
    assert client.get("/v1/leads/a/score", params={"as_of": day(13)}).json()["status"] == "converted"


def test_add_outcomes__one_body_may_correct_itself(client: Client) -> None:
    put(client, created_at=day(0))
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": day(4), "outcome_id": "7"}
    corrected = {**outcome, "outcome": "lost", "occurred_at": day(3)}

    answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome, corrected, outcome]})

    assert statuses(answer.json(), "outcomes") == ["stored", "stored", "stored"]
    assert client.get("/v1/leads/a").json()["outcome"]["outcome"] == "converted"


def test_add_outcomes__from_before_the_creation_count_from_it_on(client: Client, clock: HandClock) -> None:
    put(client, created_at=day(2))
    outcome = {"lead_id": "a", "outcome": "converted", "occurred_at": day(1)}

    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})

    assert client.get("/v1/leads/a/score").json()["status"] == "converted"
    assert client.get("/v1/leads/a").json()["outcome"]["occurred_at"] == day(2)


def test_add_outcomes__stores_each_once(client: Client) -> None:
    put(client)
    lost = {"lead_id": "a", "outcome": "lost", "occurred_at": day(5)}
    won = {**lost, "outcome": "converted", "amount": 5}
    sent = [lost, lost, {**lost, "amount": 1}, won, {**won, "outcome": "maybe"}, {**won, "more": 1}]

    answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": sent}).json()

    expected = ["stored", "duplicate", "quarantined", "stored", "refused", "refused"]
    assert statuses(answer, "outcomes") == expected


def test_put_lead__merges_attributes_and_keeps_their_types(client: Client, clock: HandClock) -> None:
    put(client, account_id="A", attributes={"size": 5, "code": "007", "is_new": True, "gone": "x"})
    clock.now += 1

    changed = put(client, attributes={"size": 5.0, "code": "007", "gone": None, "more": 1e300}).json()[
        "changed"
    ]

    lead = client.get("/v1/leads/a").json()
    assert changed == ["gone", "more"]
    assert lead["attributes"] == {"code": "007", "gone": None, "is_new": True, "more": 1e300, "size": 5.0}
    assert (lead["account_id"], lead["created_at"]) == ("A", day(1))


def test_put_lead__keeps_the_last_of_changes_at_one_moment(client: Client, clock: HandClock) -> None:
    for size in (9, 5, 7):
        put(client, attributes={"size": size})
    # Each is known a microsecond after the change before.
    clock.now += 2

    assert client.get("/v1/leads/a").json()["attributes"] == {"size": 7.0}


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"created_at": day(11)}, 422, "invalid_body"),
        ({"lead_id": "a"}, 422, "invalid_body"),
        ({"attributes": {"lead_id": 1}}, 422, "invalid_body"),
        ({"attributes": {"": 1}}, 422, "invalid_body"),
        ({"attributes": {"a": [1]}}, 422, "invalid_body"),
        ({"account_id": ""}, 422, "invalid_body"),
    ],
)
def test_put_lead__refuses(client: Client, fields: dict[str, Any], status: int, code: str) -> None:
    put(client)

    answer = client.put("/v1/leads/a", json={"created_at": day(1), **fields})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["x%2Fscore", "x%2Fy", "%F0%9F%99%82", "%3F", "a%20b", "." * 30])
def test_lead__has_any_id(client: Client, path: str) -> None:
    put(client, path)

    assert client.get(f"/v1/leads/{path}").json()["interactions"] == []
    assert client.get(f"/v1/leads/{path}/score").json()["status"] == "scored"


@pytest.mark.parametrize(
    "path",
    ["leads/%FF", "leads/%00", f"leads/{'x' * 501}", "leads/a/b", "leads/a/b/score", "leads/", "leads%2Fa"],
)
def test_lead__refuses_an_id_that_none_can_have(client: Client, path: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert client.request(method, f"/v1/{path}", json={"created_at": day(1)}).status_code == 422


def test_put_lead__does_not_take_the_address_of_a_score(client: Client) -> None:
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answer = client.request(method, "/v1/leads/a/score", json={"created_at": day(1)})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert client.get("/v1/leads/a").status_code == 404


def test_lead__shows_the_newest_first(client: Client) -> None:
    put(client)
    send(client, meeting("1", when=4), meeting("2", when=6, room={"floor": 2}), meeting("3", when=5))

    shown = client.get("/v1/leads/a?interactions=2").json()["interactions"]

    assert [row["interaction_id"] for row in shown] == ["2", "3"]
    assert (shown[0]["room"], shown[0]["occurred_at"], shown[0]["available_at"]) == (
        {"floor": 2},
        day(6),
        day(10),
    )


def test_erase_lead__leaves_nothing_and_takes_nothing_again(client: Client, database: str) -> None:
    put(client, "secret-lead", attributes={"country": "DE"})
    send(
        client, meeting("secret-id", "secret-lead"), meeting("secret-id", "secret-lead", when=6), meeting("2")
    )

    first = client.delete("/v1/leads/secret-lead")
    second = client.delete("/v1/leads/secret-lead")

    assert first.json()["erased"]["interactions"] == first.json()["erased"]["quarantine"] == 1
    assert (second.status_code, second.json()["code"]) == (410, "lead_erased")
    assert client.delete("/v1/leads/nobody").status_code == 404
    assert client.get("/v1/leads/secret-lead").status_code == 410
    assert put(client, "secret-lead").status_code == 410
    again = send(client, meeting("3", "secret-lead"), meeting("secret-id", "b"), meeting("2"))
    assert statuses(again) == ["refused", "refused", "duplicate"]
    assert "secret" not in everything_in(database)


def test_erase_lead__leaves_nothing_in_any_file_of_the_home(tmp_path: Path, clock: HandClock) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=clock) as client:
        for number in range(20):
            put(client, f"lead-{number}", account_id="A-7", attributes={"note": f"of {number}"})
        put(client, "marker-4711", account_id="A-7", attributes={"note": "marker-4711 again"})
        send(client, meeting("marker-4711", "marker-4711", room="marker-4711"))
        client.get("/v1/leads/marker-4711/score")

        # A reader of an older state keeps the log; once it has ended, the log is emptied.
        with open_engine(f"sqlite:///{home.path / 'service.db'}").connect() as reader:
            reader.execute(sa.select(sa.func.count()).select_from(sa.table("leads")))
            assert client.delete("/v1/leads/marker-4711").status_code == 200
        deadline = time.monotonic() + 20
        while (found := files_with(home.path, b"marker-4711")) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == []

        send(client, meeting("1", "lead-3", room="marker-0815"))
        client.delete("/v1/leads/lead-3")
        assert files_with(home.path, b"marker-0815") == []
    assert files_with(home.path, b"marker") == []


def files_with(folder: Path, marker: bytes) -> list[str]:
    """Names of all files whose bytes hold a marker."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if marker in path.read_bytes()]


def test_put_lead__refuses_ids_that_no_address_can_name(client: Client) -> None:
    # A lead that is listed under such an id could be neither read nor erased.
    answer = put(client, quote("a\x7fb", safe=""))
    told = send(client, meeting("1", "a\nb"), meeting("a\x7f", "b"), meeting("3", "Łódź 7"))

    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "control_character")
    assert statuses(told) == ["refused", "refused", "stored"]


def test_intake__refuses_texts_beyond_their_length(client: Client) -> None:
    long = client.put("/v1/leads/a", json={"created_at": day(1), "attributes": {"note": "x" * 4_001}})
    fitting = put(client, attributes={"note": "x" * 4_000}).json()
    sent = send(client, meeting("1", note="x" * 32_768), meeting("2", note="x" * 32_000))

    assert (long.status_code, long.json()["errors"][0]["rule"]) == (422, "text_length")
    assert fitting["changed"] == ["note"]
    assert statuses(sent) == ["refused", "stored"]
    assert sent["interactions"][0]["errors"][0]["rule"] == "further_length"


def everything_in(database: str) -> str:
    engine = open_engine(database)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = [row for table in tables.tables.values() for row in connection.execute(sa.select(table))]
    engine.dispose()
    return repr(rows)


def test_store__is_a_history_that_gives_the_same_probabilities(
    database: str, tmp_path: Path, clock: HandClock
) -> None:
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    chance = np.random.default_rng(3)
    with client_of(home, clock=clock, database=database) as client:
        ids = [f"lead {number}" for number in range(25)]
        for as_of in (20, 30):
            clock.now = at(as_of)
            tell_at_random(client, ids, chance)
        probabilities = {
            when: {id_: score(client, id_, as_of=day(when))["probability"] for id_ in ids}
            for when in (25, 30)
        }
    for when, expected in probabilities.items():
        out = tmp_path / f"{when}.parquet"
        score_history(database, home=home.path, as_of=at(when), out=out, scored_at=at(31))
        scores = pq.read_table(out).to_pylist()

        assert {row["lead_id"]: row["probability"] for row in scores} == expected
    assert len({*probabilities[25].values()}) > 15
    assert probabilities[25] != probabilities[30]


def tell_at_random(client: Client, ids: list[str], chance: np.random.Generator) -> None:
    for id_ in ids:
        attributes = {
            "country": chance.choice(["AT", "DE", "", "12"]).item(),
            "size": chance.choice([None, 1, 2.5, 1e22, "many", True]),
            "has_budget": chance.choice([None, True, False, 1.0, "true"]),
        }
        account = chance.choice(["A", "B", None])
        put(client, id_, account_id=account, attributes=attributes)
    items = [
        {
            "interaction_id": str(chance.integers(10**9)),
            "lead_id": chance.choice([*ids, "unknown"]).item(),
            "kind": chance.choice(KINDS).item(),
            "occurred_at": day(round(chance.uniform(-5, 20), 3)),
            "direction": chance.choice(["inbound", "outbound", "", None]),
            "channel": chance.choice(["phone", "web", None]),
            "campaign": chance.choice(["x", "y", None]),
            "value": chance.choice([None, 0.1, 3]),
        }
        for _ in range(300)
    ]
    send(client, *items)
    outcomes = [
        {"lead_id": ids[place], "outcome": outcome, "occurred_at": day(when)}
        for place, outcome, when in [
            (0, "lost", 3),
            (0, "converted", 2),
            (1, "converted", 0.5),
            (2, "lost", 19),
        ]
    ]
    answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": outcomes}).json()
    assert answer["refused"] == answer["quarantined"] == 0


def test_read_history__takes_types_from_the_store(client: Client, database: str) -> None:
    put(client, attributes={"code": "007", "size": 5, "is_new": True, "mixed": 1, "gone": None})
    put(client, "b", attributes={"mixed": "x"})

    checked = read_history(database)

    types = {name: attribute.type for name, attribute in checked.history.attributes.items()}
    assert types == {"code": "category", "is_new": "boolean", "mixed": "category", "size": "number"}
    assert not {problem.code for problem in checked.problems} & {"D036", "D037"}


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("2026-01-05T00:00:00Z"),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=5), parts, max_size=3),
    max_leaves=6,
)
NAMES = ("interaction_id", "lead_id", "kind", "occurred_at", "available_at", "direction", "value", "channel")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    item=st.dictionaries(st.sampled_from((*NAMES, "outcome", "amount", "room")), ANYTHING, max_size=4),
    attributes=st.dictionaries(st.text(max_size=3), ANYTHING, max_size=3),
    lead_id=st.text(min_size=1, max_size=5),
)
def test_store__no_body_gives_a_500(
    client: Client, item: dict[str, Any], attributes: dict[str, Any], lead_id: str
) -> None:
    outcome = {"lead_id": "a", "outcome": "lost", "occurred_at": day(5)}
    path = quote(lead_id, safe="")
    requests = [
        ("POST", "/v1/interactions", {"source": "s", "interactions": [item, {**meeting(), **item}]}),
        ("POST", "/v1/outcomes", {"source": "s", "outcomes": [item, {**outcome, **item}]}),
        ("PUT", f"/v1/leads/{path}", {"created_at": day(1), "attributes": attributes}),
        ("PUT", f"/v1/leads/{path}", {"created_at": day(1), **item}),
        ("GET", f"/v1/leads/{path}", None),
        ("GET", f"/v1/leads/{path}/score", None),
        ("GET", f"/v1/leads/a/score?{quote(str(item))}={quote(str(attributes))}", None),
        ("DELETE", f"/v1/leads/{path}", None),
    ]
    for method, where, body in requests:
        answer = client.request(
            method, where, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )

        assert answer.status_code < 500, (method, where, answer.text)


def test_store__loses_and_doubles_nothing_when_killed(tmp_path: Path) -> None:
    database = new_database(None, tmp_path)
    acknowledged = 0
    for seconds in (0.3, 0.6):
        command = [sys.executable, "-c", WRITES_UNTIL_KILLED, database, str(acknowledged)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(seconds)
        writer.kill()
        lines = [first, *writer.stdout]
        writer.wait()
        writer.stdout.close()
        acknowledged = int(lines[-1]) if lines[-1].endswith("\n") else int(lines[-2])

    store = open_store(database, clock=SteadyClock())
    rows = store.read(
        lambda connection: connection.execute(sa.text("SELECT interaction_id FROM interactions")).all()
    )
    store.close()

    stored = sorted(int(row[0]) for row in rows)
    # All that was acknowledged, and at most the one call that was under way.
    assert stored == list(range(len(stored)))
    assert 0 < acknowledged <= len(stored) <= acknowledged + 10


WRITES_UNTIL_KILLED = """
import sys
from serving.clock import AHEAD_US, SteadyClock
from tests.support.stores import open_store

store, first = open_store(sys.argv[1], clock=SteadyClock()), int(sys.argv[2])
while True:
    ids = range(first, first + 10)
    items = [
        {"interaction_id": str(id_), "lead_id": "a", "kind": "k", "occurred_at": "2026-01-01T00:00:00Z"}
        for id_ in ids
    ]
    verdicts = store.add_interactions("s", items).result()
    assert {verdict.status for verdict in verdicts} <= {"stored", "duplicate"}
    first += 10
    print(first, flush=True)
"""


def test_store__opens_what_it_made_before(database: str, clock: HandClock) -> None:
    first = open_store(database, clock=clock)
    verdicts = first.add_interactions("crm", [meeting()]).result()
    first.close()

    second = open_store(database, clock=clock)

    assert second.add_interactions("crm", [meeting()]).result()[0].status == "duplicate"
    assert verdicts[0].status == "stored"
    second.close()


def test_store__refuses_a_database_of_another_version(database: str, clock: HandClock) -> None:
    open_store(database, clock=clock).close()
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.update(STORE).values(version=99))
    engine.dispose()

    with pytest.raises(StoreVersionError, match="has version 99"):
        open_store(database, clock=clock)


def test_store__refuses_tables_of_others(database: str, clock: HandClock) -> None:
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE leads (id INTEGER)")
    engine.dispose()

    with pytest.raises(ForeignDatabaseError, match="leads"):
        open_store(database, clock=clock)


def test_store__stores_once_what_two_processes_take_at_once(database: str, clock: HandClock) -> None:
    stores = [open_store(database, clock=clock) for _ in range(2)]

    calls = [
        store.add_interactions("crm", [meeting(str(number)), meeting(str(number + 1))])
        for number in range(20)
        for store in stores
    ]

    statuses = [verdict.status for call in calls for verdict in call.result()]
    assert (statuses.count("stored"), statuses.count("duplicate")) == (21, 59)
    for store in stores:
        store.close()


def test_store__undoes_a_job_that_fails_and_keeps_the_others(database: str, clock: HandClock) -> None:
    store = open_store(database, clock=clock)

    def fail(connection: sa.Connection, received_at: int) -> None:
        connection.exec_driver_sql("DELETE FROM leadodds_store")
        raise ValueError("a defect")

    failed = store._writer.submit(fail)
    taken = store.add_interactions("crm", [meeting()])

    with pytest.raises(ValueError, match="a defect"):
        failed.result()
    assert taken.result()[0].status == "stored"
    store.close()
    open_store(database, clock=clock).close()


def test_store__acknowledges_nothing_that_was_not_committed(database: str, clock: HandClock) -> None:
    store = open_store(database, clock=clock)

    def fail(connection: sa.Connection, received_at: int) -> None:
        raise sa.exc.OperationalError("INSERT", {}, OSError("the disk is full"))

    with pytest.raises(StoreAwayError, match="nothing was written"):
        store._writer.submit(fail).result()
    assert store.add_interactions("crm", [meeting()]).result()[0].status == "stored"
    store.close()


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/x.db", "nonsense", "oracle://x/y"])
def test_store__names_a_database_that_it_cannot_use(url: str) -> None:
    with pytest.raises(DatabaseError, match="LEADODDS_DATABASE"):
        open_store(url, clock=SteadyClock())


def test_check_sqlite_version__refuses_a_version_with_the_fault() -> None:
    check_sqlite_version((3, 51, 3))

    with pytest.raises(OldSqliteError, match=r"3\.51\.2"):
        check_sqlite_version((3, 51, 2))


def test_steady_clock__stands_still_for_a_moment_and_not_after_a_jump(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = [at(10)]
    monkeypatch.setattr("time.time_ns", lambda: read[0] * 1000)
    clock, found = SteadyClock(), []
    # Nine seconds back; two years ahead by mistake, and right again.
    for moment in (at(10), at(10) - 9 * US_PER_SECOND, at(10) + 5, at(740), at(10) + 9, at(10) + 11):
        read[0] = moment
        found.append(clock())

    assert found == [at(10), at(10), at(10) + 5, at(740), at(10) + 9, at(10) + 11]
