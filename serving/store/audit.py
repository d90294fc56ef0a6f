"""Records the scores given from the store, so that they can be replayed; in groups, after the response."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from serving.database.schema import ERASED
from serving.database.score_tables import AUDIT
from serving.database.statements import insert_rows
from serving.database.writer import Receipt, Writer
from serving.errors import BusyError, StoreAwayError
from serving.intake.erasures import erased_leads
from serving.intake.ingest import insert_new
from serving.intake.items import hash_of_score
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.json_rows import JsonObject
from serving.scoring.reasons import ReasonCount

_LOG: Final = logging.getLogger("leadodds.serving")

# How long a score may be without its row; a process that is killed loses the rows of this time.
GROUP_SECONDS: Final = 0.5
# When the database is down for long, the oldest rows are dropped before the server runs out of memory.
_MOST_WAITING: Final = 100_000

NUMBERS: Final = ("status", "probability", "probability_low", "probability_high", "base_log_odds")
_NAMED: Final = ("lead_id", "horizon_days", "model_version", "feature_set", *NUMBERS)
# Neither when it was made nor how the lead is ranked is part of what was predicted.
_DIGESTED: Final = itemgetter(*(name for name in SCORE_COLUMNS if name not in ("scored_at", "held_out")))


def digest_of(score: JsonObject) -> bytes:
    """Hashes all columns of a score except `scored_at` and `held_out`."""
    return hashlib.blake2b(to_json(_DIGESTED(score)), digest_size=16).digest()


class AuditTrail:
    """Collects rows and writes them twice a second."""

    def __init__(self, writer: Writer, *, salt: bytes) -> None:
        self._writer = writer
        self._salt = salt
        self._waiting: list[dict[str, Any]] = []
        self._guard = threading.Lock()
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None

    def record(
        self,
        score_id: str,
        score: JsonObject,
        *,
        as_of: int,
        scored_at: int,
        sequence: int,
        reasons: ReasonCount,
    ) -> None:
        """Queues the row of a score, which is stored within a second."""
        # Made at once, so that the score itself can be freed while it is still in the cache of the processor.
        row = {
            "score_id": score_id,
            "as_of": as_of,
            "scored_at": scored_at,
            "sequence": sequence,
            "reasons": str(reasons),
            **{name: score[name] for name in _NAMED},
            "digest": digest_of(score),
        }
        with self._guard:
            self._waiting.append(row)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leadodds-audit", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Writes the queued rows; keeps them queued while the database is down."""
        with self._guard:
            rows, self._waiting = self._waiting, []
        if not rows:
            return
        try:
            self._writer.submit(partial(_add_rows, salt=self._salt, rows=rows)).result()
        except (StoreAwayError, BusyError):
            with self._guard:
                self._waiting = _latest([*rows, *self._waiting])
        except Exception as error:  # noqa: BLE001 - whatever happens to these rows, later ones are written
            _LOG.error("%s scores cannot be replayed: %s", len(rows), type(error).__name__)

    def close(self) -> None:
        """Writes the last rows."""
        self._is_closing.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._is_closing.wait(GROUP_SECONDS):
            self.flush()


def _latest(waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(waiting) > _MOST_WAITING:
        lost = len(waiting) - _MOST_WAITING
        _LOG.error("%s scores cannot be replayed: the database was down for too long", lost)
    return waiting[-_MOST_WAITING:]


def _add_rows(
    connection: sa.Connection, receipt: Receipt, *, salt: bytes, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Writes rows; of a lead that was erased in the meantime only the hashes that an erasure leaves."""
    erased = erased_leads(connection, salt, (row["lead_id"] for row in rows))
    insert_rows(connection, AUDIT, [row for row in rows if row["lead_id"] not in erased])
    gone = [row["score_id"] for row in rows if row["lead_id"] in erased]
    if gone:
        hashes = [{"hash": hash_of_score(salt, score_id), "erased_at": receipt.at} for score_id in gone]
        connection.execute(insert_new(connection, ERASED), hashes)
