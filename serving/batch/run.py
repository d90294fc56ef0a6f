"""Scores every lead of a history: the nightly job, and `leadodds score` at any time.

The history is split into partitions on the disk, which are scored in parallel. Ranks need all leads, so the
rows are combined at the end and published as a whole. A job that was killed can go on from the finished
partitions, and writes the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from features.checks.alike_ids import alike_ids
from features.checks.input_findings import compare_inputs, rows_left_out
from features.checks.model_inputs import InputCounts
from features.findings.problems import Findings, Problem
from features.output.targets import disk_errors_as_target_errors
from features.partitions.partitions import Partitions, open_partitions, write_partitions
from features.partitions.pool import ProcessLostError, cores_count, run_tasks, wait_for_orphans
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name, raise_if_stopped
from features.sources.pieces import PARTITION_ROWS
from features.times import format_time
from models.bundle.bundle import read_bundle
from models.bundle.format import DIGESTS_FILE
from models.home.home import Home, resolve_model
from serving.batch.checkpoint import JobSpec, OtherJobError, locked, read_unfinished_job, start_job
from serving.batch.combine import plan_chunks
from serving.batch.given_scores import Keeping, keeping_of
from serving.batch.result import BatchResult
from serving.batch.targets import Target, open_target
from serving.batch.worker import BatchOptions, Tally, load_predictor, read_tally, score_partition, scores_path
from serving.scoring.reasons import ReasonCount


def score_history(
    source: Source,
    *,
    home: Path,
    out: str | Path,
    scored_at: int,
    as_of: int | None = None,
    model: str | None = None,
    reasons: ReasonCount = 3,
    resume: bool = False,
    workers: int | None = None,
    partition_rows: int = PARTITION_ROWS,
    accept_missing: Collection[str] = (),
    is_kept: bool = True,
    progress: Progress = silent,
) -> BatchResult:
    """Scores all leads created at or before `as_of` and publishes them, sorted by `lead_id`.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: folder of the models.
        out: a .parquet or .csv file, a folder of parts for a name without suffix, or a database URL.
        scored_at: now, microseconds UTC; the value of the column of that name.
        as_of: the moment of the prediction, microseconds UTC; None is now.
        model: version or folder; None for the champion.
        reasons: how many to name.
        resume: goes on with a killed job for the same target, with its moment and its version.
        workers: number of processes; None is one per core. Affects time and memory only.
        partition_rows: approximate number of interactions per partition. Affects time and memory only.
        accept_missing: inputs of the model, as `column` or `table.column`, that the history may lack.
        is_kept: whether the scores are added to those that were given; see `keeping_of`.
        progress: called with the progress of the work.

    Raises:
        LeadOddsError: there is no model, a finding of the history stops everything, or the target cannot be
            written to.
    """
    target = open_target(out, home=home, source=source)
    workers = cores_count() if workers is None else workers
    with (
        locked(target.lock, target=target.shown, since=scored_at),
        disk_errors_as_target_errors(target.shown),
        _swept(target.work),
    ):
        wait_for_orphans(target.work)
        job = _unfinished_job(target, display_name(source), as_of, model) if resume else None
        if job is None:
            bundle = resolve_model(Home(home), model)
            options = BatchOptions(scored_at if as_of is None else as_of, scored_at, reasons)
            job = _specify(bundle, source=display_name(source), options=options)
            start_job(target.work, job)
        partitions = _partitions(source, target.work, job, workers, partition_rows, progress)
        tally = _scored(partitions, target.work, job, workers, progress)
        _check(partitions, tally, source=source)
        inputs, left_out = _missing_inputs(partitions, tally, job, accept_missing)
        keeping = _keeping(home, job) if is_kept else None
        _publish(partitions, target, job, keeping, workers, progress)
    return BatchResult(
        target.shown,
        job.model_version,
        job.as_of,
        tally.by_status,
        tally.by_band,
        tally.failures,
        inputs,
        left_out,
    ).with_card(home, source=job.source, scored_at=job.scored_at, accepted=accept_missing)


@contextmanager
def _swept(work: Path) -> Iterator[None]:
    """Removes the folder of a job at its end, unless a process of it was killed."""
    try:
        yield
    except ProcessLostError:
        raise
    except Exception:
        shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


def _unfinished_job(target: Target, source: str, as_of: int | None, model: str | None) -> JobSpec | None:
    """Finds the job that should go on, and refuses one that was started with something else."""
    job = read_unfinished_job(target.work)
    if job is None:
        return None
    requested = {
        "the history": (job.source, source),
        "the moment": (format_time(job.as_of), None if as_of is None else format_time(as_of)),
        "the version": (job.model_version, None if model is None else _version_of(model)),
        "the content of the version": (job.bundle_digest, _digest(Path(job.bundle))),
    }
    for name, (started, wanted) in requested.items():
        if wanted is not None and wanted != started:
            raise OtherJobError(target.shown, name=name, started=started, requested=wanted)
    return job


def _version_of(model: str) -> str:
    folder = Path(model)
    return read_bundle(folder).version if folder.is_dir() else model


def _specify(bundle: Path, *, source: str, options: BatchOptions) -> JobSpec:
    digest = _digest(bundle)
    return JobSpec(
        source=source,
        model_version=load_predictor(bundle.absolute(), digest).model_version,
        bundle=str(bundle.absolute()),
        bundle_digest=digest,
        as_of=options.as_of,
        scored_at=options.scored_at,
        reasons=options.reasons,
    )


def _digest(bundle: Path) -> str:
    path = bundle / DIGESTS_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _partitions(
    source: Source, work: Path, job: JobSpec, workers: int, partition_rows: int, progress: Progress
) -> Partitions:
    """Opens the partitions of the job, or splits the history into them."""
    folder = work / "partitions"
    predictor = load_predictor(Path(job.bundle), job.bundle_digest)
    return open_partitions(folder) or write_partitions(
        source,
        folder,
        attribute_types=predictor.attribute_types,
        settings=predictor.settings,
        partition_rows=partition_rows,
        workers=workers,
        guard=work,
        progress=progress,
    )


def _scored(partitions: Partitions, work: Path, job: JobSpec, workers: int, progress: Progress) -> Tally:
    """Scores the partitions that are not finished, and adds up the counts of all."""
    options = BatchOptions(job.as_of, job.scored_at, _reasons(job))
    bundle = Path(job.bundle), job.bundle_digest
    numbers = range(partitions.layout.count)
    tallies = {number: tally for number in numbers if (tally := read_tally(work, number))}
    missing = [number for number in numbers if number not in tallies]
    tasks = [(partitions, number, work, bundle, options) for number in missing]
    progress("score", len(tallies) / len(numbers))
    for number, tally in zip(
        missing, run_tasks(score_partition, tasks, workers=workers, guard=work), strict=True
    ):
        tallies[number] = tally
        progress("score", len(tallies) / len(numbers))
    return _added(tallies.values())


def _reasons(job: JobSpec) -> ReasonCount:
    return "all" if isinstance(job.reasons, str) else job.reasons


def _added(tallies: Iterable[Tally]) -> Tally:
    by_status: Counter[str] = Counter()
    by_band: Counter[str] = Counter()
    failures: dict[str, str] = {}
    findings = Findings()
    inputs = InputCounts()
    for tally in tallies:
        inputs = inputs.merged(tally.inputs)
        by_status.update(tally.by_status)
        by_band.update(tally.by_band)
        failures.update(tally.failures)
        findings.absorb(tally.found)
    return Tally(
        dict(sorted(by_status.items())),
        dict(sorted(by_band.items())),
        dict(sorted(failures.items())),
        findings.found(),
        inputs,
    )


def _missing_inputs(
    partitions: Partitions, tally: Tally, job: JobSpec, accepted: Collection[str]
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Compares the inputs of the model with the history; gives what it lacks, and the rows left out."""
    unknown = [lead_id for finding in tally.found if finding.code == "D021" for lead_id in finding.ids]
    alike: dict[str, str] = {}
    for number in range(partitions.layout.count) if unknown else ():
        alike |= alike_ids(unknown, partitions.lead_ids(number))
    inputs = load_predictor(Path(job.bundle), job.bundle_digest).inputs
    found = [*partitions.found, *tally.found]
    missing = compare_inputs(
        inputs,
        tally.inputs,
        columns=partitions.columns,
        found=found,
        alike_ids=alike,
        accepted=accepted,
        as_of=job.as_of,
    )
    return missing, rows_left_out(inputs, found, accepted=accepted)


def _check(partitions: Partitions, tally: Tally, *, source: Source) -> None:
    findings = Findings(partitions.found)
    findings.absorb(tally.found)
    raise_if_stopped(source, findings)


def _keeping(home: Path, job: JobSpec) -> Keeping | None:
    predictor = load_predictor(Path(job.bundle), job.bundle_digest)
    return keeping_of(
        home,
        scored_at=job.scored_at,
        as_of=job.as_of,
        observed_until=predictor.bundle.card.observed_until,
        longest_horizon_days=predictor.longest_horizon_days,
    )


def _publish(
    partitions: Partitions,
    target: Target,
    job: JobSpec,
    keeping: Keeping | None,
    workers: int,
    progress: Progress,
) -> None:
    files = [scores_path(target.work, number) for number in range(partitions.layout.count)]
    chunks = list(plan_chunks(partitions.leads_at(job.as_of), files))
    target.publish(chunks, keeping=keeping, workers=workers, progress=progress)
