"""How long it takes to score every lead again after a new model, and what requests notice of it meanwhile.

By itself: `python -m tests.benchmarks.serving.rescoring_load`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from features.sources.connections import sqlite_url
from models.bundle.bundle import read_bundle, write_bundle
from models.home.home import Home
from serving.clock import SteadyClock
from serving.loading.scored import load_and_score
from tests.benchmarks.night import benchmark_home, company
from tests.benchmarks.serving.servers import Server
from tests.benchmarks.serving.setup import running_ours

_REQUESTS_PER_SECOND = 200
_CONNECTIONS = 8
_QUIET_SECONDS = 20.0
_POLL_SECONDS = 0.5
# Counting what waits among a million leads takes a while: the server does it a twentieth of the time at most.
_APART = 20
# As many as the target is named for.
_LEADS = 100_000

# The first request of the server.
_BODY = json.dumps({"lead_id": "a", "created_at": "2026-01-01T00:00:00Z"})

_Rows = list[tuple[str, str, str]]


def main() -> None:
    """Measures once, and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=_LEADS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for what, target, measured in rescoring_rows(Path(folder), leads_count=options.leads):
            sys.stdout.write(f"{what} (target {target}): {measured}\n")


def rescoring_rows(folder: Path, *, leads_count: int = _LEADS) -> _Rows:
    """Loads a made-up company of some 20 interactions a lead, and measures the re-scoring of all of them."""
    folder.mkdir(exist_ok=True)
    history, home = company(folder, leads_count), Home(benchmark_home(folder))
    load_and_score(
        str(history), database=sqlite_url(home.path / "service.db"), home=home.path, clock=SteadyClock()
    )
    leads = pq.read_table(history / "leads.parquet", columns=["lead_id"])["lead_id"].to_pylist()
    with running_ours(home.path, _BODY) as ours:
        return _measure(ours, home, leads)


def _measure(ours: Server, home: Home, leads: Sequence[str]) -> _Rows:
    """Promotes the same model as another version, while scores of leads are read at a constant rate."""
    while _pending(ours):
        time.sleep(_POLL_SECONDS)
    until = time.monotonic() + _QUIET_SECONDS
    quiet = _p99_ms(ours, leads, ends=lambda: time.monotonic() > until)
    bundle = read_bundle(home.stored_bundle("1"))
    other = replace(bundle, card=replace(bundle.card, model_version="another"))
    write_bundle(home.bundle_folder("another"), other)
    began = time.monotonic()
    home.swap_champion("another")
    busy = _p99_ms(ours, leads, ends=lambda: time.monotonic() - began > 2 and not _pending(ours))
    seconds = time.monotonic() - began
    what = (
        f"scores of {len(leads):,} leads after a new model, beside {_REQUESTS_PER_SECOND} requests a second"
    )
    return [
        (what, "20 s for 100,000", f"{seconds:.1f} s"),
        ("p99 of `GET /v1/leads/{id}/score` meanwhile / before", "2", f"{busy / quiet:.2f} ({busy:.1f} ms)"),
    ]


def _p99_ms(ours: Server, leads: Sequence[str], *, ends: Callable[[], bool]) -> float:
    """Asks at a constant rate until `ends`; counts from when each request was due, so that a wait counts."""
    taken: list[float] = []
    is_over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(ours, leads, place, taken, is_over))
        for place in range(_CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    polled = time.monotonic()
    while not ends():
        time.sleep(max(_POLL_SECONDS, _APART * (time.monotonic() - polled)))
        polled = time.monotonic()
    is_over.set()
    for thread in threads:
        thread.join()
    return 1e3 * sorted(taken)[int(0.99 * len(taken))]


def _ask(
    ours: Server, leads: Sequence[str], place: int, taken: list[float], is_over: threading.Event
) -> None:
    connection, draw = _connection(ours), random.Random(place)
    apart = _CONNECTIONS / _REQUESTS_PER_SECOND
    due = time.monotonic() + place / _REQUESTS_PER_SECOND
    while not is_over.wait(max(due - time.monotonic(), 0.0)):
        _get(connection, f"/v1/leads/{draw.choice(leads)}/score")
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


if __name__ == "__main__":
    main()
