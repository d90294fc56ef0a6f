"""The linked leads of a history on Spark, on the driver: links are few beside interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from features.findings.problems import Findings
from features.history.lead_history import Ints
from features.history.settings import HistorySettings
from features.parsing.text_columns import is_text, plain_texts
from features.partitions.linked_keys import LinkedKeys, link_keys
from features.tables.alias_rows import ALIASES, read_aliases
from features.tables.lead_rows import read_leads
from features.tables.table_reader import RawTables, open_rows
from features.times import format_time

if TYPE_CHECKING:
    from features.spark.file_frames import Frame


@dataclass(frozen=True, slots=True)
class LinkedLeads:
    """The ids of all links.

    Attributes:
        keys: what brings linked leads, and their accounts, into one partition.
        seen: `lead`, and `seen_from`: when rows under it can be known to belong to any lead.
    """

    keys: LinkedKeys
    seen: pa.Table


def collect_linked(
    aliases: Frame, leads: Frame, settings: HistorySettings, findings: Findings
) -> LinkedLeads | None:
    """Collects the links, and the leads among their ids.

    Args:
        aliases: the table.
        leads: of the whole history: `lead`, its `created_at`, and the text of its `account`.
        settings: by which cells are read.
        findings: collects what is wrong with the links.

    Returns:
        None where there are no links, or a finding stops everything.
    """
    rows = aliases.toArrow()
    rule = settings.text_rule
    texts = {name: plain_texts(rows[name], rule) for name in ("alias_id", "lead_id")}
    chunks = [chunk for column in texts.values() if column is not None for chunk in column.chunks]
    if not len(rows) or any(column is None for column in texts.values()):
        return None
    ids = pa.chunked_array(chunks, pa.string()).drop_null().unique()
    named = aliases.sparkSession.createDataFrame(pa.table({"lead": ids}))
    found = leads.join(named, "lead").toArrow()
    tables = {"leads": found.select(["lead", "created_at"]).rename_columns(["lead_id", "created_at"])}
    raw = RawTables({**tables, ALIASES: rows}, settings=settings)
    ignored = Findings()
    own = read_leads(open_rows(raw, "leads", ignored), attribute_types={}, is_typed=True)
    joined = read_aliases(open_rows(raw, ALIASES, findings), own)
    if joined is None:
        return None
    seen = pa.table({"lead": joined.ids, "seen_from": _as_cells(joined.seen_from, found["created_at"].type)})
    return LinkedLeads(link_keys(texts, found["lead"], found["account"]), seen)


def _as_cells(moments: Ints, type_: pa.DataType) -> pa.Array:
    """Writes moments as the table of leads has its times."""
    if is_text(type_):
        return pa.array([format_time(moment) for moment in moments.tolist()], pa.string())
    return pa.array(moments, pa.timestamp("us", tz="UTC"))
