"""Writes the tables of an import: Parquet, sorted, and `history.toml` beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.history.lead_history import AttributeType
from features.history.text_rule import TextRule
from features.imports.reading.source_table import SourceRows
from features.imports.session import put_table, quoted, read_rows, run
from features.parsing.attribute_values import infer_type, values_of_texts
from features.parsing.text_columns import as_texts, is_text

_SORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("lead_id",),
    "interactions": ("lead_id", "occurred_at"),
    "outcomes": ("lead_id", "occurred_at"),
    "attribute_changes": ("lead_id", "available_at"),
    "lead_aliases": ("alias_id", "available_at"),
}


def write_tables(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[str]], folder: Path
) -> None:
    """Writes every table into a folder that exists.

    Args:
        connection: session with the tables.
        tables: their columns, by name.
        folder: target.
    """
    for table, columns in tables.items():
        rest = [name for name in columns if name not in _SORTED[table]]
        order = ", ".join(map(quoted, [*_SORTED[table], *rest]))
        listed = ", ".join(map(quoted, columns))
        rows = read_rows(connection, f"SELECT {listed} FROM {table} ORDER BY {order}")
        with pq.ParquetWriter(folder / f"{table}.parquet", rows.schema, compression="zstd") as writer:
            for batch in rows:
                writer.write_batch(batch)


def type_leads(
    connection: duckdb.DuckDBPyConnection, types: Mapping[str, AttributeType], rule: TextRule
) -> None:
    """Gives the attributes of the table `leads` their types.

    Args:
        connection: session with the table.
        types: types of attributes that the map gives.
        rule: how cells are read.
    """
    leads = read_rows(connection, "SELECT * FROM leads").read_all()
    columns = {
        name: leads[name]
        if name in ("lead_id", "created_at", "account_id")
        else typed_attribute(leads[name], types.get(name), rule)
        for name in leads.column_names
    }
    run(connection, "DROP TABLE leads")
    put_table(connection, "leads", SourceRows(pa.table(columns).to_reader()), schema="main")


def typed_attribute(column: pa.ChunkedArray, type_: AttributeType | None, rule: TextRule) -> pa.ChunkedArray:
    """Reads texts of an attribute as what they are, as from a CSV file: a number, a boolean or a category.

    A cell that is none of its type stays as text, with all others of the column.
    """
    if not is_text(column.type) or type_ == "category":
        return column
    texts = as_texts(column, rule)
    if texts is None:
        return column
    found = type_ or infer_type(texts, rule).type
    if found not in ("number", "boolean"):
        return column
    values, _, is_faulty = values_of_texts(texts, found, rule)
    if is_faulty.any():
        return column
    numbers = pa.array(values, from_pandas=True)
    return pa.chunked_array([numbers.cast(pa.bool_()) if found == "boolean" else numbers])
