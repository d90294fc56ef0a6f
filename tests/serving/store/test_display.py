"""What people see beside a lead: shown in the list, filtered by, no feature, and gone with the lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.checks.checked_history import read_history
from features.times import US_PER_HOUR, format_time
from models.home.home import Home
from serving.http.openapi.list_answers import LeadsAnswer
from serving.settings import SettingsError, read_settings
from tests.serving.store.test_store import meeting, put, send
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

SHOWN = "name, company,owner"
LINK = "https://crm.example.com/leads/{lead_id}?tab=calls"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path / "home", small_bundle())


@pytest.fixture
def client(home: Home, database: str, clock: HandClock) -> Iterator[Client]:
    with client_of(home, clock=clock, database=database, display=SHOWN, record_link=LINK) as client:
        yield client


def listed(client: Client, **query: Any) -> Any:
    client.rescorer.catch_up()
    answer = client.get("/v1/leads", params=query)
    LeadsAnswer.model_validate_json(answer.text)
    return answer.json()


def ids(client: Client, **query: Any) -> list[str]:
    return sorted(row["lead_id"] for row in listed(client, **query)["leads"])


def test_list_leads__shows_the_last_values_in_the_order_of_the_setting(client: Client) -> None:
    put(client, "a%2Fb%20c", attributes={"name": "Ada", "owner": "Kim", "country": "DE"})
    put(client, "a%2Fb%20c", attributes={"name": "Ada L."})
    put(client, "b", attributes={"company": "Acme", "name": ""})

    answer = listed(client)

    assert answer["display"] == ["name", "company", "owner"]
    rows = {row["lead_id"]: row for row in answer["leads"]}
    assert list(rows["b"]["display"].items()) == [("name", None), ("company", "Acme"), ("owner", None)]
    assert rows["a/b c"]["display"] == {"name": "Ada L.", "company": None, "owner": "Kim"}
    assert rows["a/b c"]["record_url"] == "https://crm.example.com/leads/a%2Fb%20c?tab=calls"
    assert "Ada" not in rows["a/b c"]["reasons"][0]["label"]


def test_list_leads__is_filtered_by_who_sells(client: Client) -> None:
    put(client, "a", attributes={"owner": "Kim", "territory": "north", "sales": "inside"})
    put(client, "b", attributes={"owner": "Kim", "territory": "south", "sales": "outside"})
    put(client, "c", attributes={"owner": "Sam"})

    assert ids(client, owner="Kim") == ["a", "b"]
    assert ids(client, owner="Kim", sales="outside") == ["b"]
    assert ids(client, territory="north") == ["a"]
    assert ids(client, owner="kim") == []
    row = listed(client, owner="Sam")["leads"][0]
    assert (row["owner"], row["territory"], row["sales"]) == ("Sam", None, None)


def test_list_leads__leaves_out_who_is_not_to_be_called_until_it_is_time(
    client: Client, clock: HandClock
) -> None:
    for lead in ("a", "b", "c"):
        put(client, lead)
    # Day 10 is now: b is called again from day 12 on, c from day 92 on.
    later = meeting("1", "b", when=5, kind="call_later")
    send(client, later, meeting("2", "c", when=2, kind="not_interested"))

    assert ids(client) == ["a"]
    assert ids(client, set_aside="only") == ["b", "c"]
    assert ids(client, set_aside="with") == ["a", "b", "c"]
    until = {row["lead_id"]: row["set_aside_until"] for row in listed(client, set_aside="with")["leads"]}
    assert until == {"a": None, "b": format_time(at(12)), "c": format_time(at(92))}
    clock.now = at(12) - 1
    assert ids(client) == ["a"]
    clock.now = at(12)
    assert ids(client) == ["a", "b"]
    send(client, meeting("3", "c", when=12, kind="page_view"))
    clock.now += US_PER_HOUR
    assert ids(client) == ["a", "b", "c"]


def test_keep_display__makes_the_attributes_no_features_of_a_training(client: Client, database: str) -> None:
    put(client, "a", attributes={"name": "Ada", "country": "DE"})

    assert list(read_history(database).history.attributes) == ["country"]


def test_keep_display__is_remembered_where_the_setting_is_left_out(home: Home, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'kept.db'}"
    shown = []
    for setting in ("", "name,company", "", "company"):
        with client_of(home, database=database, display=setting) as client:
            shown.append(client.get("/v1/leads").json()["display"])

    assert shown == [[], ["name", "company"], ["company", "name"], ["company"]]


def test_erase_lead__takes_what_was_shown(client: Client) -> None:
    put(client, "a", attributes={"name": "Ada", "owner": "Kim"})
    assert ids(client, owner="Kim") == ["a"]

    client.delete("/v1/leads/a")

    assert ids(client, owner="Kim") == []
    found = client.server.store.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM attribute_changes").scalar()
    )
    assert found == 0


@pytest.mark.parametrize(
    "link",
    [
        "crm.example.com/{lead_id}",
        "javascript:alert('{lead_id}')",
        "//crm.example.com/{lead_id}",
        "https://{lead_id}.example.com/",
        "https://me@crm.example.com/{lead_id}",
        "https:///{lead_id}",
        "https://crm.example.com/leads",
        "https://crm.example.com/{lead_id}/{owner}",
        "https://crm.example.com/a b/{lead_id}",
        "https://crm.example.com/\n{lead_id}",
    ],
)
def test_settings__refuses_a_link_that_is_no_page_of_one_host(tmp_path: Path, link: str) -> None:
    with pytest.raises(SettingsError, match="LEADODDS_RECORD_LINK"):
        read_settings(home=tmp_path, record_link=link)


def test_settings__splits_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADODDS_DISPLAY", " name,, first name ,")

    settings = read_settings(home=tmp_path, record_link="http://localhost/{lead_id}")

    assert settings.display == ("name", "first name")
    assert settings.record_url("ü") == "http://localhost/%C3%BC"
    assert read_settings(home=tmp_path).record_url("a") is None
