"""Tables of a history that are in memory already, such as DataFrames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.text_rule import TextRule
from features.sources.pieces import BATCH_ROWS, OpenSource
from features.tables.schema import REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns

_NEEDED: Final = ("leads", "interactions")


@dataclass(frozen=True, slots=True, eq=False)
class MemoryTables:
    """Tables in memory.

    Attributes:
        tables: by name, as in a folder; types are those of the columns.
    """

    tables: Mapping[str, pa.Table]

    def __str__(self) -> str:
        """For people, where a folder or a database has its name."""
        return "tables in memory"


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPiece:
    """A whole table in memory."""

    table: pa.Table

    def read(self) -> Iterator[pa.Table]:
        """See `features.sources.pieces.Piece`."""
        for batch in self.table.to_batches(max_chunksize=BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def open_memory(source: MemoryTables, findings: Findings, text_rule: TextRule) -> OpenSource:
    """Picks the columns that are used, and reports the tables that are missing.

    Args:
        source: the tables.
        findings: takes what is wrong.
        text_rule: by which cells are read.
    """
    tables: dict[str, pa.Table] = {}
    unused: dict[str, tuple[str, ...]] = {}
    for name in REQUIRED:
        if name in source.tables:
            tables[name], unused[name] = _picked(name, source.tables[name])
        elif name in _NEEDED:
            findings.add("D002", table=name)
    interactions = tables.pop(INTERACTIONS, None)
    raw = RawTables(tables, unused=unused, text_rule=text_rule)
    if interactions is None:
        return OpenSource(raw, None)
    has_doubled = len(set(interactions.column_names)) < len(interactions.column_names)
    pieces = () if has_doubled else (MemoryPiece(interactions),)
    return OpenSource(raw, interactions.schema, pieces, interactions.num_rows)


def _picked(name: str, table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """Picks the columns that are used, both of a name that stands twice, and names the others."""
    used, unused = pick_columns(name, table.column_names)
    places = [place for place, column in enumerate(table.column_names) if column in used]
    return table.select(places), unused
