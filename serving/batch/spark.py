"""Scores leads, and computes their features, on Spark: the same engine inside each of its partitions.

The driver receives no lead, only counts, findings and the ids of leads that failed. Spark replaces a lost
worker by itself. The target is a folder that all machines see, and is published as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa

from features.catalog.spec import FeatureSet
from features.checks.input_findings import compare_inputs, rows_left_out
from features.checks.model_inputs import InputCounts
from features.errors import LeadOddsError
from features.findings.problems import Finding, Findings
from features.history.settings import HistorySettings
from features.output.export import FeatureExport
from features.output.lead_features import feature_rows
from features.output.targets import (
    PART_PATTERN,
    TargetError,
    published,
    refuse_history_as_target,
    target_format,
)
from features.partitions.partitions import finding_of_record
from features.sources.open_source import raise_if_stopped
from features.sources.pieces import PARTITION_ROWS
from features.spark.file_frames import Frame
from features.spark.frames import SparkHistory, check_rows, open_history, partition_by_account
from features.spark.session import check_versions, spark_session, versions
from features.tables.table_reader import RawTables
from models.bundle.bundle import read_bundle
from models.bundle.digests import read_verified
from models.bundle.format import DIGESTS_FILE
from models.home.home import Home, resolve_model
from serving.batch.combine import PRIORITY
from serving.batch.given_scores import keep_files, keeping_of
from serving.batch.result import BatchResult
from serving.batch.worker import BatchOptions, score_tables
from serving.scoring.arrow_rows import SCORE_SCHEMA
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount

# Failed leads that are listed; all of them have the status.
_MOST_FAILURES: Final = 1_000
_FAILURE: Final = "spark failure"
_FOUND: Final = "spark found"
_RANGE_BITS: Final = 33
_SIDE: Final = (pa.field(_FAILURE, pa.string()), pa.field(_FOUND, pa.string()))
_RANKED: Final = pa.schema([*SCORE_SCHEMA, (PRIORITY, pa.float64())])

# Rows, why leads failed by id, findings, and what the partition has of the inputs of the model.
_PartitionRows = tuple[pa.Table, dict[str, str], list[Finding], InputCounts]


class OnlyLocalError(LeadOddsError):
    """An option or target that the engine spark does not have."""

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} cannot be used with --engine spark. {remedy}, or leave out --engine spark.")


def refuse_local_options(*, resume: bool, workers: int | None) -> None:
    """Refuses the options of the local engine that mean nothing on Spark.

    Raises:
        OnlyLocalError: one of them was given.
    """
    if resume:
        raise OnlyLocalError("--resume", remedy="Leave it out: Spark replaces a lost worker by itself")
    if workers is not None:
        raise OnlyLocalError("--workers", remedy="Leave it out: Spark's configuration sets their number")


def score_on_spark(
    source: str,
    *,
    home: Path,
    out: str,
    scored_at: int,
    as_of: int | None = None,
    model: str | None = None,
    reasons: ReasonCount = 3,
    partition_rows: int = PARTITION_ROWS,
    accept_missing: Collection[str] = (),
) -> BatchResult:
    """Scores all leads created at or before `as_of`, into a folder of Parquet parts sorted by `lead_id`.

    Args:
        source: a folder of Parquet tables, or its URI.
        home: folder of the models.
        out: a folder for a name without suffix.
        scored_at: now, microseconds UTC.
        as_of: the moment of the prediction, microseconds UTC; None is now.
        model: version or folder; None for the champion.
        reasons: how many to name.
        partition_rows: approximate number of interactions per partition. Affects time and memory only.
        accept_missing: see `score_history`.

    Raises:
        LeadOddsError: as `score_history`; and what `spark_session` finds.
    """
    target = _target(out, source)
    bundle = resolve_model(Home(home), model)
    predictor = Predictor.from_bundle(read_bundle(bundle))
    options = BatchOptions(scored_at if as_of is None else as_of, scored_at, reasons)
    files = {name: (bundle / name).read_bytes() for name in (*read_verified(bundle), DIGESTS_FILE)}
    with spark_session() as session:
        types = predictor.attribute_types
        history = open_history(session, source, settings=predictor.settings, attribute_types=types)
        sent = session.sparkContext.broadcast(tuple(sorted(files.items())))
        work = _scoring(history.without_frames(), sent, options)
        rows = _mapped(partition_by_account(history, partition_rows=partition_rows), work, _RANKED)
        findings, inputs = _refuse_found(rows, source)
        batch = BatchResult(
            str(target),
            predictor.model_version,
            options.as_of,
            _counted(rows, "status"),
            _counted(rows, "band"),
            _failures(rows),
            compare_inputs(
                predictor.inputs,
                inputs,
                columns={table: schema.names for table, schema in history.schemas.items()},
                found=findings.found(),
                alike_ids={},
                accepted=accept_missing,
                as_of=options.as_of,
            ),
            rows_left_out(predictor.inputs, findings.found(), accepted=accept_missing),
        )
        _write(_ranked(rows).select(*SCORE_SCHEMA.names), target)
        keeping = keeping_of(
            home,
            scored_at=scored_at,
            as_of=options.as_of,
            observed_until=predictor.bundle.card.observed_until,
            longest_horizon_days=predictor.longest_horizon_days,
        )
        if keeping is not None:
            keep_files(target, keeping, target=str(target))
    return batch.with_card(home, source=source, scored_at=scored_at, accepted=accept_missing)


def features_on_spark(
    source: str,
    *,
    as_of: int,
    out: str,
    feature_set: FeatureSet | None,
    settings: HistorySettings | None = None,
    partition_rows: int = PARTITION_ROWS,
) -> FeatureExport:
    """Writes the features of every lead that exists at `as_of` as a folder of Parquet parts.

    Args:
        source: a folder of Parquet tables, or its URI.
        as_of: microseconds UTC.
        out: a folder for a name without suffix.
        feature_set: what to compute; on Spark it cannot be left to what the history holds.
        settings: of the model that reads; None: those of the history.
        partition_rows: approximate number of interactions per partition. Affects time and memory only.

    Raises:
        LeadOddsError: as `export_features`; and what `spark_session` finds.
    """
    target = _target(out, source)
    if feature_set is None:
        raise OnlyLocalError("Features without a model", remedy="Name a version with --model")
    with spark_session() as session:
        types = feature_set.attribute_types
        history = open_history(session, source, settings=settings, attribute_types=types)
        schema = _features_of(history.without_rows, feature_set, as_of)[0].schema
        work = _computing(history.without_frames(), feature_set, as_of, schema)
        rows = _mapped(partition_by_account(history, partition_rows=partition_rows), work, schema)
        _refuse_found(rows, source)
        leads = rows.where("lead_id is not null")
        count = leads.count()
        _write(leads.select(*(f"`{name}`" for name in schema.names)), target)
    return FeatureExport(target, as_of, count, feature_set)


def _target(out: str, source: str) -> Path:
    target = Path(out)
    if "://" in out or target_format(target) != "parts":
        fault = "Spark writes a folder of parts"
        raise TargetError(
            out, fault=fault, remedy="Name a folder without suffix that all machines of the cluster see."
        )
    refuse_history_as_target(target, source)
    return target


def _scoring(history: SparkHistory, sent: Any, options: BatchOptions) -> Callable[[Any], Any]:
    def score(raw: RawTables) -> _PartitionRows:
        predictor = _predictor_of(sent.value)
        types = predictor.attribute_types
        scored = score_tables(raw, predictor=predictor, options=options, attribute_types=types)
        found = [*check_rows(raw, types), *scored.found]
        # Spark takes NaN for the greatest number; null has no rank.
        priority = pa.array(scored.priority, from_pandas=True)
        ranked = scored.table.append_column(PRIORITY, priority)
        return ranked, scored.failures, found, scored.inputs

    return _in_partitions(history, score, _RANKED)


def _computing(
    history: SparkHistory, feature_set: FeatureSet, as_of: int, schema: pa.Schema
) -> Callable[[Any], Any]:
    def compute(raw: RawTables) -> _PartitionRows:
        return _features_of(raw, feature_set, as_of)

    return _in_partitions(history, compute, schema)


def _features_of(raw: RawTables, feature_set: FeatureSet, as_of: int) -> _PartitionRows:
    types = feature_set.attribute_types
    table, found = feature_rows(raw, feature_set=feature_set, as_of=as_of, attribute_types=types)
    return table, {}, [*check_rows(raw, types), *found], InputCounts()


def _in_partitions(
    history: SparkHistory, work: Callable[[RawTables], _PartitionRows], schema: pa.Schema
) -> Callable[[Any], Any]:
    """Makes the function that Spark calls: batches of a partition in, its rows and a row of findings out."""
    expected = dict(versions())

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        check_versions(expected)
        read = list(batches)
        if read:
            yield from _with_side(*work(history.raw(pa.Table.from_batches(read))), schema)

    return run


def _with_side(
    table: pa.Table,
    failures: dict[str, str],
    found: list[Finding],
    inputs: InputCounts,
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """Adds why leads failed, and a row without a lead for findings and counts of inputs."""
    whole = pa.schema([*schema, *_SIDE])
    side = {"found": [asdict(finding) for finding in found], "inputs": inputs.to_json()}
    yield from pa.Table.from_pylist([{_FOUND: json.dumps(side)}], schema=whole).to_batches()
    if any(finding.stops == "everything" for finding in found):
        return
    ids = table["lead_id"].to_pylist() if failures else [""] * len(table)
    failed = pa.array([failures.get(lead_id) for lead_id in ids], pa.string())
    columns = [*table.columns, failed, pa.nulls(len(table), pa.string())]
    yield from pa.table(columns, schema=whole).to_batches()


def _mapped(frame: Frame, work: Callable[[Any], Any], schema: pa.Schema) -> Frame:
    """Works on every partition once; the rows stay on the disks of the workers."""
    from pyspark import StorageLevel
    from pyspark.sql.pandas.types import from_arrow_schema

    whole = from_arrow_schema(pa.schema([*schema, *_SIDE]))
    return frame.mapInArrow(work, whole).persist(StorageLevel.DISK_ONLY)


def _refuse_found(rows: Frame, source: str) -> tuple[Findings, InputCounts]:
    """Collects the findings and counts of all partitions; refuses a history that a finding stops."""
    findings, inputs = Findings(), InputCounts()
    for row in rows.where(f"`{_FOUND}` is not null").select(_FOUND).toLocalIterator():
        side = json.loads(row[0])
        findings.absorb(finding_of_record(record) for record in side["found"])
        inputs = inputs.merged(InputCounts.from_json(side["inputs"]))
    raise_if_stopped(source, findings)
    return findings, inputs


def _counted(rows: Frame, column: str) -> dict[str, int]:
    counts = rows.where(f"{column} is not null").groupBy(column).count().collect()
    return dict(sorted((name, count) for name, count in counts))


def _failures(rows: Frame) -> dict[str, str]:
    failed = rows.where(f"`{_FAILURE}` is not null").select("lead_id", _FAILURE).orderBy("lead_id")
    return dict(failed.limit(_MOST_FAILURES).collect())


def _ranked(rows: Frame) -> Frame:
    """Adds the ranks of `rank_leads`: each sorted range begins with the rank after the range before."""
    from pyspark import StorageLevel
    from pyspark.sql import functions

    ordered = rows.where(functions.col(PRIORITY).isNotNull()).orderBy(
        functions.col(PRIORITY).desc(), "lead_id"
    )
    # The high bits of the number are the range, the low bits count its rows.
    number = functions.monotonically_increasing_id()
    numbered = ordered.select("lead_id", number.alias("number")).persist(StorageLevel.DISK_ONLY)
    span = functions.shiftright("number", _RANGE_BITS)
    sizes = sorted(map(tuple, numbered.groupBy(span.alias("span")).count().collect()))
    before = list(accumulate((count for _, count in sizes), initial=0))
    begins = [(number_of, start) for (number_of, _), start in zip(sizes, before, strict=False)]
    starts = rows.sparkSession.createDataFrame(begins, "span long, start long")
    place = functions.col("number") - functions.shiftleft("span", _RANGE_BITS) + functions.col("start") + 1
    ranks = numbered.withColumn("span", span).join(functions.broadcast(starts), "span")
    return (
        rows.where("lead_id is not null")
        .drop("rank")
        .join(ranks.select("lead_id", place.alias("rank")), "lead_id", "left")
    )


def _write(rows: Frame, target: Path) -> None:
    with published(target) as work:
        whole = work / "whole"
        rows.orderBy("lead_id").write.parquet(str(whole))
        # Spark leaves other files beside the parts.
        for path in (path for path in whole.iterdir() if not path.match(PART_PATTERN)):
            path.unlink()


@lru_cache(maxsize=1)
def _predictor_of(files: tuple[tuple[str, bytes], ...]) -> Predictor:
    """Reads the version that was sent, once per process, and checks its digests."""
    with TemporaryDirectory() as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content)
        return Predictor.from_bundle(read_bundle(Path(folder)))
