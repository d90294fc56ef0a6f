"""Documented bodies in, leads and scores out; wrong ones refused, repetitions stored once, odd ones kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.times import US_PER_DAY, parse_time
from serving.database.schema import HOOK_BODIES, HOOK_BODY_LEADS
from serving.hooks.mapping import replay
from serving.hooks.records import read_document, read_parameters
from serving.store.retention import delete_hook_bodies
from tests.support.crm.hooks import FORM, JSON, NOW, HookedServer, body_of, hooked_server

# What no database has a part in.
ON_A_FILE = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@pytest.fixture
def hooked(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HookedServer]:
    monkeypatch.setenv("LEADODDS_DATABASE", database)
    with hooked_server(tmp_path) as hooked:
        yield hooked


def bodies(hooked: HookedServer) -> list[tuple[str, bytes]]:
    """Status and bytes of every stored body, the oldest first."""
    found = sa.select(HOOK_BODIES.c.status, HOOK_BODIES.c.body).order_by(HOOK_BODIES.c.received_at)
    return hooked.client.server.store.read(
        lambda connection: [(status, bytes(body)) for status, body in connection.execute(found)]
    )


def lead(hooked: HookedServer, lead_id: str) -> dict[str, Any]:
    """Creation, attributes, outcome and kinds of a stored lead."""
    found = hooked.get(f"/v1/leads/{lead_id}")
    kinds = [row["kind"] for row in found["interactions"]]
    return {
        "created": found["created_at"],
        **found["attributes"],
        "outcome": found["outcome"],
        "kinds": kinds,
    }


def test_odoo__lead_then_won(hooked: HookedServer) -> None:
    hooked.take("odoo", "odoo_lead.json")
    first, score = lead(hooked, "27"), hooked.get("/v1/leads/27/score")
    hooked.take("odoo", "odoo_won.json")
    second = lead(hooked, "27")

    # Naive times are UTC, and false is nothing.
    assert first["created"] == "2026-05-04T08:15:30.123456Z"
    assert (first["city"], first["expected_revenue"], first.get("company")) == ("Ghent", 12500.0, None)
    assert (first["outcome"], score["status"]) == (None, "scored")
    assert (second["city"], second["company"], second["expected_revenue"]) == (None, "Deco Addict", 14000.0)
    assert second["outcome"]["outcome"] == "converted"
    assert second["outcome"]["amount"] == 14000.0
    assert second["outcome"]["occurred_at"] == "2026-05-20T10:00:00Z"
    assert hooked.quarantine() == []


def test_odoo__stage_and_outcome_come_from_the_address(hooked: HookedServer) -> None:
    hooked.take("odoo", "odoo_lead.json", query="?event=stage&outcome=lost")

    found = lead(hooked, "27")

    assert found["kinds"] == ["status_change"]
    assert found["outcome"]["outcome"] == "lost"


def test_pipedrive__deal_activity_and_sale(hooked: HookedServer) -> None:
    for name in ("pipedrive_create.json", "pipedrive_activity.json", "pipedrive_won.json"):
        hooked.take("pipedrive", name)

    found, score = lead(hooked, "178"), hooked.get("/v1/leads/178/score?as_of=2026-05-25T11:59:59Z")

    assert found["created"] == "2026-05-04T06:54:41Z"
    assert (found["origin"], found["deal_value"], found["name"]) == ("ManuallyCreated", 2700, "Kitchen")
    assert found["kinds"] == ["status_change", "meeting_held"]
    assert found["outcome"]["outcome"] == "converted"
    assert found["outcome"]["amount"] == 2700
    # Nothing was known before it came.
    assert score in (404, 422) or score["status"] == "scored"
    assert hooked.get("/v1/leads/178/score")["status"] == "converted"


def test_pipedrive__merged_deals_are_one_lead(hooked: HookedServer) -> None:
    hooked.take("pipedrive", "pipedrive_create.json")
    hooked.take("pipedrive", "pipedrive_merge.json")

    assert hooked.get("/v1/leads/177")["lead_id"] == "178"


def test_espocrm__create_then_update_of_what_changed(hooked: HookedServer) -> None:
    hooked.take("espocrm", "espocrm_create.json", query="?event=Lead.create")
    hooked.take("espocrm", "espocrm_update.json", query="?event=Lead.update")

    found = lead(hooked, "663f0a1c2b3d4e5f6")

    assert found["created"] == "2026-05-04T07:00:00Z"
    assert (found["source"], found["country"], found["opportunity_amount"]) == ("Web Site", "Ireland", 5000)
    assert found["outcome"]["outcome"] == "converted"
    assert found["outcome"]["occurred_at"] == "2026-05-20T12:00:00Z"
    assert found["kinds"] == ["status_change"]


@ON_A_FILE
@pytest.mark.parametrize("is_in_parts", [False, True])
def test_zoho__form_then_json(hooked: HookedServer, is_in_parts: bool) -> None:
    fields = body_of("zoho_form.txt")
    if is_in_parts:
        request = hooked.client._client.build_request(
            "POST", "/", files={name: (None, value) for name, value in _pairs(fields)}
        )
        answer = hooked.send("zoho", request.read(), media_type=request.headers["content-type"])
        assert answer.status_code == 200
        hooked.client.server.hooks.worker.run_once()
    else:
        hooked.take("zoho", "zoho_form.txt", media_type=FORM)
    first = lead(hooked, "3652397000000649013")
    hooked.take("zoho", "zoho_lead.json")
    second = lead(hooked, "3652397000000649013")

    assert (first["lead_source"], first["country"], first["employees"]) == ("Trade Show", "India", 120.0)
    assert first.get("annual_revenue") is None
    assert second["employees"] == 150.0
    assert second["outcome"]["outcome"] == "converted"


def _pairs(fields: bytes) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(fields.decode())


def test_hubspot__change_of_a_lead_that_is_not_stored_yet_waits_for_it(hooked: HookedServer) -> None:
    hooked.take("hubspot", "hubspot_events.json")
    waiting = hooked.quarantine()
    created = json.loads(body_of("hubspot_signed.json"))
    created[0] |= {"objectId": 1246965, "occurredAt": 1462216300000}
    hooked.send("hubspot", json.dumps(created).encode())
    hooked.client.server.hooks.worker.run_once()

    assert lead(hooked, "1246978")["created"] == "2016-05-02T19:11:47.945000Z"
    assert waiting == [("hubspot", "The lead is not stored yet.")]
    found = lead(hooked, "1246965")
    assert (found["lifecycle_stage"], found["kinds"]) == ("subscriber", ["status_change"])
    assert hooked.quarantine() == []


def test_hubspot__merged_contacts_are_one_lead(hooked: HookedServer) -> None:
    hooked.take("hubspot", "hubspot_signed.json")
    hooked.take("hubspot", "hubspot_merge.json")

    assert hooked.get("/v1/leads/124")["lead_id"] == "123"


def test_hubspot__privacy_deletion_erases_the_lead(hooked: HookedServer) -> None:
    hooked.take("hubspot", "hubspot_signed.json")
    gone = [{"subscriptionType": "contact.privacyDeletion", "objectId": 123, "eventId": 8, "occurredAt": 1}]
    hooked.send("hubspot", json.dumps(gone).encode())
    hooked.client.server.hooks.worker.run_once()

    assert hooked.get("/v1/leads/123") == 410
    assert bodies(hooked) == []


@ON_A_FILE
@pytest.mark.parametrize("crm", ["espocrm", "hubspot", "pipedrive"])
def test_take_hook__wrong_signature_is_401_and_nothing_is_stored(hooked: HookedServer, crm: str) -> None:
    body = b'[{"id": "a"}]'
    headers = {"Signature": "bm9uZQ==", "X-HubSpot-Signature": "0" * 64, "Authorization": "Basic eDp5"}

    refused = [
        hooked.send(crm, body, **headers),
        hooked.client.post(hooked.address(crm), content=body),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(401, "signature")] * 2
    assert bodies(hooked) == []


def test_take_hook__wrong_token_is_401_and_many_are_429(tmp_path: Path) -> None:
    with hooked_server(tmp_path, failed_keys_per_minute=3) as hooked:
        wrong = hooked.tokens["odoo"][:-1] + "!"
        statuses = [
            hooked.client.post(f"/v1/hooks/odoo/{wrong}", content=b"{}").status_code for _ in range(5)
        ]
        others = [
            hooked.client.post(f"/v1/hooks/zoho/{hooked.tokens['odoo']}", content=b"{}").status_code,
            hooked.client.post(f"/v1/hooks/siebel/{hooked.tokens['odoo']}", content=b"{}").status_code,
            hooked.client.get(hooked.address("odoo")).status_code,
        ]

        assert statuses == [401, 401, 401, 429, 429]
        assert others == [403, 404, 405]
        assert hooked.send("odoo", body_of("odoo_lead.json")).status_code == 200
        assert len(bodies(hooked)) == 1


@ON_A_FILE
def test_take_hook__body_above_the_limit_is_413(hooked: HookedServer) -> None:
    answer = hooked.send("odoo", b" " * 1_048_577)

    assert answer.status_code == 413
    assert bodies(hooked) == []


@pytest.mark.parametrize(
    ("crm", "name", "again"),
    [
        ("odoo", "odoo_lead.json", b""),
        ("zoho", "zoho_lead.json", b""),
        ("pipedrive", "pipedrive_create.json", b'"attempt": 2'),
        ("hubspot", "hubspot_signed.json", b'"attemptNumber":1'),
    ],
)
def test_take_hook__repetition_is_stored_once(
    hooked: HookedServer, crm: str, name: str, again: bytes
) -> None:
    body = body_of(name)
    repeated = body.replace(again.replace(b"2", b"1").replace(b":1", b":0"), again) if again else body
    if crm == "pipedrive":
        repeated = body.replace(b'"attempt": 1', again)

    answers = [hooked.send(crm, sent).json()["status"] for sent in (body, repeated, body)]

    assert (repeated != body) == bool(again)
    assert answers == ["stored", "duplicate", "duplicate"]
    assert len(bodies(hooked)) == 1


@ON_A_FILE
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "JSON"),
        (b'{"_model": "crm.lead", "_model": "x"}', "An object has each key only once."),
        (b"[1, 2]", "The body holds no records where the map looks for them."),
        (
            b'{"_model": "res.partner", "_id": 1}',
            "No block of the map reads records of the type res.partner.",
        ),
        (b'{"_id": 1}', "No block of the map reads records without a type."),
        (b'{"_model": "crm.lead", "create_date": "2026-05-01"}', "without an id of a lead"),
        (b'{"_model": "crm.lead", "_id": 5, "create_date": "May"}', "a time that does not parse"),
        (b'{"_model": "crm.lead", "_id": 5, "create_date": "2027-01-01 00:00:00"}', "5 minutes after"),
        (b'{"_model": "crm.lead", "_id": 5, "write_date": "2026-05-01 00:00:00"}', "not stored yet"),
    ],
)
def test_map_waiting__keeps_what_cannot_be_mapped_with_its_reason(
    hooked: HookedServer, body: bytes, reason: str
) -> None:
    assert hooked.send("odoo", body).status_code == 200
    hooked.client.server.hooks.worker.run_once()

    ((source, told),) = hooked.quarantine()

    assert source == "odoo"
    assert reason in told
    assert [stored for _, stored in bodies(hooked)] == [body]


@ON_A_FILE
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (rb'"a\u0000b"', "A text holds no NUL character."),
        (b"1" * 30, "An integer has at most 19 digits."),
        (rb'"\ud83d"', "A text is valid Unicode: no half of a surrogate pair."),
        (b"1e400", "A number is finite: NaN, Infinity and numbers beyond a double are refused."),
    ],
)
def test_map_waiting__stores_all_but_the_one_field_of_no_meaning(
    hooked: HookedServer, value: bytes, told: str
) -> None:
    body = b'{"_model": "crm.lead", "_id": 5, "create_date": "2026-05-01 00:00:00", "city": "Ulm", "x": %s}'

    hooked.send("odoo", body % value)
    hooked.client.server.hooks.worker.run_once()

    assert lead(hooked, "5")
    assert hooked.quarantine() == [("odoo", f"/x: {told}")]


def test_read_document__takes_what_no_database_takes_out_of_a_form() -> None:
    document = read_document(b"id=5&name=a%00b", "application/x-www-form-urlencoded")

    assert (document.rest, [fault.rule for fault in document.faults]) == ({"id": "5"}, ["no_nul"])
    assert read_parameters("stage=won&x=%00") == {"stage": "won"}


def test_replay__maps_again_once_the_map_is_mended(hooked: HookedServer, tmp_path: Path) -> None:
    body = b'{"_model": "x_prospect", "_id": 9, "create_date": "2026-05-01 00:00:00", "x_size": 40}'
    hooked.send("odoo", body)
    hooked.client.server.hooks.worker.run_once()
    before = hooked.quarantine()
    home = hooked.client.server.settings.home
    (home / "mine.toml").write_text(
        'crm = "odoo"\ntype = "_model"\nzone = "UTC"\n[leads]\nfrom = "x_prospect"\nlead_id = "_id"\n'
        'created_at = "create_date"\n[leads.attributes]\nsize = "x_size"\n'
    )
    hooks = home / "hooks.toml"
    hooks.write_text(hooks.read_text() + '[odoo]\nmap = "mine.toml"\n')
    hooked.clock.now += US_PER_DAY
    running = hooked.client.server

    counts = replay(running.store, running.hooks.setup.map_of, now=hooked.clock.now)

    assert before == [("odoo", "No block of the map reads records of the type x_prospect.")]
    assert counts == {"mapped": 1, "quarantined": 0}
    assert hooked.quarantine() == []
    assert lead(hooked, "9")["size"] == 40
    # What was mapped late is known from then on, not from before.
    assert hooked.get("/v1/leads/9/score")["status"] == "scored"
    assert replay(running.store, running.hooks.setup.map_of, now=hooked.clock.now)["mapped"] == 0


@ON_A_FILE
def test_setup__change_that_cannot_be_used_changes_nothing(
    hooked: HookedServer, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = hooked.client.server.settings.home / "hooks.toml"
    hooks.write_text("[hubspot]\nclient_secrets = 1\n")

    answer = hooked.send("hubspot", body_of("hubspot_signed.json"))

    assert answer.status_code == 200
    assert "the hooks stay as they were" in caplog.text
    assert "yyyy" not in caplog.text


def test_change_leads__late_delivery_replaces_nothing_newer(hooked: HookedServer) -> None:
    hooked.take("odoo", "odoo_won.json")
    hooked.take("odoo", "odoo_lead.json")

    assert lead(hooked, "27")["company"] == "Deco Addict"
    assert lead(hooked, "27")["expected_revenue"] == 14000.0


def test_map_waiting__rows_are_known_from_the_receipt_of_the_body(hooked: HookedServer) -> None:
    hooked.send("pipedrive", body_of("pipedrive_create.json"))
    hooked.send("pipedrive", body_of("pipedrive_activity.json"))
    # As after a crash.
    hooked.clock.now += US_PER_DAY
    hooked.client.server.hooks.worker.run_once()

    (met,) = hooked.get("/v1/leads/178")["interactions"]

    assert parse_time(met["available_at"]) == NOW
    assert met["occurred_at"] == "2026-05-06T10:30:00Z"


def test_map_waiting__what_lies_ahead_is_a_plan(hooked: HookedServer) -> None:
    hooked.take("odoo", "odoo_lead.json")
    meeting = {"_model": "calendar.event", "_id": 3, "opportunity_id": 27, "start": "2026-06-01 09:00:00"}
    hooked.send("odoo", json.dumps(meeting).encode())
    hooked.client.server.hooks.worker.run_once()

    assert lead(hooked, "27")["kinds"] == ["meeting_held_planned"]


def test_erase__takes_the_lead_out_of_every_body(hooked: HookedServer) -> None:
    listed = [
        {"subscriptionType": "contact.creation", "objectId": id_, "eventId": id_, "occurredAt": 1462216307945}
        for id_ in (501, 502)
    ]
    hooked.send("hubspot", json.dumps(listed).encode())
    hooked.client.server.hooks.worker.run_once()
    # These are not mapped: one waits, one has no block.
    hooked.send("hubspot", json.dumps([{**listed[0], "eventId": 9}, {**listed[1], "eventId": 10}]).encode())
    hooked.send("odoo", b'{"_model": "res.partner", "lead": {"id": 501}}')

    status = hooked.erase("501")

    kept = [json.loads(body) for _, body in bodies(hooked)]
    assert status == 200
    assert [[event["objectId"] for event in body] for body in kept] == [[502], [502]]
    hooked.client.server.hooks.worker.run_once()
    assert hooked.get("/v1/leads/501") == 410
    assert hooked.get("/v1/leads/502")["lead_id"] == "502"
    # What is sent of it again leaves no body.
    hooked.send("hubspot", json.dumps([{**listed[0], "eventId": 11}]).encode())
    hooked.client.server.hooks.worker.run_once()
    assert not any(b"501" in body for _, body in bodies(hooked))
    assert hooked.quarantine() == []


def nested_parts(depth: int) -> bytes:
    heads = (
        f'--b{level}\r\nContent-Type: multipart/mixed; boundary="b{level + 1}"\r\n\r\n'
        for level in range(depth)
    )
    return "".join(heads).encode()


LONG_ID = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(150))
HOSTILE = [
    ("zoho", b"module=Leads&id=4%001&created_time=2026-05-04", FORM, "A text holds no NUL character."),
    ("zoho", b"module=Leads&id=%FF\xff", FORM, "The body is no form."),
    ("zoho", nested_parts(600), 'multipart/form-data; boundary="b0"', "The body is no form in parts."),
    ("odoo", json.dumps({"_model": "crm.lead", "_id": LONG_ID}).encode(), JSON, "at most 500 characters"),
    (
        "odoo",
        '{"_model": "crm.lead", "_id": 5}'.encode("utf-16"),
        f"{JSON}; charset=utf-16",
        "The body is UTF-8.",
    ),
    ("hubspot", json.dumps([{"objectId": 1}] * 1_001).encode(), JSON, "A body holds up to 1,000 records."),
]


def test_map_waiting__hostile_bodies_hold_up_no_other(hooked: HookedServer) -> None:
    for crm, body, media_type, _ in HOSTILE:
        assert hooked.send(crm, body, media_type=media_type).status_code == 200
    hooked.send("odoo", b"{}", query="?lead=%00")
    hooked.take("odoo", "odoo_lead.json")

    assert hooked.get("/v1/leads/27")["lead_id"] == "27"
    reasons = " ".join(reason for _, reason in hooked.quarantine())
    assert len(hooked.quarantine()) == len(HOSTILE) + 1
    assert [reason for *_, reason in HOSTILE if reason not in reasons] == []
    assert "defect" not in reasons


def test_erase__finds_the_lead_however_a_body_that_was_not_mapped_names_it(hooked: HookedServer) -> None:
    admin = {"X-API-Key": hooked._admin}
    lead_body = {"created_at": "2026-05-01T00:00:00Z"}
    assert hooked.client.put("/v1/leads/a%2F1+b", json=lead_body, headers=admin).status_code == 200
    hooked.send("zoho", b"module=Nothing&who=a%2F1%2Bb", media_type=FORM)
    hooked.send("zoho", b"payload=%7B%22in%22%3A%5B%22a%2F1%2Bb%22%5D%7D", media_type=FORM)
    hooked.send("odoo", b'{"_model": "res.partner"}', query="?lead=a%2F1%2Bb")
    # As deep as a reader goes that has no limit of its own.
    for depth in range(900, 1_000, 5):
        hooked.send("odoo", b"[" * depth + b"]" * depth)
    hooked.client.server.hooks.worker.run_once()

    status = hooked.client.delete("/v1/leads/a%2F1+b", headers=admin).status_code

    assert status == 200
    assert not any(b"2F1" in body or b"partner" in body for _, body in bodies(hooked))
    assert len(bodies(hooked)) == 20


def test_retention__deletes_mapped_bodies_and_what_is_noted_of_them(hooked: HookedServer) -> None:
    hooked.take("odoo", "odoo_lead.json")
    store = hooked.client.server.store

    deleted = store.write(
        lambda connection, _: delete_hook_bodies(connection, hooked.clock.now + 1, statuses=("mapped",))
    ).result()

    noted = store.read(lambda connection: connection.execute(sa.select(HOOK_BODY_LEADS)).all())
    assert (deleted, bodies(hooked), noted) == (1, [], [])
    assert hooked.get("/v1/leads/27")["lead_id"] == "27"
