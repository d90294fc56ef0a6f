"""Interactions for the store: posted to measure how fast it stores them, or written directly to fill it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from features.history.lead_history import LeadHistory
from features.sources.connections import sqlite_url
from models.home.home import Home
from serving.bodies.intake_items import LeadBody
from serving.bodies.score_bodies import check_body
from serving.clock import SteadyClock
from serving.settings import secret_file_of
from serving.store.store import Store
from tests.benchmarks.serving.model import body_with
from tests.support.http_client import client_of

INTERACTIONS_EACH = 60
_BATCH = 1_000
_QUIET_SECONDS = 3.0
_MANY = {
    "created_at": "2026-01-01T00:00:00Z",
    "attributes": {"a": "x", "b": 2.5, "c": True, "d": "y", "e": 7},
}


def fill_store(home: Path, history: LeadHistory, *, interactions: int, seconds: float) -> int:
    """Fills a new store with leads of sixty interactions each, until there are enough or time is up.

    Returns:
        The number of leads with all of their interactions.
    """
    model = body_with(history, interactions=INTERACTIONS_EACH)
    store = Store(sqlite_url(home / "service.db"), clock=SteadyClock(), secret_file=secret_file_of(home))
    deadline = time.monotonic() + seconds
    leads = 0
    waiting: list[dict[str, Any]] = []
    while leads * INTERACTIONS_EACH < interactions and time.monotonic() < deadline:
        lead_id = f"L{leads:06d}"
        body = {"created_at": model["created_at"], "attributes": model["attributes"]}
        store.put_lead(lead_id, check_body(LeadBody, body))
        waiting += _of_lead(model, lead_id)
        leads += 1
        while len(waiting) >= _BATCH:
            store.add_interactions("fill", waiting[:_BATCH]).result()
            del waiting[:_BATCH]
    store.add_interactions("fill", waiting).result()
    store.close()
    return leads


def score_all(home: Home) -> None:
    """Makes the current scores of all leads."""
    with client_of(home) as client:
        client.rescorer.catch_up()


def batches(history: LeadHistory, *, count: int, size: int) -> list[bytes]:
    """Writes bodies of POST /v1/interactions, no id twice."""
    model = body_with(history, interactions=INTERACTIONS_EACH)["interactions"]
    return [
        json.dumps(
            {
                "source": "load",
                "interactions": [
                    {
                        **model[place % len(model)],
                        "lead_id": f"L{(batch * size + place) // INTERACTIONS_EACH:06d}",
                        "interaction_id": f"i{batch}-{place}",
                    }
                    for place in range(size)
                ],
            }
        ).encode()
        for batch in range(count)
    ]


def post_batches(port: int, bodies: list[bytes], *, connections: int) -> float:
    """Posts bodies over several connections; returns the seconds until all are acknowledged."""
    parts = [iter(bodies[i::connections]) for i in range(connections)]
    threads = [threading.Thread(target=_post_all, args=(port, part)) for part in parts]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - start


def time_many_leads(port: int, *, bodies: int) -> tuple[list[float], list[float], list[float]]:
    """Posts bodies of a thousand new leads, and puts single leads before and beside it.

    Returns:
        Seconds of each body, and of each single lead: before, and beside.
    """
    quiet, beside, own = list[float](), list[float](), list[float]()
    is_over = threading.Event()
    writing = threading.Thread(target=_put_leads, args=(port, beside, is_over))
    before = threading.Thread(target=_put_leads, args=(port, quiet, is_over))
    before.start()
    is_over.wait(_QUIET_SECONDS)
    is_over.set()
    before.join()
    is_over.clear()
    writing.start()
    for number in range(bodies):
        leads = [
            {"lead_id": f"many-{number}-{i}", **_MANY, "account_id": f"many-{i // 5}"} for i in range(_BATCH)
        ]
        own.append(_ask(port, "POST", "/v1/leads", {"leads": leads}))
    is_over.set()
    writing.join()
    return own, quiet, beside


def _put_leads(port: int, seconds: list[float], is_over: threading.Event) -> None:
    while not is_over.wait(0.01):
        body = {"created_at": _MANY["created_at"], "attributes": {"n": len(seconds)}}
        seconds.append(_ask(port, "PUT", f"/v1/leads/single-{len(seconds) % 50}", body))


def _ask(port: int, method: str, path: str, body: dict[str, Any]) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {answer.status}")
    return time.monotonic() - began


def _of_lead(model: dict[str, Any], lead_id: str) -> Iterator[dict[str, Any]]:
    for number, interaction in enumerate(model["interactions"]):
        sent = {name: cell for name, cell in interaction.items() if name != "available_at"}
        yield {**sent, "lead_id": lead_id, "interaction_id": f"{lead_id}-{number}"}


def _post_all(port: int, bodies: Iterator[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for body in bodies:
        connection.request("POST", "/v1/interactions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        counts = json.loads(answer.read())
        if answer.status != 200 or counts["stored"] != counts["received"]:
            raise RuntimeError(f"{answer.status}: {counts['stored']} of {counts['received']} stored")
    connection.close()
