"""Writes the aliases of a history into the database of the service, by the rules of `POST /v1/aliases`.

They are written after all leads. Rows under an alias that is no lead are stored under its own id, as those
that are sent are: the link makes them rows of the lead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.findings.problems import Findings
from features.partitions.partitions import Partitions
from features.tables.alias_rows import ALIASES, read_first_links
from features.tables.table_reader import RawTables, open_rows
from serving.bodies.intake_items import read_alias
from serving.clock import AHEAD_US
from serving.database.writer import Receipt
from serving.intake.aliases import link_alias
from serving.intake.items import ERASED_LEAD, Verdict
from serving.loading.prepared import Counts
from serving.loading.row_fates import AHEAD, ERASED, OTHER_CONTENT, UNSTORABLE

# Links of one transaction: each asks the database several times.
LINKS: Final = 200
Link = dict[str, Any]


def links_of(partitions: Partitions) -> list[Link]:
    """Reads the links that count, an alias once."""
    layout = partitions.layout
    read = [layout.read(ALIASES, number) for number in range(layout.count)]
    tables = [table for table in read if table is not None]
    if not tables:
        return []
    raw = RawTables({ALIASES: pa.concat_tables(tables)}, partitions.is_typed, settings=layout.settings)
    links: list[Link] = read_first_links(open_rows(raw, ALIASES, Findings())).to_pylist()
    return links


def write_links(connection: sa.Connection, receipt: Receipt, links: Sequence[Link], *, salt: bytes) -> Counts:
    """Stores links; each is known from its own `available_at` on.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        links: of different aliases.
        salt: of the hashes of erased ids.

    Returns:
        Numbers of links by what became of them.
    """
    return {ALIASES: dict(Counter(_write(connection, receipt, link, salt) for link in links))}


def _write(connection: sa.Connection, receipt: Receipt, link: Link, salt: bytes) -> str:
    if link["available_at"] > receipt.at + AHEAD_US:
        return AHEAD
    if isinstance(read_alias({name: link[name] for name in ("alias_id", "lead_id")}), list):
        return UNSTORABLE
    return _reason(link_alias(connection, receipt, salt=salt, **link))


def _reason(verdict: Verdict) -> str:
    """Names what became of a link as for the other tables."""
    if verdict.status != "refused":
        return verdict.status
    return ERASED if ERASED_LEAD in (verdict.faults or ()) else OTHER_CONTENT
