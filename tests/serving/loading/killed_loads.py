"""A loading that is killed several times on its way, and then run to its end."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.support.servers import ROOT

TABLES: Final = ("leads", "account_changes", "attribute_changes", "outcomes", "interactions")
_START: Final = """
import sys
from serving.loading import prepared
prepared.BATCH_ROWS = int(sys.argv.pop(1))
from leadodds import main
main(sys.argv[1:])
"""


def load_process(
    history: Path, database: Path, home: Path, *, batch_rows: int, workers: int | None = None
) -> subprocess.Popen[str]:
    """Starts `leadodds load --json` in a process of its own."""
    options = [] if workers is None else ["--workers", str(workers)]
    return subprocess.Popen(
        [
            *(sys.executable, "-c", _START, str(batch_rows), "load", str(history)),
            *("--database", f"sqlite:///{database}", "--json", *options),
        ],
        cwd=ROOT,
        env={**os.environ, "LEADODDS_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_at(process: subprocess.Popen[str], database: Path, leads_count: int) -> int:
    """Kills a loading once so many leads are stored; gives their number then.

    Raises:
        RuntimeError: it ended before.
    """
    while (stored := _leads_stored(database)) < leads_count:
        if process.poll() is not None:
            raise RuntimeError(f"the loading ended with {stored} leads before it was killed")
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return _leads_stored(database)


def digest_of(database: Path, tables: Sequence[str] = TABLES) -> str:
    """Hashes all rows of a database that a loading writes, in the order of their keys."""
    hashed = hashlib.sha256()
    for row in _rows(database, tables):
        hashed.update(repr(row).encode())
    return hashed.hexdigest()


def _rows(database: Path, tables: Sequence[str]) -> Iterator[tuple[object, ...]]:
    order = {"interactions": "source, interaction_id", "outcomes": "key"}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for table in tables:
            yield (table,)
            yield from connection.execute(
                f"SELECT * FROM {table} ORDER BY {order.get(table, 'lead_id, rowid')}"
            )


def _leads_stored(database: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            # Leads are numbered from 1; to count them would take longer than some batches.
            return int(connection.execute("SELECT ifnull(max(rowid), 0) FROM leads").fetchone()[0])
    except sqlite3.OperationalError:
        # The tables are not there yet.
        return 0
