"""Tables of a history in memory, such as DataFrames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from features.findings.problems import Findings
from features.history.settings import HistorySettings
from features.sources.history_settings import (
    SETTINGS_COLUMNS,
    SETTINGS_TABLE,
    HistorySettingsError,
    settings_of_rows,
)
from features.sources.pieces import BATCH_ROWS, OpenSource, OpenTable
from features.tables.schema import REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns, report_missing_table


@dataclass(frozen=True, slots=True, eq=False)
class MemoryTables:
    """Tables in memory.

    Attributes:
        tables: by name, as in a folder; the columns have types.
    """

    tables: Mapping[str, pa.Table]

    def __str__(self) -> str:
        """Name of the source, for people."""
        return "tables in memory"


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPiece:
    """A whole table in memory."""

    table: pa.Table

    def read(self) -> Iterator[pa.Table]:
        """See `features.sources.pieces.Piece`."""
        for batch in self.table.to_batches(max_chunksize=BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def open_memory(source: MemoryTables, findings: Findings, settings: HistorySettings | None) -> OpenSource:
    """Picks the columns that are used, and reports the tables that are missing.

    Args:
        source: the tables.
        findings: collects what is wrong.
        settings: of the model that reads; None: those of the table `history_settings`.
    """
    said = _read_settings(source)
    settings = said if settings is None else said.for_model(settings)
    tables: dict[str, pa.Table] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name in REQUIRED:
        if name in source.tables:
            tables[name] = _picked(name, source.tables[name])
            names[name] = tuple(source.tables[name].column_names)
        else:
            report_missing_table(findings, name, {other: other for other in source.tables})
    interactions = tables.pop(INTERACTIONS, None)
    raw = RawTables(tables, names=names, settings=settings)
    if interactions is None:
        return OpenSource(raw, None)
    has_duplicates = len(set(interactions.column_names)) < len(interactions.column_names)
    pieces = () if has_duplicates else (MemoryPiece(interactions),)
    opened = OpenTable(interactions.schema, names[INTERACTIONS], pieces, interactions.num_rows)
    return OpenSource(raw, opened)


def _read_settings(source: MemoryTables) -> HistorySettings:
    rows = source.tables.get(SETTINGS_TABLE)
    if rows is None:
        return HistorySettings()
    if not {*SETTINGS_COLUMNS} <= {*rows.column_names}:
        fault = f"it has the columns {', '.join(rows.column_names)}, and needs key and value."
        raise HistorySettingsError(SETTINGS_TABLE, fault=fault)
    key, value = (rows[column].cast(pa.string()).to_pylist() for column in SETTINGS_COLUMNS)
    return settings_of_rows(zip(key, value, strict=True))


def _picked(name: str, table: pa.Table) -> pa.Table:
    """Selects the columns that are used, including duplicate ones."""
    used = pick_columns(name, table.column_names)
    return table.select([i for i, column in enumerate(table.column_names) if column in used])
