"""Which partition of a history each lead belongs to: one hash of its account, or of the lead without one.

Leads of one account share a partition, so that features of the account can be computed there.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.text_rule import TextRule
from features.parsing.text_columns import plain_texts
from features.partitions.layout import Layout

PartitionNumbers = npt.NDArray[np.uint16]

_FILE: Final = "homes.arrow"


def partitions_of_leads(leads: pa.Table, layout: Layout) -> PartitionNumbers:
    """Assigns leads to partitions, and writes down what an id alone does not tell.

    Args:
        leads: the table; ids are read as texts.
        layout: keeps the homes of leads that have an account.

    Returns:
        (leads,) numbers of partitions.
    """
    ids, count = _texts(leads, "lead_id", layout.text_rule), layout.count
    if "account_id" not in leads.column_names:
        return _hashed(ids, count)
    accounts = _texts(leads, "account_id", layout.text_rule)
    has_account = accounts.is_valid()
    homes = np.where(np.asarray(has_account), _hashed(accounts, count), _hashed(ids, count))
    apart = pa.table({"id": ids, "home": homes}).filter(has_account)
    with pa.OSFile(str(layout.folder / _FILE), "wb") as file, pa.ipc.new_file(file, apart.schema) as writer:
        writer.write_table(apart)
    return homes


def partitions_of_rows(rows: pa.Table, layout: Layout) -> PartitionNumbers:
    """Assigns rows of any other table: where the lead they name lives, or would live."""
    ids = _texts(rows, "lead_id", layout.text_rule)
    homes = _hashed(ids, layout.count)
    path = layout.folder / _FILE
    if not path.exists():
        return homes
    connection = _with_homes(path, path.stat().st_mtime_ns)
    numbered = pa.table({"id": ids, "number": np.arange(len(ids))})
    found = _ask(connection, numbered, "select number, home from asked join homes using (id)")
    homes[found["number"]] = found["home"]
    return homes


def hash_ids(rows: pa.Table, rule: TextRule) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Hashes (`source`, `interaction_id`) of each row, and tells which rows have an id."""
    ids = _texts(rows, "interaction_id", rule)
    has_source = "source" in rows.column_names
    source = _texts(rows, "source", rule) if has_source else pa.nulls(len(rows), pa.string())
    sent = pa.table({"source": source, "id": ids})
    hashes = _ask(_plain(), sent, "select hash(source, id) as hashed from asked")["hashed"]
    return np.asarray(hashes, np.uint64), np.asarray(ids.is_valid())


def _hashed(texts: pa.ChunkedArray, count: int) -> PartitionNumbers:
    hashes = _ask(_plain(), pa.table({"id": texts}), "select hash(id) as hashed from asked")["hashed"]
    homes: PartitionNumbers = (hashes % np.uint64(count)).astype(np.uint16)
    return homes


def _ask(connection: duckdb.DuckDBPyConnection, rows: pa.Table, query: str) -> dict[str, npt.NDArray[Any]]:
    """Asks about rows, which are the table `asked`; gives the columns of the answer."""
    answer = connection.from_arrow(rows).query("asked", query)
    return {} if answer is None else dict(answer.fetchnumpy())


def _texts(rows: pa.Table, column: str, rule: TextRule) -> pa.ChunkedArray:
    """Reads ids as texts; a column that can hold none is reported elsewhere, and empty here."""
    texts = plain_texts(rows[column], rule)
    return pa.chunked_array([pa.nulls(len(rows), pa.string())]) if texts is None else texts


@lru_cache(maxsize=1)
def _plain() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@lru_cache(maxsize=1)
def _with_homes(path: Path, _written: int) -> duckdb.DuckDBPyConnection:
    """Opens a database in memory with the homes that were written down, once for each time they were."""
    connection = duckdb.connect(config={"threads": 1})
    with pa.OSFile(str(path)) as file:
        homes = pa.ipc.open_file(file).read_all()
    connection.from_arrow(homes).create("homes")
    return connection
