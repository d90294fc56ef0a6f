"""Makes up a company whose true odds are known: a history to learn from, and the truth to be judged by.

Leads are made in chunks, each with a generator of its own: memory is bounded, no chunk depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import LeadOddsError
from features.history import Floats
from features.progress import Progress, silent
from features.times import format_time
from training.arrivals import draw_arrivals
from training.closings import close
from training.emissions import emit
from training.journeys import walk
from training.oracle import foresee
from training.records import (
    CHUNK_LEADS,
    MAIN_HORIZON_DAYS,
    record_interactions,
    record_leads,
    record_outcomes,
    record_truth,
)
from training.world import END_US

Tables = dict[str, pa.Table]

FILES: Final = {
    "leads": "history/leads.parquet",
    "interactions": "history/interactions.parquet",
    "outcomes": "history/outcomes.parquet",
    "attribute_changes": "history/attribute_changes.parquet",
    "truth": "truth.parquet",
}


class SimulationError(LeadOddsError):
    """A company that cannot be made up: a number that is too small."""

    def __init__(self, option: str, *, least: int, given: int) -> None:
        super().__init__(f"{option} is {given}, but must be at least {least}.")


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was made.

    Attributes:
        history: folder of the tables.
        truth: file of the true probabilities of the leads open at the end.
        leads: number of leads.
        interactions: number of interactions known at the end.
        converted: leads known to have converted.
        lost: leads known to be lost.
        open: the others; one row of truth each.
        observed_until: the end, which is the `as_of` of the truth.
        horizon_days: of the column `probability`.
        base_rate: mean true probability of the open leads, NaN without any.
        oracle_skill: part of the base rate's expected log loss that the truth itself saves, likewise.
    """

    history: str
    truth: str
    leads: int
    interactions: int
    converted: int
    lost: int
    open: int
    observed_until: str
    horizon_days: int
    base_rate: float
    oracle_skill: float

    def to_json(self) -> dict[str, str | int | float]:
        """The same as an object for machines."""
        return asdict(self)


def simulate_company(
    out: Path, *, leads_count: int, seed: int, progress: Progress = silent
) -> SimulationSummary:
    """Writes OUT/history and OUT/truth.parquet; the same seed and number of leads give the same bytes.

    Files that are there already are replaced, each at once, when all are complete.

    Args:
        out: folder, made if absent.
        leads_count: leads over the 18 months of the company, at least 1.
        seed: any number from 0.
        progress: told after every chunk.

    Raises:
        SimulationError: a number is too small.
    """
    if leads_count < 1:
        raise SimulationError("--leads", least=1, given=leads_count)
    if seed < 0:
        raise SimulationError("--seed", least=0, given=seed)
    (out / "history").mkdir(parents=True, exist_ok=True)
    tally = _Tally()
    try:
        with ExitStack() as files:
            writers: dict[str, pq.ParquetWriter] = {}
            for done, tables in _draw_chunks(leads_count, seed):
                for name, table in tables.items():
                    if name not in writers:
                        writers[name] = files.enter_context(
                            pq.ParquetWriter(_unfinished(out, name), table.schema)
                        )
                    writers[name].write_table(table)
                tally.add(tables)
                progress("simulate", done)
        for name, file in FILES.items():
            _unfinished(out, name).replace(out / file)
    finally:
        for name in FILES:
            _unfinished(out, name).unlink(missing_ok=True)
    return tally.summary(out)


def draw_chunk(chunk: int, *, leads_count: int, seed: int) -> Tables:
    """Makes up the leads of one chunk.

    Args:
        chunk: its number; with the seed it decides everything.
        leads_count: leads in this chunk.
        seed: of the company.

    Returns:
        The tables of `FILES`, by name.
    """
    rng = np.random.default_rng((seed, chunk))
    arrivals = draw_arrivals(rng, leads_count)
    journeys = walk(rng, arrivals)
    closings = close(rng, arrivals, journeys)
    emitted = emit(rng, arrivals, journeys, closings)
    leads, changes = record_leads(rng, arrivals, chunk)
    return {
        "leads": leads,
        "interactions": record_interactions(rng, emitted, chunk),
        "outcomes": record_outcomes(closings, chunk),
        "attribute_changes": changes,
        "truth": record_truth(*foresee(arrivals, journeys, closings, emitted), chunk),
    }


def _draw_chunks(leads_count: int, seed: int) -> Iterator[tuple[float, Tables]]:
    """Makes up chunk after chunk, and says which part of the leads is done."""
    for chunk, first in enumerate(range(0, leads_count, CHUNK_LEADS)):
        count = min(CHUNK_LEADS, leads_count - first)
        yield (first + count) / leads_count, draw_chunk(chunk, leads_count=count, seed=seed)


def _unfinished(out: Path, name: str) -> Path:
    """Where a table is written until all are complete."""
    file = out / FILES[name]
    return file.with_name(file.name + ".part")


class _Tally:
    """Counts what was written, chunk by chunk."""

    def __init__(self) -> None:
        self.rows = dict.fromkeys(FILES, 0)
        self.converted = 0
        self.truth: list[Floats] = []

    def add(self, tables: Tables) -> None:
        for name, table in tables.items():
            self.rows[name] += table.num_rows
        self.converted += pc.sum(pc.equal(tables["outcomes"]["outcome"], "converted")).as_py() or 0
        self.truth.append(tables["truth"]["probability"].to_numpy())

    def summary(self, out: Path) -> SimulationSummary:
        truth = np.concatenate(self.truth)
        return SimulationSummary(
            history=str(out / "history"),
            truth=str(out / FILES["truth"]),
            leads=self.rows["leads"],
            interactions=self.rows["interactions"],
            converted=self.converted,
            lost=self.rows["outcomes"] - self.converted,
            open=self.rows["truth"],
            observed_until=format_time(END_US),
            horizon_days=MAIN_HORIZON_DAYS,
            base_rate=float(truth.mean()) if len(truth) else float("nan"),
            oracle_skill=measure_skill(truth, truth),
        )


def measure_skill(probability: Floats, truth: Floats) -> float:
    """Says which part of the base rate's log loss a prediction saves, in expectation under the truth.

    Skill is 1 - E[log loss] / E[log loss of the mean truth]. The oracle's own, `measure_skill(truth, truth)`,
    is the most that can be had.

    Args:
        probability: (leads,) predicted, strictly between 0 and 1.
        truth: (leads,) true.

    Returns:
        1 at most; NaN without leads.

    >>> truth = np.array([0.1, 0.9])
    >>> round(measure_skill(truth, truth), 3), measure_skill(np.array([0.5, 0.5]), truth)
    (0.531, 0.0)
    """
    if not len(truth):
        return float("nan")
    base = np.full(len(truth), truth.mean())
    losses = [-(truth * np.log(each) + (1 - truth) * np.log1p(-each)).mean() for each in (probability, base)]
    return float(1 - losses[0] / losses[1])
