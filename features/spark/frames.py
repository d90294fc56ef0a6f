"""A history as Spark frames: the rows of all tables side by side, those of one account in one partition.

Nothing is computed here: each partition becomes the same Arrow tables that the engine reads on one machine.
What needs the whole history is asked of Spark: whether ids of leads are unique, and which interactions were
sent again for leads of other partitions, which the one rule for that then judges. Whether columns and cells
can be read is checked in each partition; `observed_until` needs no check, it changes no feature. What is only
reported, never stops, is left to `leadodds check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.errors import LeadOddsError
from features.findings.problems import IDS_SHOWN, Finding, Findings
from features.history.lead_history import ROWS_PER_LEAD, AttributeType
from features.history.text_rule import TEXT_RULE, TextRule
from features.sources.open_source import raise_if_stopped
from features.sources.pieces import PARTITION_ROWS
from features.tables.assemble import assemble
from features.tables.interaction_rows import find_duplicate_rows
from features.tables.lead_rows import read_leads
from features.tables.schema import NEEDED, REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows, pick_columns

_CREATED: Final = "lead created_at"

# Frames and sessions of Spark, which has no types of its own to import: it may be absent.
Frame = Any
Session = Any


class NotForSparkError(LeadOddsError):
    """A history that Spark cannot read as it is."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"Spark reads histories of Parquet tables, and {source} is none. "
            "Write its tables as leads.parquet, interactions.parquet and so on, or leave out --engine spark."
        )


@dataclass(frozen=True, slots=True)
class SparkHistory:
    """A history of which nothing but the columns has been read.

    Attributes:
        source: folder or URI.
        frames: by table, the columns that are used.
        schemas: of the same, as Arrow has them.
        text_rule: by which cells are read.
    """

    source: str
    frames: Mapping[str, Frame]
    schemas: Mapping[str, pa.Schema]
    text_rule: TextRule

    def raw(self, rows: pa.Table) -> RawTables:
        """Takes the tables apart again that `partition_by_account` has put side by side."""
        tables = {name: _rows_of(rows, name, schema) for name, schema in self.schemas.items()}
        return RawTables(tables, text_rule=self.text_rule)

    @property
    def without_rows(self) -> RawTables:
        """The tables with all of their columns, and nothing in them."""
        tables = {name: schema.empty_table() for name, schema in self.schemas.items()}
        return RawTables(tables, text_rule=self.text_rule)

    def without_frames(self) -> SparkHistory:
        """The same for workers, which have no frames."""
        return replace(self, frames={})


def open_history(session: Session, source: str, *, text_rule: TextRule | None = None) -> SparkHistory:
    """Opens the tables of a history and checks what can be checked before their rows move.

    Args:
        session: of Spark.
        source: a folder of Parquet tables, or its URI.
        text_rule: by which cells are read; None: that of the history.

    Raises:
        HistoryError: a table or column is missing, or leads are there twice.
        NotForSparkError: its tables are not Parquet.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    found = {name: _read(session, source, name) for name in REQUIRED}
    frames = {name: frame for name, frame in found.items() if frame is not None}
    schemas = {name: to_arrow_schema(one.schema, timezone="UTC") for name, one in frames.items()}
    opened = SparkHistory(source, frames, schemas, text_rule or TEXT_RULE)
    findings = Findings()
    for name in (name for name in NEEDED if name not in frames):
        findings.add("D002", table=name)
    assemble(opened.without_rows, findings)
    raise_if_stopped(source, findings)
    _report_doubled(frames["leads"], findings)
    raise_if_stopped(source, findings)
    return opened


def partition_by_account(history: SparkHistory, *, partition_rows: int = PARTITION_ROWS) -> Frame:
    """Brings all rows of an account's leads into one partition.

    Args:
        history: that was opened.
        partition_rows: interactions of a partition, about; changes nothing but time and memory.

    Returns:
        A frame with a struct for each table, one of them filled in each row.
    """
    from pyspark.sql import functions as of

    load = history.frames[INTERACTIONS].count() + ROWS_PER_LEAD * history.frames["leads"].count()
    count = max(round(load / partition_rows), 1)
    leads = _with_lead(history.frames["leads"])
    # Everything that is shuffled is cut alike: what is kept on disks is not put together again by Spark.
    leads.sparkSession.conf.set("spark.sql.shuffle.partitions", str(count))
    account = of.col("account_id").cast("string") if "account_id" in leads.columns else of.lit(None)
    homes = leads.select("lead", of.coalesce(_told(account), of.col("lead")).alias("home"))
    parts = []
    for name, frame in history.frames.items():
        housed = _housed(frame, homes)
        rows = _without_repeats(housed, history) if name == INTERACTIONS else housed
        parts.append(rows.select("home", of.struct(*map(_quoted, frame.columns)).alias(name)))
    whole = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    return whole.repartition(count, "home")


def check_rows(raw: RawTables, attribute_types: Mapping[str, AttributeType]) -> tuple[Finding, ...]:
    """Checks the tables of a partition but its interactions, which are checked when they are read."""
    findings = Findings()
    tables = {**raw.tables, INTERACTIONS: raw.tables[INTERACTIONS].slice(0, 0)}
    assemble(replace(raw, tables=tables), findings, attribute_types=attribute_types)
    return findings.found()


def _read(session: Session, source: str, table: str) -> Frame | None:
    from pyspark.errors import AnalysisException

    place = source if "://" in source else str(Path(source).absolute())
    try:
        frame = session.read.parquet(f"{place}/{table}.parquet")
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        if "://" not in source and (Path(source) / f"{table}.csv").exists():
            raise NotForSparkError(source) from None
        return None
    return frame.select(*map(_quoted, pick_columns(table, frame.columns)[0]))


def _report_doubled(leads: Frame, findings: Findings) -> None:
    from pyspark.sql import functions as of

    doubled = _with_lead(leads).dropna(subset=["lead"]).groupBy("lead").count().where(of.col("count") > 1)
    count = doubled.count()
    if count:
        ids = [row.lead for row in doubled.orderBy("lead").limit(IDS_SHOWN).collect()]
        findings.add("D012", table="leads", column="lead_id", count=count, ids=ids)


def _housed(frame: Frame, homes: Frame) -> Frame:
    """Adds the home of the lead that a row names, or of the lead that it would be."""
    from pyspark.sql import functions as of

    joined = _with_lead(frame).join(homes.withColumnRenamed("home", "found"), "lead", "left")
    return joined.withColumn("home", of.coalesce("found", "lead")).drop("found")


def _without_repeats(housed: Frame, history: SparkHistory) -> Frame:
    """Leaves out interactions that repeat one of another home; those of one home are found when read."""
    from pyspark.sql import Window
    from pyspark.sql import functions as of

    if "interaction_id" not in housed.columns:
        return housed
    sent = [of.col(name).cast("string") for name in ("source", "interaction_id") if name in housed.columns]
    of_one_id = Window.partitionBy(*sent)
    has_id = _told(sent[-1]).isNotNull()
    noted = housed.where(has_id).withColumn(
        "is_shared", ~of.min("home").over(of_one_id).eqNullSafe(of.max("home").over(of_one_id))
    )
    leads = _with_lead(history.frames["leads"]).select("lead", of.col("created_at").alias(_CREATED))
    shared = noted.where("is_shared").drop("is_shared").join(leads, "lead", "left")
    judge = shared.repartition(*sent).mapInArrow(_judging(history.without_frames()), shared.schema)
    alone = noted.where("not is_shared").drop("is_shared")
    return housed.where(~has_id).unionByName(alone).unionByName(judge.drop(_CREATED))


def _judging(history: SparkHistory) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def judge(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        read = list(batches)
        if read:
            yield from _first_sent(pa.Table.from_batches(read), history).to_batches()

    return judge


def _first_sent(rows: pa.Table, history: SparkHistory) -> pa.Table:
    """Keeps what repeats nothing, by the rule of one machine; rows of unknown leads are judged later."""
    ids = rows.select(["lead", _CREATED]).rename_columns(["lead_id", "created_at"])
    known = ids.filter(ids["created_at"].is_valid()).group_by("lead_id").aggregate([("created_at", "min")])
    nobody = Findings()
    people = RawTables(
        {"leads": known.rename_columns(["lead_id", "created_at"])}, text_rule=history.text_rule
    )
    leads = read_leads(open_rows(people, "leads", nobody), attribute_types={}, is_typed=True)
    if leads is None:
        return rows
    sent = RawTables(
        {INTERACTIONS: rows.select(history.schemas[INTERACTIONS].names)}, text_rule=history.text_rule
    )
    repeats = find_duplicate_rows(open_rows(sent, INTERACTIONS, nobody), leads)
    kept = np.ones(len(rows), np.bool_)
    kept[repeats] = False
    return rows.filter(pa.array(kept))


def _rows_of(rows: pa.Table, name: str, schema: pa.Schema) -> pa.Table:
    column = rows[name].combine_chunks()
    filled = column.filter(column.is_valid())
    return pa.table([filled.field(place) for place in range(len(schema))], names=schema.names)


def _with_lead(frame: Frame) -> Frame:
    from pyspark.sql import functions as of

    return frame.withColumn("lead", _told(of.col("lead_id").cast("string")))


def _told(texts: Any) -> Any:
    """An empty text is missing."""
    from pyspark.sql import functions as of

    return of.when(texts != "", texts)


def _quoted(column: str) -> str:
    return f"`{column.replace('`', '``')}`"
