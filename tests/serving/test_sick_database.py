"""A database that is slow, locked, shared or frozen: what it holds up, and what goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import leadodds
from features.sources.connections import open_engine, sqlite_url
from features.sources.sqlite_driver import sqlite_driver
from serving.clock import SteadyClock
from serving.database.writer import Writer
from serving.errors import BusyError, ReadTooLongError
from serving.store.store import Store
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.processes import Caller
from tests.support.servers import RunningServer, running_server
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, new_database, running_postgresql, secret_file

CREATED = "2026-01-01T00:00:00Z"


def touches(lead_id: str, count: int) -> list[dict[str, Any]]:
    return [
        {"interaction_id": f"{lead_id} {number}", "lead_id": lead_id, "kind": "k", "occurred_at": CREATED}
        for number in range(count)
    ]


def test_score__of_a_lead_with_many_interactions_leaves_the_loop_to_others(tmp_path: Path) -> None:
    with client_of(home_with(tmp_path, small_bundle()), clock=HandClock(at(10))) as client:
        for lead_id, count in (("small", 60), ("large", 5_000)):
            client.put(f"/v1/leads/{lead_id}", json={"created_at": CREATED})
            client.server.store.add_interactions("crm", touches(lead_id, count)).result()
        paths = {f"/v1/leads/{lead_id}/score": lead_id for lead_id in ("small", "large")}
        threads_of = record_threads(client)

        together = client.at_once([("GET", path, {}) for path in paths for _ in range(3)])
        timeline = client.get("/v1/leads/large", params={"interactions": 10})

    assert {answer.status_code for answer in together} == {200}
    assert len({answer.json()["probability"] for answer in together}) == 1
    assert timeline.status_code == 200
    # The small one on the loop, the large one tried there and done in a thread.
    assert threads_of["read_quickly"] == {threading.main_thread().name}
    assert threads_of["read"]
    assert all(name.startswith("leadodds-read") for name in threads_of["read"])


def record_threads(client: Client) -> dict[str, set[str]]:
    """Notes the names of the threads that read the store."""
    store, found = client.server.store, {"read": set[str](), "read_quickly": set[str]()}
    for name in found:
        original = getattr(store, name)

        def recorded(read: Any, original: Any = original, own: set[str] = found[name]) -> Any:
            own.add(threading.current_thread().name)
            return original(read)

        setattr(store, name, recorded)
    return found


def test_read_quickly__interrupts_what_is_long_and_no_other_connection(tmp_path: Path) -> None:
    store = Store(new_database(None, tmp_path), clock=HandClock(0), secret_file=secret_file())
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    count = f"{numbers} SELECT count(*) FROM n"

    def reading(most: int) -> Any:
        return lambda connection: connection.exec_driver_sql(count.format(most)).scalar_one()

    for _ in range(3):
        assert store.read_quickly(reading(1_000)) == 1_000
        with pytest.raises(ReadTooLongError):
            store.read_quickly(reading(100_000))
        # Each of the pool's connections, those that were interrupted among them.
        assert store.read(reading(100_000)) == 100_000
    store.close()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keeps the lock of who writes, as another program does."""
    connection = sqlite_driver().connect(str(database), isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def test_server__with_a_locked_file_answers_within_its_time(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    with client_of(home, database_seconds=0.4) as client:
        client.put("/v1/leads/a", json={"created_at": CREATED})
        with locked(home.path / "service.db"):
            began = time.monotonic()
            sent = [
                ("PUT", "/v1/leads/b", {"json": {"created_at": CREATED}}),
                ("POST", "/v1/score", {"json": {"lead_id": "c", "created_at": CREATED}}),
                ("GET", "/livez", {}),
            ]
            written, scored, alive = client.at_once(sent)
            seconds = time.monotonic() - began
        after = client.put("/v1/leads/b", json={"created_at": CREATED})

    assert (written.status_code, written.json()["code"] in {"store_late", "store_away"}) == (503, True)
    assert written.json()["retry_after_seconds"] == 5
    assert (scored.status_code, alive.status_code, after.status_code) == (200, 200, 200)
    assert seconds < 3


def test_serve__refuses_a_file_that_another_server_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_with(tmp_path, small_bundle())
    monkeypatch.setenv("LEADODDS_HOME", str(home.path))
    with running_server(home) as server:
        with pytest.raises(SystemExit, match="2"):
            leadodds.main(["serve", "--port", "0"])
        server.stop(signal.SIGKILL)
    said = capsys.readouterr().err
    # The lock ends with its process, however that ends.
    with running_server(home) as server:
        caller = Caller(server.port)
        assert caller.call("GET", "/readyz")[0] == 200
        caller.close()

    assert "service.db cannot be used: another server uses it; stop that one, or use PostgreSQL" in said


def test_submit__refuses_jobs_beyond_its_queue(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "other.db"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE leadodds_store (sequence INTEGER)"))
        connection.execute(sa.text("INSERT INTO leadodds_store VALUES (0)"))
    writer, gate, began = (
        Writer(engine, clock=SteadyClock(), most_waiting=2),
        threading.Event(),
        threading.Event(),
    )

    def wait(connection: sa.Connection, receipt: object) -> bool:
        began.set()
        return gate.wait(10)

    first = writer.submit(wait)
    began.wait(10)
    waiting = [writer.submit(wait) for _ in range(2)]

    with pytest.raises(BusyError, match="Too many requests wait"):
        writer.submit(wait)
    gate.set()
    assert [job.result() for job in (first, *waiting)] == [True] * 3
    writer.close()
    engine.dispose()


def test_put__where_the_writer_is_behind_is_told_to_come_again(tmp_path: Path) -> None:
    with client_of(home_with(tmp_path, small_bundle()), waiting_writes=1, database_seconds=0.3) as client:
        gate = threading.Event()
        client.server.store.write(lambda *_: gate.wait(10))
        time.sleep(0.1)
        puts = [("PUT", f"/v1/leads/{number}", {"json": {"created_at": CREATED}}) for number in range(3)]

        answers = client.at_once(puts)
        gate.set()

    codes = sorted(answer.json()["code"] for answer in answers)
    assert {answer.status_code for answer in answers} == {503}
    assert codes == ["busy", "busy", "store_late"]
    assert all(answer.json()["retry_after_seconds"] >= 1 for answer in answers)


class Frozen:
    """A PostgreSQL whose processes all stand still until it is thawed."""

    def __init__(self, url: str) -> None:
        engine = open_engine(url)
        with engine.connect() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            # Now, for the process ends with its connection.
            self._postmaster = _parent_of(backend)
        engine.dispose()
        self._stopped: list[int] = []

    def freeze(self) -> None:
        """Stops the postmaster first, so that no process comes in between."""
        self._stopped = [self._postmaster]
        os.kill(self._postmaster, signal.SIGSTOP)
        for process in _children_of(self._postmaster):
            os.kill(process, signal.SIGSTOP)
            self._stopped.append(process)

    def thaw(self) -> None:
        """Lets them go on."""
        for process in reversed(self._stopped):
            os.kill(process, signal.SIGCONT)


def _parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _children_of(process: int) -> list[int]:
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    children = []
    for other in found:
        try:
            is_child = _parent_of(other) == process
        except OSError:
            continue
        if is_child:
            children.append(other)
    return children


@pytest.mark.parametrize(
    "seconds", [pytest.param(3, marks=pytest.mark.all), pytest.param(60, marks=pytest.mark.long)]
)
def test_server__goes_on_while_postgresql_is_frozen(tmp_path: Path, seconds: int) -> None:
    home = home_with(tmp_path, small_bundle())
    with running_postgresql() as url:
        frozen = Frozen(url)
        with running_server(home, database=url, database_seconds=1, log_requests=False) as server:
            load = Load(server)
            load.wait_for(lambda: len(load.acknowledged) > 10)
            frozen.freeze()
            time.sleep(seconds)
            readiness = load.ask("GET", "/readyz")
            frozen.thaw()
            load.wait_for(lambda: load.writes[-1] == 200)
            load.wait_for(lambda: load.ask("GET", "/readyz")[0] == 200)
            load.end()

        engine = open_engine(url)
        with engine.connect() as connection:
            stored = {*connection.scalars(sa.text("SELECT interaction_id FROM interactions"))}
        engine.dispose()
    assert load.acknowledged <= stored
    # Before and after, and meanwhile.
    assert {*load.writes} == {200, 503}
    assert {*load.others} == {200}
    assert load.slowest < 2.0
    if seconds > 10:
        assert (readiness[0], readiness[1]["status"]) == (503, "store_away")


class Load:
    """Callers that write, read and do what needs no database, until they are ended.

    Attributes:
        acknowledged: ids of interactions that were acknowledged.
        writes: statuses of writing.
        others: statuses of what needs no database.
        slowest: seconds of the slowest of these.
    """

    def __init__(self, server: RunningServer) -> None:
        self.acknowledged: set[str] = set()
        self.writes: list[int] = []
        self.others: list[int] = []
        self.slowest = 0.0
        self._server = server
        self._is_over = threading.Event()
        calls = [*([self._write] * 4), *([self._read] * 12), self._do_others]
        self._threads = [threading.Thread(target=self._repeat, args=(call,)) for call in calls]
        for thread in self._threads:
            thread.start()

    def ask(self, method: str, path: str) -> tuple[int, Any]:
        """Asks once, on a connection of its own."""
        caller = Caller(self._server.port)
        answer = caller.call(method, path)
        caller.close()
        return answer

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Waits until something is so, for half a minute at most."""
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def end(self) -> None:
        """Ends the callers."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _repeat(self, call: Callable[[Caller], None]) -> None:
        caller = Caller(self._server.port)
        while not self._is_over.is_set():
            call(caller)
            time.sleep(0.01)
        caller.close()

    def _write(self, caller: Caller) -> None:
        items = touches(uuid.uuid4().hex, 2)
        status, _ = caller.call("POST", "/v1/interactions", {"source": "crm", "interactions": items})
        self.writes.append(status)
        if status == 200:
            self.acknowledged.update(item["interaction_id"] for item in items)

    def _read(self, caller: Caller) -> None:
        caller.call("GET", "/v1/leads/nobody/score")

    def _do_others(self, caller: Caller) -> None:
        lead = {"lead_id": "a", "created_at": CREATED}
        for method, path, body in (
            ("POST", "/v1/score", lead),
            ("GET", "/livez", None),
            ("GET", "/v1/model", None),
        ):
            began = time.monotonic()
            self.others.append(caller.call(method, path, body)[0])
            self.slowest = max(self.slowest, time.monotonic() - began)
