"""Nothing that was acknowledged is lost: hooks while models are swapped, and servers killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from models.home.home import Home
from serving.keys.commands import create
from tests.support.servers import RunningServer, running_server
from tests.support.small_models import home_with, small_bundle

# HOOKS=10000 is the longer proof.
LONG_HOOKS = int(os.environ.get("HOOKS", "10000"))
SENDERS = 8
MEASURED = 300
JSON = {"Content-Type": "application/json"}


def lead_of(number: int) -> bytes:
    """What Odoo sends of a lead."""
    body = {"_model": "crm.lead", "_id": number, "create_date": "2026-05-01 08:00:00", "city": "Ghent"}
    return json.dumps({**body, "write_date": f"2026-05-01 08:{number % 60:02}:00"}).encode()


class Senders:
    """Threads that send hooks, each once, as Odoo does, and note which were acknowledged."""

    def __init__(self, address: str, count: int) -> None:
        self._address = address
        self._count = count
        self.acknowledged: set[int] = set()
        self.sent = 0

    def run(self, is_stopping: threading.Event, port: list[int]) -> None:
        """Sends all, or until it is told to stop."""
        with ThreadPoolExecutor(SENDERS) as pool:
            for part in range(SENDERS):
                pool.submit(self._send, range(part, self._count, SENDERS), is_stopping, port)

    def _send(self, numbers: range, is_stopping: threading.Event, port: list[int]) -> None:
        with httpx.Client(timeout=10) as client:
            for number in numbers:
                if is_stopping.is_set():
                    return
                used = port[0]
                url = f"http://127.0.0.1:{used}{self._address}"
                try:
                    answer = client.post(url, content=lead_of(number), headers=JSON)
                except httpx.HTTPError:
                    # Odoo sends it never again; the next ones go to the server that comes up.
                    while port[0] == used and not is_stopping.is_set():
                        time.sleep(0.05)
                    continue
                self.sent += 1
                if answer.status_code == 200:
                    self.acknowledged.add(number)


def swap_models(home: Home, is_stopping: threading.Event) -> None:
    """Lets two versions take turns as the champion."""
    names = ["1", "2"]
    while not is_stopping.wait(0.1):
        names.reverse()
        home.swap_champion(names[0])


def prove(folder: Path, *, hooks: int) -> tuple[int, int]:
    """Sends hooks while models are swapped and the server is killed; counts those acknowledged, and lost."""
    home = home_with(folder, small_bundle(), small_bundle(average=-1.0, version="2"))
    now = time.time_ns() // 1000
    keys = {
        name: create(name, scope, home=home.path, now=now, requests_per_second=1e6)["key"]
        for name, scope in {"admin": "admin", "odoo": "hook:odoo"}.items()
    }
    senders = Senders(f"/v1/hooks/odoo/{keys['odoo']}", hooks)
    is_stopping, port = threading.Event(), [0]
    sending = threading.Thread(target=senders.run, args=(is_stopping, port))
    swapping = threading.Thread(target=swap_models, args=(home, is_stopping))
    with running_server(home, log_requests="false") as first:
        port[0] = first.port
        sending.start()
        swapping.start()
        while sending.is_alive() and senders.sent < hooks // 2:
            time.sleep(0.01)
        first.stop(signal.SIGKILL)
    with running_server(home, log_requests="false") as second:
        port[0] = second.port
        sending.join()
        is_stopping.set()
        swapping.join()
        missing = lost(second, keys["admin"], senders.acknowledged)
    return len(senders.acknowledged), len(missing)


def lost(server: RunningServer, key: str, acknowledged: set[int]) -> set[int]:
    """The leads that were acknowledged, and are not there once nothing waits to be mapped."""
    missing, deadline = {*acknowledged}, time.monotonic() + 120
    with httpx.Client(base_url=server.url, headers={"X-API-Key": key}, timeout=30) as client:
        while missing and time.monotonic() < deadline:
            for part in parts(sorted(missing)):
                asked = [str(number) for number in part]
                answer = client.post("/v1/leads/scores", json={"lead_ids": asked})
                found = [row["lead_id"] for row in answer.json()["scores"] if row["status"] == "scored"]
                missing -= {int(id_) for id_ in found}
            time.sleep(0.1)
    return missing


def parts(numbers: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), 200):
        yield numbers[start : start + 200]


def test_hooks__none_acknowledged_is_lost_in_a_swap_and_a_kill(tmp_path: Path) -> None:
    acknowledged, missing = prove(tmp_path, hooks=200)

    assert acknowledged > 100
    assert missing == 0


@pytest.mark.long
def test_hooks__none_of_many_acknowledged_is_lost(tmp_path: Path) -> None:
    acknowledged, missing = prove(tmp_path, hooks=LONG_HOOKS)

    told = f"{acknowledged} of {LONG_HOOKS} hooks were acknowledged, {missing} of them lost"
    print(told)  # noqa: T201 - the figure
    assert acknowledged > LONG_HOOKS // 2
    assert missing == 0


@pytest.mark.long
def test_hooks__are_acknowledged_while_interactions_are_written(tmp_path: Path) -> None:
    """Prints how long acknowledgements take alone, and while 1,000 interactions at a time are written."""
    home = home_with(tmp_path, small_bundle())
    now = time.time_ns() // 1000
    keys = {
        name: create(name, scope, home=home.path, now=now, requests_per_second=1e6)["key"]
        for name, scope in {"admin": "admin", "odoo": "hook:odoo"}.items()
    }
    is_stopping = threading.Event()
    with running_server(home, log_requests="false") as server:
        writing = threading.Thread(target=write_interactions, args=(server, keys["admin"], is_stopping))
        with httpx.Client(base_url=server.url, timeout=10) as client:
            alone = [acknowledge(client, keys["odoo"], number) for number in range(MEASURED)]
            writing.start()
            beside = [acknowledge(client, keys["odoo"], number) for number in range(MEASURED, 2 * MEASURED)]
        is_stopping.set()
        writing.join()

    for name, seconds in (("alone", alone), ("beside interactions", beside)):
        p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
        print(f"{name}: acknowledged in {p50:.1f} ms, p99 {p99:.1f} ms")  # noqa: T201 - the figure


def acknowledge(client: httpx.Client, token: str, number: int) -> float:
    """Seconds until a hook is acknowledged."""
    began = time.perf_counter()
    answer = client.post(f"/v1/hooks/odoo/{token}", content=lead_of(number), headers=JSON)
    assert answer.status_code == 200
    time.sleep(0.02)
    return time.perf_counter() - began - 0.02


def write_interactions(server: RunningServer, key: str, is_stopping: threading.Event) -> None:
    """Writes 1,000 interactions again and again."""
    count = 0
    with httpx.Client(base_url=server.url, headers={"X-API-Key": key}, timeout=30) as client:
        while not is_stopping.is_set():
            items = [
                {
                    "interaction_id": f"{count + number}",
                    "lead_id": f"{number % 100}",
                    "kind": "page_view",
                    "occurred_at": "2026-05-02T08:00:00Z",
                }
                for number in range(1000)
            ]
            client.post("/v1/interactions", json={"source": "web", "interactions": items})
            count += 1000
