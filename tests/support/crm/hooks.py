"""Web hooks as the CRMs send them: documented bodies, signatures, and a server with a token for each."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from features.times import US_PER_SECOND, parse_time
from serving.hooks.map_format import CRMS
from serving.keys.commands import create
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

FIXTURES = Path(__file__).parents[2] / "serving" / "hooks" / "fixtures"
NOW = parse_time("2026-05-25T12:00:00Z")
# Of HubSpot's documentation.
CLIENT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
ESPO_ID, ESPO_SECRET = "664f1c0b2d3e4f5a6", "8d0f3c"
HOOKS_FILE = f"""[pipedrive]
user = "leadodds"
password = "a password"
[espocrm]
secrets = {{"{ESPO_ID}" = "{ESPO_SECRET}"}}
[hubspot]
client_secret = "{CLIENT_SECRET}"
"""
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def body_of(name: str) -> bytes:
    """A documented body."""
    return (FIXTURES / name).read_bytes()


def signed(crm: str, body: bytes) -> dict[str, str]:
    """What a CRM sends with a body so that it is believed."""
    if crm == "pipedrive":
        return {"Authorization": "Basic " + b64encode(b"leadodds:a password").decode()}
    if crm == "espocrm":
        digest = hmac.new(ESPO_SECRET.encode(), body, "sha256").hexdigest()
        return {"Signature": b64encode(f"{ESPO_ID}:{digest}".encode()).decode()}
    if crm == "hubspot":
        digest = hashlib.sha256(CLIENT_SECRET.encode() + body).hexdigest()
        return {"X-HubSpot-Signature": digest, "X-HubSpot-Signature-Version": "v1"}
    return {}


class HookedServer:
    """A server that CRMs call.

    Attributes:
        client: asks it.
        clock: its time.
        tokens: by the CRM.
    """

    def __init__(self, client: Client, clock: HandClock, keys: dict[str, str]) -> None:
        self.client, self.clock = client, clock
        self.tokens = {crm: keys[crm] for crm in CRMS}
        self._admin = keys["admin"]

    def address(self, crm: str, query: str = "") -> str:
        """Where a CRM sends its hooks."""
        return f"/v1/hooks/{crm}/{self.tokens[crm]}{query}"

    def send(
        self, crm: str, body: bytes, *, query: str = "", media_type: str = JSON, **headers: str
    ) -> httpx.Response:
        """Sends a body as the CRM does."""
        told = {"Content-Type": media_type, **signed(crm, body), **headers}
        return self.client.post(self.address(crm, query), content=body, headers=told)

    def take(self, crm: str, name: str, *, query: str = "", media_type: str = JSON) -> None:
        """Sends a documented body, and lets it be mapped, a second after the one before."""
        self.clock.now += US_PER_SECOND
        answer = self.send(crm, body_of(name), query=query, media_type=media_type)
        assert answer.status_code == 200, answer.text
        self.client.server.hooks.worker.run_once()

    def get(self, path: str) -> Any:
        """What the server says of a path."""
        answer = self.client.get(path, headers={"X-API-Key": self._admin})
        return answer.json() if answer.status_code == 200 else answer.status_code

    def erase(self, lead_id: str) -> int:
        """Erases a lead; gives the status."""
        return self.client.delete(f"/v1/leads/{lead_id}", headers={"X-API-Key": self._admin}).status_code

    def quarantine(self) -> list[tuple[str, str]]:
        """Sources and reasons of what is in quarantine."""
        return [(item["source"], item["reason"]) for item in self.get("/v1/quarantine")["items"]]


@contextmanager
def hooked_server(folder: Path, **settings: Any) -> Iterator[HookedServer]:
    """A server with keys, tokens and secrets, in this process; its worker maps only when it is told to."""
    home = home_with(folder, small_bundle())
    hooks = home.path / "hooks.toml"
    hooks.touch(mode=0o600)
    hooks.write_text(HOOKS_FILE, encoding="utf-8")
    scopes = {"admin": "admin", **{crm: f"hook:{crm}" for crm in CRMS}}
    keys = {name: create(name, scope, home=home.path, now=NOW)["key"] for name, scope in scopes.items()}
    clock = HandClock(NOW)
    with client_of(home, clock=clock, **settings) as client:
        yield HookedServer(client, clock, keys)
