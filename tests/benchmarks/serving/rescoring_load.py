"""How long it takes to score every lead again after a new model, and what requests notice of it meanwhile."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil

from models.bundle.bundle import Bundle, write_bundle
from models.home.home import Home
from tests.benchmarks.serving.servers import Server

_REQUESTS_PER_SECOND = 200
_CONNECTIONS = 8
_QUIET_SECONDS = 20.0
_POLL_SECONDS = 0.5
# For comparison with the target, which is named for as many.
_LEADS = 100_000


def rescoring_rows(ours: Server, home: Home, bundle: Bundle, *, leads: int) -> list[tuple[str, str, str]]:
    """Promotes the same model as another version, while scores of leads are read at a constant rate.

    Args:
        ours: a server over a store with the leads `L000000` and on.
        home: of the server.
        bundle: the champion.
        leads: number of leads in the store.
    """
    while _pending(ours):
        time.sleep(_POLL_SECONDS)
    until = time.monotonic() + _QUIET_SECONDS
    quiet = _p99_ms(ours, leads, ends=lambda: time.monotonic() > until)
    other = replace(bundle, card=replace(bundle.card, model_version="another"))
    write_bundle(home.bundle_folder("another"), other)
    process = _rescoring_process(ours)
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    home.swap_champion("another")
    busy = _p99_ms(ours, leads, ends=lambda: time.monotonic() - began > 2 and not _pending(ours))
    seconds, processor = time.monotonic() - began, sum(process.cpu_times()[:2]) - before
    each = f"{1e6 * processor / leads:,.0f} us of processor a lead"
    what = f"scores of {leads:,} leads after a new model, beside {_REQUESTS_PER_SECOND} requests a second"
    return [
        (what, "20 s for 100,000", f"{seconds:.1f} s, {_LEADS / leads * seconds:.1f} for 100,000; {each}"),
        ("p99 of `GET /v1/leads/{id}/score` meanwhile / before", "2", f"{busy / quiet:.2f} ({busy:.1f} ms)"),
    ]


def _p99_ms(ours: Server, leads: int, *, ends: Callable[[], bool]) -> float:
    """Asks at a constant rate until `ends`; counts from when each request was due, so that a wait counts."""
    taken: list[float] = []
    is_over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(ours, leads, place, taken, is_over))
        for place in range(_CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    while not ends():
        time.sleep(_POLL_SECONDS)
    is_over.set()
    for thread in threads:
        thread.join()
    return 1e3 * sorted(taken)[int(0.99 * len(taken))]


def _ask(ours: Server, leads: int, place: int, taken: list[float], is_over: threading.Event) -> None:
    connection, draw = _connection(ours), random.Random(place)
    apart = _CONNECTIONS / _REQUESTS_PER_SECOND
    due = time.monotonic() + place / _REQUESTS_PER_SECOND
    while not is_over.wait(max(due - time.monotonic(), 0.0)):
        _get(connection, f"/v1/leads/L{draw.randrange(leads):06d}/score")
        taken.append(time.monotonic() - due)
        due += apart
    connection.close()


def _pending(ours: Server) -> int:
    """Counts the leads that have no score, or one of another version."""
    connection = _connection(ours)
    counts = json.loads(_get(connection, "/v1/health"))["leads"]
    connection.close()
    return int(counts["not_yet_scored"] + counts["of_another_version"])


def _connection(ours: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(ours.url.removeprefix("http://"), timeout=120)


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {content[:200]!r}")
    return content


def _rescoring_process(ours: Server) -> Any:
    children = psutil.Process(ours.pid).children()
    return next(child for child in children if "serving.rescore" in child.cmdline())
