"""Reads the tables of a history from a database, through server-side cursors in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.findings.problems import Finding, Findings
from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from features.sources.cells import array_of_cells
from features.sources.column_types import TEXTS, is_attribute
from features.sources.connections import open_engine, redacted_url
from features.sources.history_settings import (
    SETTINGS_COLUMNS,
    SETTINGS_TABLE,
    settings_of_rows,
)
from features.sources.pieces import OpenSource, OpenTable, UnreadableTableError
from features.sources.service_tables import (
    ATTRIBUTE_CHANGES,
    STORED,
    VERSION_TABLE,
    attribute_types,
    tagged_value,
    with_attributes,
    with_times,
)
from features.tables.schema import REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns, report_missing_table

CHUNK_ROWS: Final = 50_000
# The first and the last instant that a datetime of Python holds.
_YEARS: Final = ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00")


@contextmanager
def open_database(source: str, findings: Findings, settings: HistorySettings | None) -> Iterator[OpenSource]:
    """Reads all tables except `interactions`, whose rows can be read until the context ends.

    Args:
        source: a URL, `sqlite:///...` or `postgresql://...`.
        findings: collects what is wrong.
        settings: of the model that reads; None: those of the table `history_settings`.

    Raises:
        HistorySettingsError: the table `history_settings` cannot be used.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_engine(source).connect())
            opened = _open_tables(connection, redacted_url(source), findings, settings)
        except UnreadableTableError as error:
            findings.append(error.finding)
            opened = OpenSource(RawTables({}), None)
        except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
            findings.append(_finding(redacted_url(source), error))
            opened = OpenSource(RawTables({}), None)
        yield opened


def _engine(source: str) -> sa.Engine:
    url = sa.make_url(source)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        # SQLite would create an empty database of that name.
        raise FileNotFoundError(f"there is no file {url.database}")
    return open_engine(source, poolclass=sa.pool.NullPool)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A table of a connection in a transaction, read chunk by chunk; see `features.sources.pieces.Piece`."""

    connection: sa.Connection
    place: str
    table: str
    used: Sequence[str]
    booleans: frozenset[str]
    texts: frozenset[str]
    attributes: frozenset[str]
    is_store: bool
    text_rule: TextRule
    selected: Sequence[sa.ColumnElement[Any]]

    def read(self) -> Iterator[pa.Table]:
        """Reads the rows, chunk by chunk.

        Raises:
            UnreadableTableError: the database fails.
        """
        try:
            yield from self._read()
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise UnreadableTableError(_finding(self.place, error)) from error

    def _read(self) -> Iterator[pa.Table]:
        query: Any = sa.select(*self.selected).select_from(sa.table(self.table))
        streaming = self.connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
        for chunk in streaming.execute(query).partitions():
            rows = self._as_arrow(chunk)
            yield with_times(rows) if self.is_store else rows

    def _as_arrow(self, rows: Sequence[Sequence[Any]]) -> pa.Table:
        columns = {
            name: array_of_cells(
                cells,
                self.text_rule,
                is_boolean=name in self.booleans,
                is_text=name in self.texts,
                is_attribute=name in self.attributes,
            )
            for name, cells in zip(self.used, zip(*rows, strict=True), strict=True)
        }
        return pa.table(columns)

    def schema(self) -> pa.Schema:
        """Gives the schema of its columns, as far as it is known before the rows are read."""
        columns = pa.schema([(name, pa.null()) for name in self.used]).empty_table()
        return (with_times(columns) if self.is_store else columns).schema

    def count(self) -> int:
        """Counts its rows."""
        counted = sa.select(sa.func.count()).select_from(sa.table(self.table))
        return int(self.connection.execute(counted).scalar_one())


def _read_settings(connection: sa.Connection, tables: Set[str]) -> HistorySettings:
    if SETTINGS_TABLE not in tables:
        return HistorySettings()
    query: Any = sa.select(*map(sa.column, SETTINGS_COLUMNS)).select_from(sa.table(SETTINGS_TABLE))
    return settings_of_rows((key, value) for key, value in connection.execute(query))


def _open_tables(
    connection: sa.Connection, place: str, findings: Findings, settings: HistorySettings | None
) -> OpenSource:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        # The driver reads times in the zone of the session, and none may leave the years 1 to 9999 there.
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
    inspector = sa.inspect(connection)
    present = {*inspector.get_table_names(), *inspector.get_view_names()}
    said = _read_settings(connection, present)
    settings = said if settings is None else said.for_model(settings)
    rule = settings.text_rule
    is_store = VERSION_TABLE in present and {*STORED} <= present
    opened: dict[str, OpenTable] = {}
    names: dict[str, tuple[str, ...]] = {}
    stored_types = attribute_types(connection, rule) if is_store else {}
    tagged = tagged_value(stored_types, rule)
    for table in REQUIRED:
        if (own := _own_name(table, present)) is not None:
            columns = inspector.get_columns(own)
            names[table] = tuple(column["name"] for column in columns)
            used = pick_columns(table, names[table])
            booleans = {column["name"] for column in columns if isinstance(column["type"], sa.Boolean)}
            types = {column["name"]: column["type"] for column in columns}
            selected = [within_years(name, types[name], connection.dialect.name) for name in used]
            if table == ATTRIBUTE_CHANGES.name and tagged is not None:
                selected = [
                    tagged if name == "value" else own for name, own in zip(used, selected, strict=True)
                ]
            cursor = _Cursor(
                connection,
                place,
                own,
                used,
                frozenset(booleans),
                TEXTS[table],
                frozenset(name for name in used if is_attribute(table, name)),
                is_store,
                rule,
                selected,
            )
            rows_count = cursor.count() if table == INTERACTIONS else 0
            opened[table] = OpenTable(
                cursor.schema(), names[table], (cursor,), rows_count, attributes=cursor.attributes
            )
        else:
            report_missing_table(findings, table, {name: name for name in sorted(present)})
    interactions = opened.pop(INTERACTIONS, None)
    tables = {table: rows.read(rule) for table, rows in opened.items()}
    # Columns that the service keeps for itself are not reported as unused.
    raw = (
        RawTables(with_attributes(tables, stored_types), settings=settings)
        if is_store
        else RawTables(tables, types_are_of_cells=True, names=names, settings=settings)
    )
    return OpenSource(raw, interactions, are_movable=False)


def within_years(name: str, type_: Any, dialect: str) -> sa.ColumnElement[Any]:
    """Selects a column; times of PostgreSQL that the driver cannot read become the last or the first.

    Infinity stands for never, as 9999-12-31 does.
    """
    column: sa.ColumnElement[Any] = sa.column(name)
    if dialect != "postgresql" or not isinstance(type_, sa.DateTime | sa.Date):
        return column
    first, last = (sa.cast(sa.literal_column(f"'{text}'"), type_) for text in _YEARS)
    # Of an empty cell the function of PostgreSQL would give a bound.
    bounded = sa.func.greatest(sa.func.least(column, last), first)
    return sa.case((column.is_not(None), bounded)).label(name)


def _own_name(table: str, present: Set[str]) -> str | None:
    """Finds the name of a table in the database, where capitals do not count unless there are several."""
    if table in present:
        return table
    alike = [name for name in present if name.lower() == table]
    return alike[0] if len(alike) == 1 else None


def _finding(place: str, error: Exception) -> Finding:
    return Finding.of("D001", place=place, fault=f"cannot be opened: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Gives the first line of the driver's message: it names host and database, never a password or a row."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
