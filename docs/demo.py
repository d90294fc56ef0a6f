"""Starts a server and requests the score of one lead: `python -m docs.demo HISTORY SCORES`.

The lead is the one with rank 1 in SCORES, which `leadodds score` wrote. Request and answer are printed as
they are sent over HTTP, so that a reader sees all that a CRM has to do; of long lists only the newest rows.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import typer

from features.checks.checked_history import read_history
from features.errors import LeadOddsError
from features.history.known import attribute_values, known_at
from features.history.lead_history import DIRECTION_NAMES, Categories, Interactions, LeadHistory
from features.times import format_time, to_us

_PATIENCE_SECONDS: Final = 30.0
_SHOWN_ROWS: Final = 3


class ServerSilentError(LeadOddsError):
    """The server did not become ready."""

    exit_code = 1

    def __init__(self, url: str) -> None:
        super().__init__(f"No server answered at {url} within {_PATIENCE_SECONDS:g} seconds.")


def request_score(history: str, scores: Path) -> None:
    """Starts a server, requests the score of the first lead of a call list, and stops the server.

    Args:
        history: folder or database URL that was scored.
        scores: Parquet file of its scores.
    """
    lead_id, as_of = _first_to_call(scores)
    body = body_of(read_history(history).history, lead_id, as_of)
    with running_server() as url:
        typer.echo(f"POST {url}/v1/score\n{json.dumps(_shortened(body), ensure_ascii=False)}\n")
        typer.echo(_post(f"{url}/v1/score", json.dumps(body, ensure_ascii=False)))


def body_of(history: LeadHistory, lead_id: str, as_of: int) -> dict[str, Any]:
    """Writes the body that a CRM sends to score one lead: everything known of it at `as_of`.

    Args:
        history: with the lead.
        lead_id: of a lead that exists at `as_of`.
        as_of: microseconds UTC.
    """
    known = known_at(history, as_of)
    lead = known.lead_ids.index(lead_id).as_py()
    body = {
        "lead_id": lead_id,
        "created_at": format_time(int(known.created_at[lead])),
        "as_of": format_time(as_of),
        "attributes": _attributes(known, lead, as_of),
        "interactions": _interactions(known.interactions, lead),
    }
    account = int(known.account[lead])
    if known.account_interactions is not None and account >= 0:
        body["account_id"] = f"account {account}"
        body["account_interactions"] = _interactions(known.account_interactions, account)
    return body


@contextmanager
def running_server() -> Iterator[str]:
    """Runs `leadodds serve` on a free port of this machine until the block ends; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=_PATIENCE_SECONDS)


def _shortened(body: dict[str, Any]) -> dict[str, Any]:
    """Keeps the newest rows of each list, and says how many stood before them.

    >>> _shortened({"lead_id": "a", "interactions": [1, 2, 3, 4, 5]})
    {'lead_id': 'a', 'interactions': ['... 2 more ...', 3, 4, 5]}
    """
    return {
        name: [f"... {len(value) - _SHOWN_ROWS} more ...", *value[-_SHOWN_ROWS:]]
        if isinstance(value, list) and len(value) > _SHOWN_ROWS
        else value
        for name, value in body.items()
    }


def _first_to_call(scores: Path) -> tuple[str, int]:
    first = pq.read_table(scores, columns=["lead_id", "as_of"], filters=[("rank", "==", 1)]).to_pylist()[0]
    return first["lead_id"], to_us(first["as_of"])


def _attributes(known: LeadHistory, lead: int, as_of: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, attribute in known.attributes.items():
        value = float(attribute_values(attribute, np.array([lead]), as_of)[0])
        if np.isnan(value):
            values[name] = None
        elif attribute.type == "category":
            values[name] = attribute.categories[int(value)]
        else:
            values[name] = bool(value) if attribute.type == "boolean" else value
    return values


def _interactions(rows: Interactions, group: int) -> list[dict[str, Any]]:
    owned = range(int(rows.starts[group]), int(rows.starts[group + 1]))
    return [_interaction(rows, row) for row in owned]


def _interaction(rows: Interactions, row: int) -> dict[str, Any]:
    value = float(rows.value[row])
    cells = {
        "kind": _name(rows.kind, row),
        "occurred_at": format_time(int(rows.occurred_at[row])),
        "available_at": format_time(int(rows.available_at[row])),
        "direction": DIRECTION_NAMES.get(int(rows.direction[row])),
        "channel": _name(rows.channel, row),
        "campaign": _name(rows.campaign, row),
        "value": None if np.isnan(value) else value,
    }
    return {name: cell for name, cell in cells.items() if cell is not None}


def _name(column: Categories, row: int) -> str | None:
    code = int(column.codes[row])
    return column.values[code] if code >= 0 else None


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise ServerSilentError(url)


def _post(url: str, body: str) -> str:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - loopback
        text: str = answer.read().decode()
    return text


if __name__ == "__main__":
    typer.run(request_score)
