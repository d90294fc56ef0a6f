"""What the vendors document of their signatures: their own examples, and what is no signature."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest

from serving.hooks.setup import CrmSetup
from serving.hooks.signatures import SentHook, is_genuine
from tests.support.crm.hooks import CLIENT_SECRET, ESPO_ID, ESPO_SECRET, body_of

HUBSPOT = CrmSetup.model_validate({"client_secret": CLIENT_SECRET})
ESPOCRM = CrmSetup.model_validate({"secrets": {ESPO_ID: ESPO_SECRET}})
# Of the tests of HubSpot's own client for Python, tests/spec/utils/test_signature.py.
V3_AT, V3_BODY = 1693657560000, b"{'example_field':'example_value'}"
V3_HASH = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
# Of https://developers.hubspot.com/docs/api/webhooks/validating-requests.
V1_HASH = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
# Of https://legacydocs.hubspot.com/docs/faq/v2-request-validation.
V2_HASH = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
V2_BODY = b'{"example_field":"example_value"}'
MINUTE = 60_000


def of_version_3(*, now: int = V3_AT, **changed: object) -> SentHook:
    """HubSpot's example, sent at a moment, with other parts."""
    headers = {
        "host": "www.example.com",
        "x-hubspot-signature-v3": V3_HASH,
        "x-hubspot-request-timestamp": str(V3_AT),
    }
    sent = {"address": "/webhook_uri", "body": V3_BODY, **changed}
    own = {name.replace("_", "-"): sent.pop(name) for name in [*sent] if name not in ("address", "body")}
    return SentHook({**headers, **own}, sent["address"], sent["body"], now)  # type: ignore[arg-type, dict-item]


def test_is_genuine__takes_hubspots_example_of_version_1() -> None:
    headers = {"x-hubspot-signature": V1_HASH, "x-hubspot-signature-version": "v1"}
    body = body_of("hubspot_signed.json")

    assert is_genuine("hubspot", HUBSPOT, SentHook(headers, "/", body, 0))
    assert not is_genuine("hubspot", HUBSPOT, SentHook(headers, "/", body + b" ", 0))
    assert not is_genuine("hubspot", HUBSPOT, SentHook({}, "/", body, 0))
    # Without the secret nothing is believed.
    assert not is_genuine("hubspot", CrmSetup(), SentHook(headers, "/", body, 0))


@pytest.mark.parametrize(
    ("changed", "is_taken"),
    [
        ({}, True),
        ({"address": "/webhook_uri?a=1"}, False),
        ({"host": "www.example.org"}, False),
        ({"body": b"{}"}, False),
        ({"version": "v1"}, False),
        ({"version": "v4"}, False),
    ],
)
def test_is_genuine__takes_hubspots_example_of_version_2(changed: dict[str, Any], is_taken: bool) -> None:
    sent = {
        "host": "www.example.com",
        "version": "v2",
        "address": "/webhook_uri",
        "body": V2_BODY,
        **changed,
    }
    headers = {
        "host": sent["host"],
        "x-hubspot-signature": V2_HASH,
        "x-hubspot-signature-version": sent["version"],
    }

    assert is_genuine("hubspot", HUBSPOT, SentHook(headers, sent["address"], sent["body"], 0)) == is_taken


@pytest.mark.parametrize(
    ("late", "is_taken"), [(-6, False), (-5, True), (0, True), (5, True), (5.0001, False)]
)
def test_is_genuine__takes_hubspots_version_3_for_five_minutes(late: float, is_taken: bool) -> None:
    assert is_genuine("hubspot", HUBSPOT, of_version_3(now=V3_AT + round(late * MINUTE))) == is_taken


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b"{}"},
        {"address": "/webhook_uri?a=1"},
        {"host": "www.example.org"},
        {"x_hubspot_request_timestamp": str(V3_AT + 1)},
        {"x_hubspot_request_timestamp": ""},
        {"x_hubspot_signature_v3": ""},
        # A right signature of version 1 does not make up for a wrong one of version 3.
        {
            "body": b"[]",
            "x_hubspot_signature": hashlib.sha256(CLIENT_SECRET.encode() + b"[]").hexdigest(),
            "x_hubspot_signature_version": "v1",
        },
    ],
)
def test_is_genuine__refuses_other_requests_of_version_3(changed: dict[str, object]) -> None:
    assert not is_genuine("hubspot", HUBSPOT, of_version_3(**changed))


def test_is_genuine__decodes_the_address_as_hubspot_does() -> None:
    signed = b"POSThttps://www.example.com/a:b?c=d@e" + V3_BODY + str(V3_AT).encode()
    right = b64encode(hmac.digest(CLIENT_SECRET.encode(), signed, "sha256")).decode()

    sent = of_version_3(address="/a%3ab?c=d%40e", x_hubspot_signature_v3=right)

    assert is_genuine("hubspot", HUBSPOT, sent)


@pytest.mark.parametrize(
    ("header", "secret", "webhook_id", "is_taken"),
    [
        ("signature", ESPO_SECRET, ESPO_ID, True),
        ("signature", "another", ESPO_ID, False),
        ("signature", ESPO_SECRET, "another", False),
        # A secret that nobody set is no secret.
        ("signature", "-", "another", False),
    ],
)
def test_is_genuine__reads_espocrms_signature(
    header: str, secret: str, webhook_id: str, is_taken: bool
) -> None:
    body = body_of("espocrm_create.json")
    digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
    headers = {header: b64encode(f"{webhook_id}:{digest}".encode()).decode()}

    assert is_genuine("espocrm", ESPOCRM, SentHook(headers, "/", body, 0)) == is_taken
    assert not is_genuine("espocrm", ESPOCRM, SentHook({header: "!"}, "/", body, 0))
    assert not is_genuine("espocrm", CrmSetup(), SentHook(headers, "/", body, 0))


def test_is_genuine__reads_the_signature_of_espocrm_before_9() -> None:
    body = body_of("espocrm_create.json")
    digest = hmac.digest(ESPO_SECRET.encode(), body, "sha256")
    headers = {"x-signature": b64encode(ESPO_ID.encode() + b":" + digest).decode()}

    assert is_genuine("espocrm", ESPOCRM, SentHook(headers, "/", body, 0))


@pytest.mark.parametrize("told", ["é", "bm9uZQ==é", "\xff", "=", "ACA"])
def test_is_genuine__refuses_what_is_no_base64(told: str) -> None:
    pipedrive = CrmSetup.model_validate({"user": "leadodds", "password": "a"})
    headers = {"signature": told, "x-signature": told, "authorization": f"Basic {told}"}
    headers |= {
        "x-hubspot-signature-v3": told,
        "x-hubspot-request-timestamp": "0",
        "x-hubspot-signature": told,
    }
    sent = SentHook(headers, "/", b"", 0)

    for crm, setup in (("espocrm", ESPOCRM), ("pipedrive", pipedrive), ("hubspot", HUBSPOT)):
        assert not is_genuine(crm, setup, sent)
