"""Scores every lead of a history: the nightly job, and anyone who wants the whole list.

Leads are scored in chunks. Each chunk is set down on the disk, because a rank needs all leads, and is read
again to be written with its ranks: memory holds one chunk of scores, and one number a lead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from features.columns import Floats, Ints, LeadHistory
from features.errors import LeadOddsError
from features.history import read_history
from features.known import is_known
from features.progress import Progress, silent
from features.targets import form_of, published
from features.times import format_time
from models.bundle import read_bundle
from models.store import Home, resolve_model
from serving.output import score_table
from serving.parts import read_spilled, spill, write_whole
from serving.predictor import Predictor
from serving.ranking import rank_leads
from serving.reasons import ReasonCount
from serving.scores import FAILED, STATUSES, Scores

CHUNK_LEADS: Final = 20_000


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a batch did.

    Attributes:
        out: the target.
        model_version: that answered.
        as_of: microseconds UTC.
        by_status: number of leads of each status that occurs.
        failures: why leads failed, by id, in the order of the ids.
    """

    out: Path
    model_version: str
    as_of: int
    by_status: dict[str, int]
    failures: dict[str, str]

    @property
    def exit_code(self) -> int:
        """3 when a lead failed, else 0."""
        return 3 if self.failures else 0

    def __str__(self) -> str:
        """Tells the outcome to a person."""
        statuses = ", ".join(f"{count} {status}" for status, count in self.by_status.items()) or "no leads"
        told = [f"{self.out}: {statuses}; version {self.model_version}, as of {format_time(self.as_of)}"]
        return "\n".join(told + [f"{lead_id} failed: {why}" for lead_id, why in self.failures.items()])

    def summary(self) -> dict[str, object]:
        """Writes the outcome for machines."""
        return {
            "out": str(self.out),
            "model_version": self.model_version,
            "as_of": format_time(self.as_of),
            "leads": sum(self.by_status.values()),
            "by_status": self.by_status,
            "failures": [{"lead_id": lead_id, "reason": why} for lead_id, why in self.failures.items()],
        }


def score_history(
    source: str | Path,
    *,
    home: Path,
    as_of: int,
    out: Path,
    scored_at: int,
    model: str | None = None,
    reasons: ReasonCount = 3,
    progress: Progress = silent,
) -> BatchOutcome:
    """Scores all leads created at or before `as_of` and publishes them, sorted by `lead_id`.

    Args:
        source: folder or database URL of a history.
        home: where models are kept.
        as_of: the moment of the prediction, microseconds UTC.
        out: a .parquet or .csv file, or a folder of parts for a name without suffix.
        scored_at: what stands in the column of that name, microseconds UTC.
        model: version or folder; None for the champion.
        reasons: how many are told.
        progress: is told how far the work is.

    Raises:
        LeadOddsError: no model, a history that stops, a target that cannot be written.
    """
    form_of(out)
    predictor = Predictor.from_bundle(read_bundle(resolve_model(Home(home), model)))
    checked = read_history(source, attribute_types=predictor.attribute_types, progress=progress)
    return write_scores(
        predictor,
        checked.history,
        as_of=as_of,
        out=out,
        scored_at=scored_at,
        reasons=reasons,
        progress=progress,
    )


def write_scores(
    predictor: Predictor,
    history: LeadHistory,
    *,
    as_of: int,
    out: Path,
    scored_at: int,
    reasons: ReasonCount = 3,
    chunk_leads: int = CHUNK_LEADS,
    progress: Progress = silent,
) -> BatchOutcome:
    """Scores the leads of a history in memory; as `score_history`."""
    form = form_of(out)
    leads = np.flatnonzero(is_known(history.created_at, as_of))
    worth = np.full(len(leads), np.nan)
    by_status: Counter[str] = Counter()
    failures: dict[str, str] = {}
    with published(out) as work:
        done = 0
        for scored in _chunks(leads, chunk_leads):
            for part, scores in score_isolated(predictor, history, scored, as_of, reasons=reasons):
                ids = history.lead_ids.take(pa.array(part))
                spill(work, done, score_table(predictor, scores, ids, scored_at=scored_at))
                worth[done + scores.row] = _worth(predictor, scores)
                by_status.update(STATUSES[code] for code in scores.status.tolist())
                failures.update({ids[place].as_py(): why for place, why in scores.failures.items()})
                done += len(part)
            progress("score", done / len(leads))
        write_whole(read_spilled(work, rank_leads(worth)), work / "whole", form=form)
    return BatchOutcome(out, predictor.model_version, as_of, dict(sorted(by_status.items())), failures)


def score_isolated(
    predictor: Predictor, history: LeadHistory, leads: Ints, as_of: int, *, reasons: ReasonCount
) -> Iterator[tuple[Ints, Scores]]:
    """Scores leads together; where that fails, halves them until the lead that fails stands alone.

    Yields:
        Leads and their scores, in order. A lead that failed has the status, and its reason in `failures`.

    Raises:
        LeadOddsError: what is wrong for every lead alike.
    """
    try:
        scores = predictor.score(history, leads, as_of, reasons=reasons)
    except (LeadOddsError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - one lead must not cost all others their score
        if len(leads) > 1:
            for half in np.array_split(leads, 2):
                yield from score_isolated(predictor, history, half, as_of, reasons=reasons)
            return
        scores = _failed(predictor.score(history, leads[:0], as_of, reasons=reasons), error)
    yield leads, scores


def _failed(nobody: Scores, error: Exception) -> Scores:
    why = f"{type(error).__name__}: {error}"
    return replace(nobody, status=np.array([FAILED], dtype=np.int8), failures={0: why})


def _worth(predictor: Predictor, scores: Scores) -> Floats:
    return scores.probability if predictor.bundle.card.expected_amount is None else scores.expected_value


def _chunks(leads: Ints, chunk_leads: int) -> Iterator[Ints]:
    for start in range(0, len(leads), chunk_leads):
        yield leads[start : start + chunk_leads]
