"""What the first view of the page costs with a hundred thousand open leads: `make bench-page`."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from features.sources.connections import sqlite_url
from features.sources.service_tables import LEADS
from models.home.home import Home
from serving.database.engine import open_store_engine, writing
from serving.database.score_tables import CURRENT_SCORES
from serving.page.assets import read_page_files
from tests.benchmarks.sections import machine, table, write_section
from tests.benchmarks.serving.model import body_with, features_of, full_bundle, simulated_history
from tests.benchmarks.serving.servers import Server
from tests.benchmarks.serving.setup import running_ours
from tests.benchmarks.serving.store_load import INTERACTIONS_EACH, fill_store, score_all
from tests.support.small_models import home_with

TITLE = "First view of the page"
_OPEN_LEADS = 100_000
# These are stored and scored; the others are copies of them, each with another priority.
_SCORED_LEADS = 500
_FILL_SECONDS = 60.0
_VIEWS = 30
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class TimedRequest:
    """One request of a view.

    Attributes:
        seconds: until its last byte was there.
        size: bytes of its answer, headers included.
    """

    seconds: float
    size: int


def main() -> None:
    """Measures, prints, and writes its section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=_OPEN_LEADS, help="open leads in the store")
    leads_count = parser.parse_args().leads
    machine_at_start = machine()
    with tempfile.TemporaryDirectory() as folder:
        history = simulated_history(Path(folder, "company"))
        home = home_with(Path(folder, "home"), full_bundle(history, features_of(history)))
        fill_store(home.path, history, interactions=_SCORED_LEADS * INTERACTIONS_EACH, seconds=_FILL_SECONDS)
        score_all(home)
        multiply(home, leads_count=leads_count)
        with running_ours(home.path, json.dumps(body_with(history, interactions=20))) as server:
            views, processor_seconds = measure_views(server)
    lines = figures_table(views, processor_seconds=processor_seconds, leads_count=leads_count)
    sys.stdout.write("\n".join([machine_at_start, *lines]) + "\n")
    write_section(TITLE, [machine_at_start, "", *lines])


def multiply(home: Home, *, leads_count: int) -> None:
    """Copies the scored leads until there are `leads_count`, in SQLite itself."""
    engine = open_store_engine(sqlite_url(home.path / "service.db"))
    with writing(engine).begin() as connection:
        scored = connection.scalar(sa.select(sa.func.count()).select_from(CURRENT_SCORES)) or 1
        copies = -(-leads_count // scored) - 1
        for copied in (LEADS, CURRENT_SCORES):
            connection.exec_driver_sql(_copy_statement(copied), (copies,))
    engine.dispose()


def measure_views(server: Server) -> tuple[list[dict[str, TimedRequest]], float]:
    """Requests everything that the first view needs, again and again.

    Returns:
        Each view by path, the first of them right after the start; and processor seconds of a later one.
    """
    paths = ["/", *(f"/web/{name}" for name in sorted(read_page_files())), "/session", "/v1/leads?"]
    views = [_view(server, paths)]
    before = _processor_seconds(server.pid)
    views += [_view(server, paths) for _ in range(_VIEWS)]
    return views, (_processor_seconds(server.pid) - before) / _VIEWS


def figures_table(
    views: Sequence[dict[str, TimedRequest]], *, processor_seconds: float, leads_count: int
) -> list[str]:
    """Writes the figures as a Markdown table."""
    first, *later = views
    list_ms = [1_000 * view["/v1/leads?"].seconds for view in later]
    total_ms = [1_000 * sum(request.seconds for request in view.values()) for view in later]
    size_kib = sum(request.size for request in first.values()) / 1024
    rows = [
        ("processor time of the server for a view (target: 300 ms)", f"{1_000 * processor_seconds:.0f} ms"),
        ("transferred, nothing compressed, headers included (target: 200 KiB)", f"{size_kib:.0f} KiB"),
        ("of these the fifty leads", f"{first['/v1/leads?'].size / 1024:.0f} KiB"),
        (
            f"all {len(first)} requests one after the other, right after the start",
            f"{1_000 * sum(request.seconds for request in first.values()):.0f} ms",
        ),
        ("the same later, median", f"{statistics.median(total_ms):.0f} ms"),
        ("the same later, least", f"{min(total_ms):.0f} ms"),
        ("the list alone, least", f"{min(list_ms):.0f} ms"),
    ]
    return table([f"{leads_count:,} open leads", ""], rows)


def _copy_statement(copied: sa.Table) -> str:
    """Writes the statement that copies rows under new ids."""
    changed = {
        "lead_id": "lead_id || '-' || number",
        "worth": "worth * (1 + abs(random() % 1000) / 1000.0)",
    }
    names = [column.name for column in copied.columns]
    selected = ", ".join(changed.get(name, name) for name in names)
    return (
        "WITH RECURSIVE numbers(number) AS "
        "(SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?) "
        f"INSERT INTO {copied.name} ({', '.join(names)}) SELECT {selected} FROM {copied.name}, numbers"
    )


def _view(server: Server, paths: Sequence[str]) -> dict[str, TimedRequest]:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=60)
    view = {path: _request(connection, path) for path in paths}
    connection.close()
    return view


def _request(connection: http.client.HTTPConnection, path: str) -> TimedRequest:
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - started
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return TimedRequest(seconds, len(body) + len(bytes(answer.headers)))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
