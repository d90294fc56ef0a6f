"""Reads the table `leads`: who the leads are, when they were created, and what was known of them then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Attribute, AttributeType, Categories, Ints
from features.parsing.text_columns import Texts, as_categories
from features.parsing.time_columns import NO_TIME
from features.tables.attributes import read_attributes
from features.tables.table_reader import Rows


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads, sorted by id.

    Attributes:
        ids: (leads,) distinct texts.
        created_at: (leads,) microseconds UTC.
        account: of each lead; None where the table has no accounts.
        attributes: values at creation, by name in order of names.
        columns: names of the columns of attributes, those without any value too.
    """

    ids: pa.Array
    created_at: Ints
    account: Categories | None
    attributes: Mapping[str, Attribute]
    columns: tuple[str, ...]

    def rows_of(self, texts: Texts) -> Ints:
        """Finds the row of the lead that each text names, -1 where there is none."""
        places = pc.index_in(texts.values, self.ids).fill_null(-1).to_numpy()
        return np.append(places, -1)[texts.codes].astype(np.int64)


def read_leads(rows: Rows, *, attribute_types: Mapping[str, AttributeType], is_typed: bool) -> Leads | None:
    """Reads the leads and reports their faults.

    Args:
        rows: the table.
        attribute_types: types by attribute name that are not to be told from the values.
        is_typed: whether the columns have types of their own; else they are told from the texts.

    Returns:
        None where something stops.
    """
    created_at = rows.times("created_at")
    account = rows.texts("account_id")
    attributes, untold = read_attributes(rows, attribute_types=attribute_types, is_typed=is_typed)
    if rows.is_sound:
        rows.report("D011", created_at == NO_TIME, column="created_at")
        rows.report("D011", rows.lead.codes < 0, column="lead_id")
    _report_doubled(rows)
    if not rows.is_sound:
        return None
    return _sorted(rows, created_at, account, attributes, (*attributes, *untold))


def _report_doubled(rows: Rows) -> None:
    counts = np.bincount(rows.lead.codes + 1)[1:]
    if (counts > 1).any():
        ids = rows.lead.values.filter(pa.array(counts > 1)).to_pylist()
        rows.findings.add("D012", table="leads", column="lead_id", count=len(ids), ids=ids)


def _sorted(
    rows: Rows,
    created_at: Ints,
    account: Texts,
    attributes: Mapping[str, Attribute],
    columns: tuple[str, ...],
) -> Leads:
    ids = rows.lead.values.take(pa.array(rows.lead.codes))
    order = pc.sort_indices(ids).to_numpy().astype(np.int64)
    accounts = as_categories(Texts(account.codes[order], account.values))
    return Leads(
        ids=ids.take(pa.array(order)),
        created_at=created_at[order],
        account=accounts if "account_id" in rows.columns.column_names else None,
        attributes={
            name: Attribute(one.type, one.values[order], one.categories) for name, one in attributes.items()
        },
        columns=columns,
    )
