"""A history as Spark frames: the rows of all tables in one frame, the rows of an account in one partition.

Nothing is computed here: each partition becomes the Arrow tables that the engine reads on one machine. Spark
checks what needs the whole history: that lead ids are unique, and which interactions share their id with rows
of other partitions; the rule of one machine then finds the duplicates among them. Columns and cells are
checked in each partition; `observed_until` needs no check because it changes no feature. Findings that stop
nothing are left to `leadodds check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.findings.problems import IDS_SHOWN, Finding, Findings
from features.history.lead_history import ROWS_PER_LEAD, AttributeType
from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from features.partitions.linked_keys import ACCOUNT_PREFIX, ID_PREFIX
from features.sources.history_settings import read_settings
from features.sources.open_source import raise_if_stopped
from features.sources.pieces import PARTITION_ROWS
from features.spark.column_marks import decide_on_spark
from features.spark.file_frames import Frame, Session, quoted
from features.spark.linked import LinkedLeads, collect_linked
from features.spark.remote_files import mirror_files
from features.spark.tables import local_folder, read_frames
from features.spark.text_ids import text_of, with_lead, with_text_ids
from features.tables.alias_rows import ALIASES
from features.tables.assemble import assemble
from features.tables.interaction_rows import find_duplicate_rows
from features.tables.lead_rows import read_leads
from features.tables.table_reader import INTERACTIONS, RawTables, open_rows

# Columns added to a frame: the partition key (account, else lead), and the creation time of the lead.
_KEY: Final = "partition key"
_CREATED: Final = "lead created_at"


@dataclass(frozen=True, slots=True)
class SparkHistory:
    """A history of which only the columns are read.

    Attributes:
        source: folder or URI.
        frames: by table, the columns that are used.
        schemas: Arrow schemas of the frames.
        settings: settings by which its tables are read.
        linked: the ids of all links; None where there are none.
    """

    source: str
    frames: Mapping[str, Frame]
    schemas: Mapping[str, pa.Schema]
    settings: HistorySettings
    linked: LinkedLeads | None = None

    @property
    def text_rule(self) -> TextRule:
        """Rule by which cells become texts."""
        return self.settings.text_rule

    def raw(self, rows: pa.Table) -> RawTables:
        """Separates the tables that `partition_by_account` combined."""
        tables = {name: _rows_of(rows, name, schema) for name, schema in self.schemas.items()}
        return RawTables(tables, settings=self.settings)

    @property
    def without_rows(self) -> RawTables:
        """The tables with their columns and no rows."""
        tables = {name: schema.empty_table() for name, schema in self.schemas.items()}
        return RawTables(tables, settings=self.settings)

    def without_frames(self) -> SparkHistory:
        """The same history for workers, which have no frames."""
        return replace(self, frames={}, linked=None)


def open_history(
    session: Session,
    source: str,
    *,
    settings: HistorySettings | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
) -> SparkHistory:
    """Opens the tables of a history and checks everything that needs no shuffle of their rows.

    Args:
        session: Spark session.
        source: a folder of Parquet tables, or its URI.
        settings: of the model that reads; None: those of the history.
        attribute_types: types as which a model reads attributes.

    Raises:
        HistoryError: a table or column is missing or broken, or lead ids are not unique.
        HistorySettingsError: `history.toml` cannot be used.
        NotForSparkError: its tables are not Parquet.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    findings = Findings()
    with _folder_of(session, source) as folder:
        own = read_settings(folder)
        settings = own if settings is None else own.for_model(settings)
        rule = settings.text_rule
        found = read_frames(session, source, folder, rule, findings)
    frames = {name: with_text_ids(frame, rule) for name, frame in found.items()}
    schemas = {name: to_arrow_schema(frame.schema, timezone="UTC") for name, frame in frames.items()}
    numbers = [name for name, type_ in (attribute_types or {}).items() if type_ == "number"]
    settings = decide_on_spark(frames, schemas, settings, findings, numbers=numbers)
    opened = SparkHistory(source, frames, schemas, settings)
    assemble(opened.without_rows, findings)
    raise_if_stopped(source, findings)
    _report_duplicate_leads(opened, findings)
    raise_if_stopped(source, findings)
    if ALIASES not in frames:
        return opened
    linked = collect_linked(frames[ALIASES], _leads_with_accounts(opened), settings, findings)
    raise_if_stopped(source, findings)
    return replace(opened, linked=linked)


def partition_by_account(history: SparkHistory, *, partition_rows: int = PARTITION_ROWS) -> Frame:
    """Brings all rows of an account's leads into one partition.

    Args:
        history: an open history.
        partition_rows: approximate number of interactions per partition. It changes only time and memory.

    Returns:
        A frame with one struct column per table, one of them filled in each row.
    """
    from pyspark.sql import functions as of

    load = history.frames[INTERACTIONS].count() + ROWS_PER_LEAD * history.frames["leads"].count()
    count = max(round(load / partition_rows), 1)
    leads = with_lead(history.frames["leads"], history.text_rule)
    # All shuffles use the same number of partitions: Spark does not merge partitions that lie on disks.
    leads.sparkSession.conf.set("spark.sql.shuffle.partitions", str(count))
    keys = _leads_with_accounts(history).select("lead", of.coalesce("account", "lead").alias(_KEY), "account")
    keys = _with_linked_keys(keys, history.linked) if history.linked else keys.drop("account")
    parts = []
    for name, frame in history.frames.items():
        keyed = _with_key(frame, keys, history.text_rule)
        rows = _without_duplicates(keyed, history) if name == INTERACTIONS else keyed
        parts.append(rows.select(_KEY, of.struct(*map(quoted, frame.columns)).alias(name)))
    whole = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    return whole.repartition(count, _KEY)


def _leads_with_accounts(history: SparkHistory) -> Frame:
    """Gives id, creation and account of every lead, the ids as texts."""
    from pyspark.sql import functions as of

    leads = with_lead(history.frames["leads"], history.text_rule)
    has_account = "account_id" in leads.columns
    account = text_of("account_id", history.text_rule) if has_account else of.lit(None).cast("string")
    return leads.select("lead", "created_at", account.alias("account")).dropna(subset=["lead"])


def _with_linked_keys(keys: Frame, linked: LinkedLeads) -> Frame:
    """Gives linked leads, their accounts and the aliases that are no leads one key."""
    from pyspark.sql import functions as of

    session = keys.sparkSession
    roots = session.createDataFrame(pa.table({"own": linked.keys.keys, "root": linked.keys.roots}))
    own = of.when(of.col("account").isNotNull(), of.concat(of.lit(ACCOUNT_PREFIX), "account")).otherwise(
        of.concat(of.lit(ID_PREFIX), "lead")
    )
    joined = keys.withColumn("own", own).join(roots, "own", "left")
    joined = joined.select("lead", of.coalesce("root", _KEY).alias(_KEY))
    ids = session.createDataFrame(pa.table({"lead": linked.keys.ids, _KEY: linked.keys.of_ids}))
    return joined.unionByName(ids.join(joined, "lead", "left_anti"))


def check_rows(raw: RawTables, attribute_types: Mapping[str, AttributeType]) -> tuple[Finding, ...]:
    """Checks the tables of a partition except its interactions, which are checked when they are read."""
    findings = Findings()
    tables = {**raw.tables, INTERACTIONS: raw.tables[INTERACTIONS].slice(0, 0)}
    assemble(replace(raw, tables=tables), findings, attribute_types=attribute_types)
    return findings.found()


@contextmanager
def _folder_of(session: Session, source: str) -> Iterator[Path]:
    """Gives the folder of a source; of a URI of another place its mirror."""
    if (folder := local_folder(source)) is not None:
        yield folder
        return
    with TemporaryDirectory() as mirror:
        mirror_files(session, source, Path(mirror))
        yield Path(mirror)


def _report_duplicate_leads(history: SparkHistory, findings: Findings) -> None:
    from pyspark.sql import functions as of

    leads = with_lead(history.frames["leads"], history.text_rule).dropna(subset=["lead"])
    duplicates = leads.groupBy("lead").count().where(of.col("count") > 1)
    count = duplicates.count()
    if count:
        ids = [row.lead for row in duplicates.orderBy("lead").limit(IDS_SHOWN).collect()]
        findings.add("D012", table="leads", column="lead_id", count=count, ids=ids)


def _with_key(frame: Frame, keys: Frame, rule: TextRule) -> Frame:
    """Adds the partition key of the lead of each row; an unknown lead has its own id as its key."""
    from pyspark.sql import functions as of

    joined = with_lead(frame, rule).join(keys.withColumnRenamed(_KEY, "found"), "lead", "left")
    return joined.withColumn(_KEY, of.coalesce("found", "lead")).drop("found")


def _without_duplicates(keyed: Frame, history: SparkHistory) -> Frame:
    """Leaves out interactions that duplicate a row of another key; those of one key are found later."""
    from pyspark.sql import Window
    from pyspark.sql import functions as of

    if "interaction_id" not in keyed.columns:
        return keyed
    rule = history.text_rule
    ids = [text_of(name, rule) for name in ("source", "interaction_id") if name in keyed.columns]
    of_one_id = Window.partitionBy(*ids)
    has_id = ids[-1].isNotNull()
    with_id = keyed.where(has_id).withColumn(
        "is_shared", ~of.min(_KEY).over(of_one_id).eqNullSafe(of.max(_KEY).over(of_one_id))
    )
    leads = with_lead(history.frames["leads"], rule).select("lead", of.col("created_at").alias(_CREATED))
    if history.linked is not None:
        seen = leads.sparkSession.createDataFrame(history.linked.seen)
        # An alias is known from its link on, as a lead is from its creation on.
        first = of.coalesce("seen_from", _CREATED).alias(_CREATED)
        leads = leads.join(seen, "lead", "full").select("lead", first)
    shared = with_id.where("is_shared").drop("is_shared").join(leads, "lead", "left")
    kept = shared.repartition(*ids).mapInArrow(_keeping_first(history.without_frames()), shared.schema)
    unshared = with_id.where("not is_shared").drop("is_shared")
    return keyed.where(~has_id).unionByName(unshared).unionByName(kept.drop(_CREATED))


def _keeping_first(history: SparkHistory) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def keep_first(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        read = list(batches)
        if read:
            yield from _first_rows(pa.Table.from_batches(read), history).to_batches()

    return keep_first


def _first_rows(rows: pa.Table, history: SparkHistory) -> pa.Table:
    """Keeps the rows that duplicate none, by the rule of one machine; rows of unknown leads are kept."""
    ids = rows.select(["lead", _CREATED]).rename_columns(["lead_id", "created_at"])
    known = ids.filter(ids["created_at"].is_valid()).group_by("lead_id").aggregate([("created_at", "min")])
    ignored = Findings()
    tables = {
        "leads": known.rename_columns(["lead_id", "created_at"]),
        INTERACTIONS: rows.select(history.schemas[INTERACTIONS].names),
    }
    raw = RawTables(tables, settings=history.settings)
    leads = read_leads(open_rows(raw, "leads", ignored), attribute_types={}, is_typed=True)
    if leads is None:
        return rows
    duplicates = find_duplicate_rows(open_rows(raw, INTERACTIONS, ignored), leads)
    kept = np.ones(len(rows), np.bool_)
    kept[duplicates] = False
    return rows.filter(pa.array(kept))


def _rows_of(rows: pa.Table, name: str, schema: pa.Schema) -> pa.Table:
    column = rows[name].combine_chunks()
    filled = column.filter(column.is_valid())
    return pa.table([filled.field(i) for i in range(len(schema))], names=schema.names)
