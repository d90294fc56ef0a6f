"""How long small requests wait while others read a lead with very many interactions."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from features.history.lead_history import LeadHistory
from tests.benchmarks.serving.model import body_with
from tests.benchmarks.serving.servers import Server
from tests.benchmarks.serving.store_load import INTERACTIONS_EACH

_LEAD = "many"
_INTERACTIONS, _BATCH = 20_000, 1_000
_REQUESTS = 400
_READERS = 4


def long_read_rows(server: Server, history: LeadHistory) -> list[tuple[str, str, str]]:
    """Stores the lead, measures, and returns rows of what was measured, target and figure."""
    port = int(server.url.rpartition(":")[2])
    _store(port, history)
    quiet = _latencies(port)
    with _reading(port):
        busy = _latencies(port)
    p99_ms = [1_000 * float(np.quantile(seconds, 0.99)) for seconds in (quiet, busy)]
    figure = f"{p99_ms[1]:.1f} ms ({p99_ms[0]:.1f} ms without them)"
    what = f"p99 of `/livez` while {_READERS} callers score a lead of {_INTERACTIONS:,} interactions"
    return [(what, "", figure)]


def _store(port: int, history: LeadHistory) -> None:
    model = body_with(history, interactions=INTERACTIONS_EACH)
    kept = ("kind", "occurred_at", "channel", "campaign")
    rows = [{name: row[name] for name in kept if name in row} for row in model["interactions"]]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    _ask(connection, "PUT", f"/v1/leads/{_LEAD}", {"created_at": model["created_at"]})
    for start in range(0, _INTERACTIONS, _BATCH):
        items = [
            {**rows[number % len(rows)], "lead_id": _LEAD, "interaction_id": str(number)}
            for number in range(start, start + _BATCH)
        ]
        _ask(connection, "POST", "/v1/interactions", {"source": "long", "interactions": items})
    connection.close()


@contextmanager
def _reading(port: int) -> Iterator[None]:
    is_over = threading.Event()

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not is_over.is_set():
            _ask(connection, "GET", f"/v1/leads/{_LEAD}/score")
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(_READERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _latencies(port: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds = []
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        _ask(connection, "GET", "/livez")
        seconds.append(time.perf_counter() - started)
    connection.close()
    return seconds


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> None:
    sent = None if body is None else json.dumps(body).encode()
    connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
    answer = connection.getresponse()
    told = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {told[:200]!r}")
