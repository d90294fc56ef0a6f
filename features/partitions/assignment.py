"""The partition of each lead: a hash of its account, or of the lead itself where it has no account.

Leads of one account share a partition: features of the account are computed there. Linked leads, and their
accounts, share one too.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.history.text_rule import TextRule
from features.parsing.text_columns import plain_texts
from features.partitions.layout import Layout
from features.partitions.linked_keys import LinkedKeys, link_keys

PartitionNumbers = npt.NDArray[np.uint16]

_FILE: Final = "partition_of_lead.arrow"


def partitions_of_leads(leads: pa.Table, layout: Layout, aliases: pa.Table | None = None) -> PartitionNumbers:
    """Assigns leads to partitions, and stores those that do not follow from the id of the lead.

    Args:
        leads: the table; ids are read as texts.
        layout: its folder receives the partitions of the leads with an account, and of linked ids.
        aliases: the table of aliases, if there is one.

    Returns:
        (leads,) numbers of partitions.
    """
    ids, count = _texts(leads, "lead_id", layout.text_rule), layout.count
    has_accounts = "account_id" in leads.column_names
    accounts = _texts(leads, "account_id", layout.text_rule) if has_accounts else None
    if accounts is None and aliases is None:
        return _hashed(ids, count)
    linked = None if aliases is None else _linked(aliases, ids, accounts, layout)
    keys = ids if linked is None else linked.of(ids, are_accounts=False)
    partition_of, found = _hashed(keys, count), []
    if accounts is not None:
        keys = accounts if linked is None else linked.of(accounts, are_accounts=True)
        has_account = accounts.is_valid()
        partition_of = np.where(np.asarray(has_account), _hashed(keys, count), partition_of)
        found.append(pa.table({"id": ids, "partition": partition_of}).filter(has_account))
    if linked is not None:
        others = pa.table({"id": linked.ids, "partition": _hashed(linked.of_ids, count)})
        is_found = (
            pc.is_in(linked.ids, found[0]["id"]) if found else pa.array(np.zeros(len(linked.ids), bool))
        )
        found.append(others.filter(pc.invert(is_found)))
    _write(pa.concat_tables(found), layout)
    return partition_of


def ranges_of_leads(leads: pa.Table, layout: Layout, aliases: pa.Table | None = None) -> PartitionNumbers:
    """Assigns leads with consecutive ids to the same partition, and stores the partitions of all ids.

    Accounts are split, linked ids are not. Rows that are written to an index by lead in this order touch few
    pages of it.

    Args:
        leads: the table; ids are read as texts.
        layout: its folder receives the partitions of the leads, and of linked ids.
        aliases: the table of aliases, if there is one.

    Returns:
        (leads,) numbers of partitions.
    """
    ids = _texts(leads, "lead_id", layout.text_rule)
    linked = None if aliases is None else _linked(aliases, ids, None, layout)
    keys = (ids if linked is None else linked.of(ids, are_accounts=False)).combine_chunks()
    encoded = keys.dictionary_encode()
    order, codes = pc.sort_indices(encoded.dictionary).to_numpy(), encoded.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(order))[order]
    # A key has the place of the first of its leads.
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(counts) - counts
    partition_of_key = (rank * layout.count // max(len(ids), 1)).astype(np.uint16)
    partition_of: PartitionNumbers = partition_of_key[codes]
    found = [pa.table({"id": ids, "partition": partition_of})]
    if linked is not None:
        others = pa.table({"id": linked.ids, "key": pc.index_in(linked.of_ids, encoded.dictionary)})
        others = others.filter(pc.invert(pc.is_in(others["id"], ids.combine_chunks()))).drop_null()
        found.append(pa.table({"id": others["id"], "partition": partition_of_key[others["key"].to_numpy()]}))
    _write(pa.concat_tables(found), layout)
    return partition_of


def _linked(
    aliases: pa.Table, ids: pa.ChunkedArray, accounts: pa.ChunkedArray | None, layout: Layout
) -> LinkedKeys:
    links = {name: _texts(aliases, name, layout.text_rule) for name in ("alias_id", "lead_id")}
    return link_keys(links, ids, accounts)


def partitions_of_rows(rows: pa.Table, layout: Layout) -> PartitionNumbers:
    """Assigns rows of any other table to the partition of their lead; an unknown lead has that of its id."""
    ids = _texts(rows, "lead_id", layout.text_rule)
    path = layout.folder / _FILE
    partition_of = _hashed(ids, layout.count)
    if not path.exists():
        return partition_of
    connection = _with_partitions(path, path.stat().st_mtime_ns)
    numbered = pa.table({"id": ids, "number": np.arange(len(ids))})
    found = _query(connection, numbered, "select number, partition from rows join leads using (id)")
    partition_of[found["number"]] = found["partition"]
    return partition_of


def hash_ids(rows: pa.Table, rule: TextRule) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Hashes (`source`, `interaction_id`) of each row, and finds the rows that have an id."""
    ids = _texts(rows, "interaction_id", rule)
    has_source = "source" in rows.column_names
    source = _texts(rows, "source", rule) if has_source else pa.nulls(len(rows), pa.string())
    keys = pa.table({"source": source, "id": ids})
    hashes = _query(_plain(), keys, "select hash(source, id) as hashed from rows")["hashed"]
    return np.asarray(hashes, np.uint64), np.asarray(ids.is_valid())


def _write(partitions: pa.Table, layout: Layout) -> None:
    path = str(layout.folder / _FILE)
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, partitions.schema) as writer:
        writer.write_table(partitions)


def _hashed(texts: pa.ChunkedArray, count: int) -> PartitionNumbers:
    hashes = _query(_plain(), pa.table({"id": texts}), "select hash(id) as hashed from rows")["hashed"]
    partition_of: PartitionNumbers = (hashes % np.uint64(count)).astype(np.uint16)
    return partition_of


def _query(connection: duckdb.DuckDBPyConnection, rows: pa.Table, sql: str) -> dict[str, npt.NDArray[Any]]:
    """Runs a query over the table `rows`; gives the columns of its result."""
    relation = connection.from_arrow(rows).query("rows", sql)
    return {} if relation is None else dict(relation.fetchnumpy())


def _texts(rows: pa.Table, column: str, rule: TextRule) -> pa.ChunkedArray:
    """Reads ids as texts; a column that cannot hold ids is empty here, and reported elsewhere."""
    texts = plain_texts(rows[column], rule)
    return pa.chunked_array([pa.nulls(len(rows), pa.string())]) if texts is None else texts


@lru_cache(maxsize=1)
def _plain() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@lru_cache(maxsize=1)
def _with_partitions(path: Path, _written_at: int) -> duckdb.DuckDBPyConnection:
    """Opens a database in memory with the stored partitions of leads; a newly written file is read again."""
    connection = duckdb.connect(config={"threads": 1})
    with pa.OSFile(str(path)) as file:
        leads = pa.ipc.open_file(file).read_all()
    connection.from_arrow(leads).create("leads")
    return connection
