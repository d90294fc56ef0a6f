"""Loads a history into the database of the service: `leadodds load`.

The history is split into partitions of leads with consecutive ids, whose rows processes prepare while this
one writes. A transaction holds the rows of a few leads and how far the loading got, so that a loading that
was killed goes on where it was, and a server that runs meanwhile hardly waits.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError
from features.findings.problems import Findings
from features.history.lead_history import AttributeType
from features.output.targets import disk_errors_as_target_errors
from features.partitions.partitions import Partitions, open_partitions, write_partitions
from features.partitions.pool import cores_count, run_tasks, wait_for_orphans
from features.progress import Progress, silent
from features.sources.connections import redacted_url
from features.sources.open_source import check_is_there, display_name, places_of
from features.sources.pieces import PARTITION_ROWS
from serving.batch.checkpoint import locked, read_checkpoint, write_checkpoint
from serving.clock import Clock, new_id
from serving.loading.alias_links import LINKS, links_of
from serving.loading.destination import Destination
from serving.loading.loads import LoadState
from serving.loading.prepared import Counts, PreparedPartition, added, prepare_partition
from serving.loading.row_fates import DUPLICATE, STORED, told
from serving.loading.store_rows import left_out_by
from serving.settings import secret_file_of

_JOB: Final = "job.json"
_FRAME_TABLES: Final = ("outcomes", "attribute_changes")


class SameDatabaseError(LeadOddsError):
    """A history that is the database it should be loaded into."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place} is the database of the service itself. Name another history, or another --database."
        )


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a loading did.

    Attributes:
        source: the history, without a password.
        database: URL without a password.
        counts: numbers of rows by table, and by what became of them.
        resumed: whether it went on with a loading that had not ended.
    """

    source: str
    database: str
    counts: Counts
    resumed: bool

    @property
    def refused(self) -> dict[str, dict[str, int]]:
        """Numbers of refused rows by table and reason."""
        named = {
            table: {reason: count for reason, count in counts.items() if reason not in (STORED, DUPLICATE)}
            for table, counts in self.counts.items()
        }
        return {table: counts for table, counts in named.items() if counts}

    @property
    def exit_code(self) -> int:
        """3 when rows were refused, else 0."""
        return 3 if self.refused else 0

    def __str__(self) -> str:
        """Writes the result for people."""
        lines = [f"{self.source} into {self.database}" + (", continued" if self.resumed else "")]
        for table, counts in self.counts.items():
            written = [f"{counts.get(name, 0):,} {name}" for name in (STORED, DUPLICATE)]
            lines.append(f"  {table}: {', '.join(written)}")
            refused = self.refused.get(table, {})
            lines += [f"    refused: {told(reason, count)}" for reason, count in refused.items()]
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """Writes the result for machines."""
        return {
            "source": self.source,
            "database": self.database,
            "resumed": self.resumed,
            **{name: self._of(name) for name in (STORED, DUPLICATE)},
            "refused": self.refused,
        }

    def _of(self, name: str) -> dict[str, int]:
        return {table: counts.get(name, 0) for table, counts in self.counts.items()}


def load_history(
    source: str,
    *,
    database: str,
    home: Path,
    clock: Clock,
    attribute_types: Mapping[str, AttributeType] | None = None,
    workers: int | None = None,
    partition_rows: int = PARTITION_ROWS,
    progress: Progress = silent,
) -> LoadResult:
    """Writes all rows of a history into the database of the service, each exactly once.

    Args:
        source: a folder or a database URL.
        database: URL of the service's database, which is made where there is none.
        home: holds the folder of the work.
        clock: of the moments of writing.
        attribute_types: types by attribute name, as the model in use reads them; others are inferred.
        workers: number of processes that prepare rows. Affects time and memory only.
        partition_rows: approximate number of interactions per partition.
        progress: called with the progress of the work.

    Raises:
        LeadOddsError: a finding of the history stops everything, or the database cannot be used.
    """
    shown = redacted_url(database)
    if _is_same(source, database):
        raise SameDatabaseError(shown)
    check_is_there(source)
    workers = cores_count() if workers is None else workers
    work = home.absolute() / "jobs" / f"load-{_digest(str(source), database)}"
    with (
        locked(work.with_suffix(".lock"), target=shown, since=clock()),
        disk_errors_as_target_errors(shown),
        Destination(database, clock=clock, secret_file=secret_file_of(home)) as destination,
    ):
        wait_for_orphans(work)
        state, resumed = _state(source, work, destination)
        partitions = open_partitions(work / "partitions") or write_partitions(
            source,
            work / "partitions",
            attribute_types=attribute_types,
            partition_rows=partition_rows,
            by_id=True,
            workers=workers,
            guard=work,
            progress=progress,
        )
        counts = _write_all(partitions, work, state, destination, workers, progress)
        shutil.rmtree(work, ignore_errors=True)
    return LoadResult(display_name(source), shown, counts, resumed)


def _is_same(source: str, database: str) -> bool:
    own = {place.resolve() for place in places_of(database)}
    return source == database or bool(own & {place.resolve() for place in places_of(source)})


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _state(source: str, work: Path, destination: Destination) -> tuple[LoadState, bool]:
    """Finds how far a loading of the same files got; or begins one in an empty folder."""
    job = read_checkpoint(work / _JOB)
    files = _fingerprint(source)
    if job is not None and files is not None and job["files"] == files:
        stored = destination.read_load(job["load_id"])
        return stored or LoadState(job["load_id"], job["started_at"]), True
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    state = LoadState(new_id(), destination.clock())
    write_checkpoint(work / _JOB, {"load_id": state.load_id, "started_at": state.started_at, "files": files})
    return state, False


def _fingerprint(source: str) -> str | None:
    """Hashes names, sizes and times of the files of a folder; None for a database, which may have changed."""
    if "://" in source:
        return None
    paths = sorted(path for path in Path(source).rglob("*") if path.is_file())
    return _digest(*(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths))


def _write_all(
    partitions: Partitions,
    work: Path,
    state: LoadState,
    destination: Destination,
    workers: int,
    progress: Progress,
) -> Counts:
    count = partitions.layout.count
    if state.counts is None:
        left_out = left_out_by(Findings(partitions.found), tables=_FRAME_TABLES)
        state = destination.begin(state.with_counts(left_out), partitions.layout.settings)
    links = links_of(partitions)
    target_of = {link["alias_id"]: link["lead_id"] for link in links}
    tasks = [
        (partitions, number, work, state.started_at, destination.is_file)
        for number in range(state.partition, count)
    ]
    progress("load", state.partition / count)
    for prepared in run_tasks(prepare_partition, tasks, workers=workers, guard=work):
        state = _write_partition(prepared, state, destination, target_of)
        progress("load", state.partition / count)
    # After the last partition the state counts links.
    for end in range(state.leads + LINKS, len(links) + LINKS, LINKS):
        part = links[end - LINKS : end]
        state = destination.write_links(part, replace(state, leads=end))
    destination.write_state(replace(state, finished_at=destination.clock()))
    return state.counts or {}


def _write_partition(
    prepared: PreparedPartition, state: LoadState, destination: Destination, target_of: Mapping[str, str]
) -> LoadState:
    """Writes a partition batch by batch, and moves on to the next partition at its end."""
    with destination.reading(prepared.path):
        for batch in prepared.batches:
            if batch.leads > state.leads:
                state = destination.write_batch(batch, replace(state, leads=batch.leads), target_of)
    counts = added(state.counts or {}, prepared.left_out)
    state = destination.write_state(replace(state, partition=state.partition + 1, leads=0, counts=counts))
    prepared.remove()
    return state
