"""A server over its sockets: slow and boundless senders, what is no HTTP, its log, and how it stops."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.http.openapi.problem_answers import Problem
from serving.http.protocol import HEAD_LIMIT_BYTES, MOST_HEADERS
from tests.support.servers import RunningServer, running_server
from tests.support.small_models import home_with, small_bundle

RECEIVE_SECONDS = 1.0
SECRET = "Erika-Mustermann-4711"
LEAD = {"lead_id": SECRET, "created_at": "2026-05-01T08:00:00Z", "as_of": "2026-05-20T08:00:00Z"}
BODY = json.dumps(LEAD).encode()
HEAD = (
    b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nX-Request-ID: crm-42\r\n\r\n" % len(BODY)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    home = home_with(tmp_path_factory.mktemp("home"), small_bundle())
    with running_server(home, receive_seconds=RECEIVE_SECONDS) as server:
        yield server


def answers(connection: socket.socket) -> tuple[list[int], bytes]:
    """Reads until the other side hangs up; the statuses, and everything."""
    received = b""
    while part := connection.recv(65536):
        received += part
    statuses = [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    # A status line may follow a body without a line break.
    statuses += [int(rest[:3]) for rest in received.split(b"}HTTP/1.1 ")[1:]]
    return statuses, received


def exchange(server: RunningServer, *pieces: bytes, pause: float = 0.0) -> tuple[list[int], bytes]:
    """Sends pieces on a connection of its own; what came back until the server hung up."""
    with server.connect() as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except ConnectionError:
                break
            time.sleep(pause)
        return answers(connection)


def problem_in(received: bytes) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(received.rpartition(b"\r\n\r\n")[2])
    Problem.model_validate(details)
    return details


CLOSING = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def test_protocol__takes_a_request_in_any_pieces(server: RunningServer) -> None:
    whole = CLOSING + BODY

    for size in (1, 7, len(HEAD), len(whole)):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        statuses, received = exchange(server, *pieces, pause=0.0005)

        assert statuses == [200], received


def test_protocol__answers_requests_that_come_at_once_in_their_order(server: RunningServer) -> None:
    ids = [b"one", b"two", b"three"]
    requests = [HEAD.replace(b"crm-42", id_) + BODY for id_ in ids[:2]]
    requests.append(CLOSING.replace(b"crm-42", ids[2]) + BODY)

    statuses, received = exchange(server, b"".join(requests))

    assert statuses == [200, 200, 200]
    assert sorted(ids, key=received.index) == ids


@pytest.mark.parametrize("received", [0, 1, 10])
def test_read_body__gives_a_slow_sender_up(server: RunningServer, received: int) -> None:
    began = time.monotonic()

    statuses, received = exchange(server, HEAD + BODY[:received])

    assert statuses == [408]
    assert (problem_in(received)["code"], problem_in(received)["request_id"]) == ("body_late", "crm-42")
    assert RECEIVE_SECONDS * 0.9 < time.monotonic() - began < RECEIVE_SECONDS + 4


def test_read_body__a_byte_now_and_then_is_no_haste(server: RunningServer) -> None:
    statuses, received = exchange(server, HEAD, *(BODY[place : place + 1] for place in range(8)), pause=0.2)

    assert statuses == [408], received


@pytest.mark.parametrize(
    "sent", [b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: loc", b"GET /livez HTTP/1.1\r\n"]
)
def test_protocol__gives_a_slow_head_up(server: RunningServer, sent: bytes) -> None:
    statuses, received = exchange(server, sent)

    assert statuses in ([408], [])
    if statuses:
        assert problem_in(received)["code"] == "late"


def test_protocol__hangs_up_on_who_says_nothing(server: RunningServer) -> None:
    began = time.monotonic()

    assert exchange(server) == ([], b"")
    assert time.monotonic() - began < RECEIVE_SECONDS + 4


def test_protocol__hangs_up_when_the_body_of_an_answered_request_never_ends(server: RunningServer) -> None:
    head = HEAD.replace(b"POST /v1/score", b"GET /livez")

    statuses, _ = exchange(server, head)

    assert statuses == [200]


FILLING = b"X-Filling: " + b"x" * 1000 + b"\r\n"
TOO_LARGE = {
    "one header": b"X-A: " + b"x" * HEAD_LIMIT_BYTES + b"\r\n",
    "many bytes": FILLING * 40,
    "many headers": b"A: b\r\n" * (MOST_HEADERS + 1),
    "ten megabytes": b"X-A: " + b"x" * 10_000_000 + b"\r\n",
}


@pytest.mark.parametrize("headers", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("piece", [4096, 100_000_000])
def test_protocol__refuses_a_head_without_bounds(server: RunningServer, headers: bytes, piece: int) -> None:
    sent = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n"

    with server.connect() as connection:
        try:
            for start in range(0, len(sent), piece):
                connection.sendall(sent[start : start + piece])
            statuses, received = answers(connection)
        except ConnectionError:
            # It hung up while we were still talking; others are answered as before.
            statuses, _ = exchange(
                server, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            assert statuses == [200]
            return

    assert statuses == [431]
    assert problem_in(received)["code"] == "head_too_large"


def test_protocol__refuses_an_address_without_bounds(server: RunningServer) -> None:
    statuses, _ = exchange(
        server, b"GET /v1/leads/" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )

    assert statuses == [431]


def test_protocol__takes_a_large_head_within_bounds(server: RunningServer) -> None:
    sent = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + FILLING * 30 + b"\r\n"

    assert exchange(server, sent)[0] == [200]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\0" * 64,
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_protocol__refuses_what_is_no_http(server: RunningServer, sent: bytes) -> None:
    statuses, received = exchange(server, sent)

    assert statuses[-1:] in ([400], [404], [415], [])
    assert 500 not in statuses
    if statuses == [400]:
        assert problem_in(received)["code"] == "not_http"


def test_stop__finishes_what_was_taken_and_refuses_what_comes(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    with (
        running_server(home, drain_seconds=3.0, receive_seconds=20) as server,
        httpx.Client(base_url=server.url) as kept,
        server.connect() as slow,
    ):
        assert kept.get("/readyz").status_code == 200
        kept.get(f"/v1/leads/{SECRET}", params={SECRET: SECRET})
        exchange(server, SECRET.encode() + b"\r\n\r\n")
        slow.sendall(CLOSING + BODY[:10])
        time.sleep(0.3)

        stopping = threading.Thread(target=server.stop)
        stopping.start()
        time.sleep(0.7)
        ready, refused = kept.get("/readyz"), httpx.post(f"{server.url}/v1/score", json=LEAD)
        alive = httpx.get(f"{server.url}/livez")
        slow.sendall(BODY[10:])
        statuses, received = answers(slow)
        stopping.join(timeout=40)

    assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
    assert (refused.status_code, refused.json()["code"]) == (503, "draining")
    assert refused.headers["retry-after"] == str(refused.json()["retry_after_seconds"])
    assert refused.headers["connection"] == "close"
    assert (alive.status_code, statuses) == (200, [200]), received
    assert server.process.returncode in (0, -15)
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert any(line["message"].startswith("stopping") for line in lines)
    assert any("no key" in line["message"] for line in lines)
    assert all({"time", "level", "logger", "message"} <= {*line} for line in lines)
    logged = [(line["request_id"], line["route"], line["status"]) for line in lines if "route" in line]
    assert ("crm-42", "/v1/score", 200) in logged
    # Neither ids in paths nor what was no HTTP are logged.
    assert SECRET not in server.log


async def _trickle(port: int, head: bytes, piece: bytes) -> float:
    """Sends a request a byte or a line at a time; seconds until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(head)
    try:
        while not reader.at_eof():
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1024), 0.5)
                continue
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    seconds = time.monotonic() - began
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return seconds


async def _trickle_many(port: int, clients: int, *, seconds: float) -> tuple[list[float], list[int]]:
    """Runs slow clients of three kinds beside a good one; their seconds, and the statuses of the good one."""
    body = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body += b"Content-Length: 9999\r\n\r\n"
    kinds = [(b"GET /livez", b"x"), (b"GET /livez HTTP/1.1\r\n", b"X-A: b\r\n"), (body, b" ")]
    slow = [asyncio.ensure_future(_trickle(port, *kinds[number % 3])) for number in range(clients)]
    statuses = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(task.done() for task in slow):
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        statuses.append(int(answer.split()[1]))
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.05)
    return list(await asyncio.gather(*slow)), statuses


@pytest.mark.parametrize(("clients", "limit"), [(30, 1.0), pytest.param(1_000, 12.0, marks=pytest.mark.long)])
def test_server__closes_trickling_clients_while_good_ones_go_on(
    tmp_path: Path, clients: int, limit: float
) -> None:
    home = home_with(tmp_path, small_bundle())
    with running_server(home, receive_seconds=limit, log_requests=False) as server:
        slow, statuses = asyncio.run(_trickle_many(server.port, clients, seconds=60))

    assert len(slow) == clients
    assert max(slow) < limit + 3
    # A client counts from the moment at which its loop comes back to it, after the server has accepted it.
    assert min(slow) > limit / 2
    assert {*statuses} == {200}
