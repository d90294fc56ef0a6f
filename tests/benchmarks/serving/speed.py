"""How fast the service answers, beside an empty handler and beside MLflow: `make bench-serving`.

Every figure is of one run. A ratio is the median over rounds in which the two are measured one right after
the other, so that other load on the machine affects both alike.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from features.history.lead_history import LeadHistory
from models.bundle.bundle import Bundle
from serving.scoring.predictor import Predictor
from tests.benchmarks.one_lead_speed import one_lead_rows, whole_lead_rows
from tests.benchmarks.sections import machine, table, write_section
from tests.benchmarks.serving.long_reads import long_read_rows
from tests.benchmarks.serving.model import body_with, features_of, full_bundle, simulated_history
from tests.benchmarks.serving.rescoring_load import rescoring_rows
from tests.benchmarks.serving.servers import Load, Server, check_wrk, put_load, script_of_gets, script_of_post
from tests.benchmarks.serving.setup import answer_of, running_empty, running_mlflow, running_ours
from tests.benchmarks.serving.store_load import (
    INTERACTIONS_EACH,
    batches,
    fill_store,
    post_batches,
    score_all,
    time_many_leads,
)
from tests.support.small_models import home_with

_Rows = list[tuple[str, str, str]]

_LOADED = """
import sys
from pathlib import Path
from serving.app import create_app
from serving.settings import ServerSettings
create_app(ServerSettings(home=Path(sys.argv[1])))
print(*[name for name in ("mlflow", "sklearn", "pandas", "matplotlib", "pyspark") if name in sys.modules])
"""

TITLE = "Serving"
_STARTS = 5
_CONNECTIONS = (4, 16)
# Seconds: the current scores are as old as the filling of the store, at most.
_LONGEST_AGE = 2_678_400
# uvloop accepts one new connection per turn, so that of sixteen opened at once the last waits sixteen turns.
# In a short load these are a hundredth of the requests, and would alone decide its p99.
_P99_SECONDS = 10.0
_EMPTY = (
    "The empty handler is a plain FastAPI application on the same uvicorn: our own pydantic model of the "
    "body as its parameter, our model of the answer as what it returns, and in between a constant; no "
    "layer, key, log or metric. Both get the same bytes from the same wrk."
)
_MLFLOW = (
    "MLflow is `mlflow models serve --env-manager local` of the same bundle as a logged model. It is sent "
    "the features of the lead as one row, ready computed, and answers a probability; ours computes them from "
    "the interactions and gives reasons, interval and curve."
)


def main() -> None:
    """Measures everything once, prints it, and writes its section of the page."""
    options = _options()
    check_wrk()
    # On SIGTERM it stops its servers first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    machine_at_start = machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = _measure(Path(folder), options)
    lines = table(("what", "target", "measured"), rows)
    sys.stdout.write("\n".join(lines) + "\n")
    load = f"{machine_at_start}; at the end {machine().rpartition(', ')[2]}."
    write_section(TITLE, [load, "", *lines, "", _EMPTY, _MLFLOW])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every comparison")
    parser.add_argument("--seconds", type=float, default=4.0, help="of load in a round")
    parser.add_argument("--interactions", type=int, default=1_000_000, help="in the store")
    parser.add_argument("--fill-seconds", type=float, default=180.0, help="at most, to fill the store")
    return parser.parse_args()


def _measure(folder: Path, options: argparse.Namespace) -> _Rows:
    history = simulated_history(folder / "company")
    bundle = full_bundle(history, features_of(history))
    predictor = Predictor.from_bundle(bundle)
    rows = one_lead_rows(history, predictor) + whole_lead_rows(history, predictor)
    home = home_with(folder / "home", bundle)
    leads = fill_store(home.path, history, interactions=options.interactions, seconds=options.fill_seconds)
    score_all(home)
    body = json.dumps(body_with(history, interactions=20))
    with running_ours(home.path, body) as ours:
        answer = folder / "answer.json"
        answer.write_bytes(answer_of(ours, body))
        with running_empty(answer, body) as empty:
            rows += _score_rows(folder, body, ours, empty, options)
            rows += _store_rows(folder, ours, empty, leads, options)
        with running_mlflow(folder, predictor, body) as (other, script):
            rows += _mlflow_rows(folder, body, ours, other, script, options)
        rows += _process_rows(folder, ours, bundle, body)
        rows += rescoring_rows(folder / "rescoring")
        rows.append(_ingestion_row(ours, history))
        rows += _many_leads_rows(ours)
        rows += long_read_rows(ours, history)
    return rows


def _score_rows(folder: Path, body: str, ours: Server, empty: Server, options: argparse.Namespace) -> _Rows:
    script = script_of_post(folder / "post.lua", body)
    what = "`POST /v1/score`, 20 interactions, three reasons / same models, empty handler"
    urls = f"{ours.url}/v1/score", f"{empty.url}/v1/score"
    rows = _ratio_rows(what, "0.6", *urls, script, options)
    seconds = max(options.seconds, _P99_SECONDS)
    load = partial(put_load, script=script, connections=16, seconds=seconds)
    pairs = [(load(urls[0]).p99_ms, load(urls[1]).p99_ms) for _ in range(options.rounds)]
    ratio = statistics.median(own / other for own, other in pairs)
    ours_ms, empty_ms = (statistics.median(side) for side in zip(*pairs, strict=True))
    figure = f"{ratio:.2f} times ({ours_ms:.1f} / {empty_ms:.1f} ms)"
    return [*rows, ("p99 of `POST /v1/score` / empty handler, 16 connections", "2 times", figure)]


def _store_rows(folder: Path, ours: Server, empty: Server, leads: int, options: argparse.Namespace) -> _Rows:
    stored = f"{leads * INTERACTIONS_EACH:,}"
    what = f"`GET /v1/leads/{{id}}/score` from SQLite, 60 interactions, {stored} stored / empty handler"
    recent = script_of_gets(folder / "recent.lua", leads=leads, query=f"?max_age={_LONGEST_AGE}")
    rows = _ratio_rows("the same with `max_age`, current scores", "0.8", ours.url, empty.url, recent, options)
    exact = script_of_gets(folder / "get.lua", leads=leads)
    return [*_ratio_rows(what, "0.35", ours.url, empty.url, exact, options), *rows]


def _ratio_rows(
    what: str, target: str, ours: str, empty: str, script: Path, options: argparse.Namespace
) -> _Rows:
    """Compares ours with the empty handler, at few and at many connections."""
    rows = []
    for connections in _CONNECTIONS:
        load = partial(put_load, script=script, connections=connections, seconds=options.seconds)
        ratio, our_rate, empty_rate = _compare(partial(load, ours), partial(load, empty), options.rounds)
        figure = f"{ratio:.2f} ({our_rate:.0f} / {empty_rate:.0f} requests a second)"
        rows.append((f"{what}, {connections} connections", target, figure))
    return rows


def _mlflow_rows(
    folder: Path, body: str, ours: Server, other: Server, script: Path, options: argparse.Namespace
) -> _Rows:
    own = script_of_post(folder / "post.lua", body)
    loads: list[tuple[Load, Load]] = []
    for _ in range(options.rounds):
        our_load = put_load(f"{ours.url}/v1/score", own, connections=4, seconds=options.seconds)
        loads.append(
            (our_load, put_load(f"{other.url}/invocations", script, connections=4, seconds=options.seconds))
        )
    _refuse_failed([load for pair in loads for load in pair])
    times = statistics.median(a.requests_per_second / b.requests_per_second for a, b in loads)
    part = statistics.median(a.p99_ms / b.p99_ms for a, b in loads)
    rate = statistics.median(b.requests_per_second for _, b in loads)
    return [
        (
            "`POST /v1/score` / `mlflow models serve` of the same model, one row",
            "20 times",
            f"{times:.1f} times ({rate:.0f} requests a second there)",
        ),
        ("its p99 / that of MLflow", "0.1", f"{part:.3f}"),
    ]


def _compare(ours: Callable[[], Load], other: Callable[[], Load], rounds: int) -> tuple[float, float, float]:
    """Returns the median ratio of rounds, and both medians of requests per second."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    _refuse_failed([load for pair in pairs for load in pair])
    our_rates, other_rates = (
        [load.requests_per_second for load in side] for side in zip(*pairs, strict=True)
    )
    ratio = statistics.median(a / b for a, b in zip(our_rates, other_rates, strict=True))
    return ratio, statistics.median(our_rates), statistics.median(other_rates)


def _refuse_failed(loads: list[Load]) -> None:
    if any(load.failed for load in loads):
        raise RuntimeError("some requests failed: a rate of errors is no figure")


def _process_rows(folder: Path, ours: Server, bundle: Bundle, body: str) -> _Rows:
    home = home_with(folder / "home of another", bundle).path
    seconds, resident = [], []
    for _ in range(_STARTS):
        with running_ours(home, body) as other:
            seconds.append(other.first_answer_seconds)
            resident.append(other.resident_mib)
    command = [sys.executable, "-c", _LOADED, str(home)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    start = f"{statistics.median(seconds):.2f} s, at best {min(seconds):.2f}"
    return [
        ("process start to first score", "1.5 s", start),
        ("resident at the first score", "200 MiB", f"{max(resident):.0f} MiB"),
        ("resident after all of this", "200 MiB", f"{ours.resident_mib:.0f} MiB"),
        ("imported of mlflow, scikit-learn, pandas, matplotlib, Spark", "none", loaded or "none"),
    ]


def _ingestion_row(ours: Server, history: LeadHistory) -> tuple[str, str, str]:
    size, count, rates = 100, 150, []
    bodies = batches(history, count=3 * count, size=size)
    for i in range(3):
        seconds = post_batches(
            int(ours.url.rpartition(":")[2]), bodies[i * count : (i + 1) * count], connections=4
        )
        rates.append(count * size / seconds)
    return (
        "ingestion, batches of 100 over 4 connections, durable (SQLite FULL)",
        "10,000 a second",
        f"{statistics.median(rates):,.0f} interactions a second",
    )


def _many_leads_rows(ours: Server) -> _Rows:
    own, quiet, beside = time_many_leads(int(ours.url.rpartition(":")[2]), bodies=10)
    late, early = (statistics.quantiles(seconds, n=100)[-1] * 1e3 for seconds in (beside, quiet))
    return [
        ("`POST /v1/leads` of 1,000 new leads", "0.5 s", f"{statistics.median(own):.2f} s"),
        ("p99 of `PUT /v1/leads/{id}` beside it", "", f"{late:.0f} ms; {early:.0f} ms before"),
    ]


if __name__ == "__main__":
    main()
