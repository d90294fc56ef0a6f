"""Makes up a company whose true odds are known: a history for training, and the truth for evaluation.

Leads are made in chunks, each with its own random generator: memory is bounded, and chunks are independent.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from features.errors import LeadOddsError
from features.output.targets import replace_file
from features.progress import Progress, silent
from training.simulator.arrivals import draw_arrivals
from training.simulator.changes import Change
from training.simulator.interactions import draw_interactions
from training.simulator.journeys import simulate_journeys
from training.simulator.oracle import true_probabilities
from training.simulator.outcomes import draw_ends
from training.simulator.scanners import with_scanners
from training.simulator.summary import FILES, Counts, SimulationSummary, Tables
from training.simulator.tables import (
    CHUNK_LEADS,
    move_times,
    record_interactions,
    record_leads,
    record_outcomes,
    record_truth,
)
from training.simulator.world import DAYS, end_after


class SimulationError(LeadOddsError):
    """An option of the simulation that is too small."""

    def __init__(self, option: str, *, least: int, given: int) -> None:
        super().__init__(f"{option} is {given}, but must be at least {least}.")


class SimulationNotWrittenError(LeadOddsError):
    """A folder that the company cannot be written to."""

    def __init__(self, out: Path, *, reason: str, remedy: str = "Name another folder, or make room.") -> None:
        super().__init__(f"The company cannot be written to {out}: {reason}. {remedy}")


def simulate_company(
    out: Path,
    *,
    leads_count: int,
    seed: int,
    days: int = DAYS,
    until: int | None = None,
    scanned_share: float = 0.0,
    changes: Sequence[Change] = (),
    progress: Progress = silent,
) -> SimulationSummary:
    """Writes OUT/history and OUT/truth.parquet; the same numbers and the same end give the same bytes.

    Files of an earlier simulation are replaced once all are complete; incomplete files are removed.

    Args:
        out: folder, made if absent.
        leads_count: leads over all days of the company, at least 1.
        seed: any number from 0.
        days: that the company lasts; 18 months unless given.
        until: the end of the company, microseconds UTC. All times are moved to it by the same span; weekdays
            move along, unless the span is whole weeks. None: they stay.
        scanned_share: of the leads whose mails a link scanner opens; the true odds do not depend on it.
        changes: of its behaviour or its records, each at a known date.
        progress: called after every chunk.

    Raises:
        SimulationError: a number is too small.
        SimulationNotWrittenError: the folder cannot be written to, or holds a history of another origin.
    """
    if leads_count < 1:
        raise SimulationError("--leads", least=1, given=leads_count)
    if seed < 0:
        raise SimulationError("--seed", least=0, given=seed)
    _refuse_foreign_history(out)
    try:
        end = end_after(days)
        until = end if until is None else until
        chunks = _draw_chunks(leads_count, seed, days, until - end, scanned_share, changes)
        counts = _write(out, chunks, progress)
    except OSError as error:
        raise SimulationNotWrittenError(out, reason=error.strerror or str(error)) from error
    return counts.summary(out, until=until)


def draw_chunk(
    chunk: int, *, leads_count: int, seed: int, days: int = DAYS, changes: Sequence[Change] = ()
) -> Tables:
    """Makes up the leads of one chunk.

    Args:
        chunk: its number; seeds the generator together with the seed.
        leads_count: leads in this chunk.
        seed: of the company.
        days: that the company lasts.
        changes: of its behaviour or its records, each at a known date.

    Returns:
        The tables of `FILES`, by name.
    """
    rng = np.random.default_rng((seed, chunk))
    arrivals = draw_arrivals(rng, leads_count, days=days)
    for change in changes:
        arrivals = change.of_arrivals(arrivals)
    journeys = simulate_journeys(rng, arrivals)
    ends = draw_ends(rng, arrivals, journeys)
    interactions = draw_interactions(rng, arrivals, journeys, ends)
    leads, attribute_changes = record_leads(rng, arrivals, chunk)
    tables = {
        "leads": leads,
        "interactions": record_interactions(rng, interactions, chunk),
        "outcomes": record_outcomes(ends, chunk),
        "attribute_changes": attribute_changes,
        "truth": record_truth(
            *true_probabilities(arrivals, journeys, ends, interactions), chunk, end_us=arrivals.end_us
        ),
    }
    for change in changes:
        tables = change.of_tables(tables)
    return tables


def _draw_chunks(
    leads_count: int, seed: int, days: int, span_us: int, scanned_share: float, changes: Sequence[Change]
) -> Iterator[tuple[float, Tables]]:
    """Makes up chunk after chunk; gives the share of the leads done, and the tables, moved by a span."""
    for chunk, first in enumerate(range(0, leads_count, CHUNK_LEADS)):
        count = min(CHUNK_LEADS, leads_count - first)
        tables = dict(draw_chunk(chunk, leads_count=count, seed=seed, days=days, changes=changes))
        if scanned_share:
            tables["interactions"] = with_scanners(tables["interactions"], scanned_share)
        moved = {name: move_times(table, span_us) for name, table in tables.items()}
        yield (first + count) / leads_count, moved if span_us else tables


def _write(out: Path, chunks: Iterable[tuple[float, Tables]], progress: Progress) -> Counts:
    """Writes all chunks to temporary files, and renames these at the end."""
    counts, token = Counts(), secrets.token_hex(8)
    (out / "history").mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as files:
            writers: dict[str, pq.ParquetWriter] = {}
            for done, tables in chunks:
                for name, table in tables.items():
                    if name not in writers:
                        writer = pq.ParquetWriter(_unfinished(out, name, token), table.schema)
                        writers[name] = files.enter_context(writer)
                    writers[name].write_table(table)
                counts.add(tables)
                progress("simulate", done)
        # The truth comes first: beside a history it shows that the history was made up.
        for name, file in reversed(FILES.items()):
            replace_file(_unfinished(out, name, token), out / file)
    finally:
        for name in FILES:
            _unfinished(out, name, token).unlink(missing_ok=True)
    return counts


def _unfinished(out: Path, name: str, token: str) -> Path:
    """Temporary file of a table."""
    file = out / FILES[name]
    return file.with_name(f".{file.name}.{token}.part")


def _refuse_foreign_history(out: Path) -> None:
    """Refuses a folder whose history was not made up here.

    Raises:
        SimulationNotWrittenError: the folder is a history itself, or holds one without a truth beside it or
            with files of other names.
    """
    own = {Path(file).name for file in FILES.values()}
    history, truth = out / "history", out / FILES["truth"]
    inside = {path.name for path in history.iterdir()} if history.is_dir() else set()
    tables = [path for path in out.glob("*") if path.stem in FILES and path != truth]
    if tables or (inside and not truth.exists()) or not inside <= own:
        place = out if tables else history
        remedy = "Name another folder, or move the history away."
        raise SimulationNotWrittenError(
            out, reason=f"{place} holds a history that was not made up", remedy=remedy
        )
