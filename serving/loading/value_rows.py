"""Values of attributes as rows of the store, each with the moment from which it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.lead_history import Attribute, Bools, Ints
from features.history.settings import HistorySettings
from features.history.text_rule import float_text
from features.parsing.text_columns import Texts
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows
from serving.bodies.score_bodies import MOST_NAME, MOST_TEXT
from serving.loading.row_fates import UNSTORABLE
from serving.loading.storable import (
    BARRED_IN_TEXTS,
    Places,
    are_unstorable,
    is_unstorable,
    texts_of,
)

OF_EXPORT: Final = "is_of_export"
CHANGES: Final = pa.schema(
    [
        ("lead", pa.int64()),
        ("lead_id", pa.string()),
        ("attribute", pa.string()),
        ("type", pa.string()),
        ("value", pa.string()),
        ("available_at", pa.int64()),
        # Whether it is known from then on because it was exported then; of ids that are not linked.
        (OF_EXPORT, pa.bool_()),
    ]
)


def changes_table(
    attributes: Mapping[str, Attribute], leads: Leads, places: Places, settings: HistorySettings
) -> pa.Table:
    """Gives every value with the moment from which it is known: creation, the export, or its change."""
    parts = [CHANGES.empty_table()]
    is_linked = _are_linked(leads)
    for name, attribute in attributes.items():
        given_at = _given_at(name, leads, settings)
        lead, known, values = _values_of(attribute, given_at)
        is_of_export = (known == given_at[lead]) & (known > leads.created_at[lead])
        is_of_export &= ~is_linked[lead]
        kept = places.keep("attribute_changes", lead, {UNSTORABLE: _are_unstorable(name, attribute, values)})
        lead, known, values = lead[kept], known[kept], values[kept]
        is_there = ~np.isnan(values)
        count = len(lead)
        parts.append(
            pa.table(
                [
                    pa.array(places.of(lead)),
                    leads.ids.take(pa.array(lead)),
                    pa.array([name]).take(pa.array(np.zeros(count, np.int64))),
                    pa.array([attribute.type]).take(pa.array(np.zeros(count, np.int64), mask=~is_there)),
                    _value_texts(attribute, values),
                    pa.array(known),
                    pa.array(is_of_export[kept]),
                ],
                schema=CHANGES,
            )
        )
    table = pa.concat_tables(parts).combine_chunks()
    order = order_rows(np.asarray(table["lead"]), np.asarray(table["available_at"]), [])
    return table.take(pa.array(order))


def _are_linked(leads: Leads) -> Bools:
    """Finds the ids that are linked to another, in either direction."""
    is_linked = np.zeros(len(leads.ids), np.bool_)
    if leads.joins is not None:
        is_linked[leads.joins.id] = is_linked[leads.joins.lead] = True
    return is_linked


def _are_unstorable(name: str, attribute: Attribute, values: npt.NDArray[np.float64]) -> Bools:
    """Finds the values that a request could not send: their text, or the name, is too long or barred."""
    if is_unstorable(pa.array([name]), MOST_NAME, barred=BARRED_IN_TEXTS)[0]:
        return np.ones(len(values), np.bool_)
    if attribute.type != "category":
        return np.zeros(len(values), np.bool_)
    codes = np.where(np.isnan(values), -1, values).astype(np.int32)
    texts = Texts(codes, pa.array(attribute.categories, pa.string()))
    return are_unstorable(texts, MOST_TEXT, barred=BARRED_IN_TEXTS)


def _given_at(name: str, leads: Leads, settings: HistorySettings) -> Ints:
    """Gives the moments from which the values of an attribute in the table of leads are known: the creations.

    What is known only as of the export may have been filled in after the sale: it counts from the export on,
    unless the settings say that it is a feature all the same.
    """
    said = settings.attribute(name)
    if said.known != "export" or said.use == "feature" or settings.exported_at is None:
        return leads.created_at
    return np.maximum(leads.created_at, settings.exported_at)


def _values_of(attribute: Attribute, given_at: Ints) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """Gives lead, moment and value of each value of an attribute.

    Of several values at one moment the last counts. The values of the table of leads count from `given_at`
    on, where no change is as early.
    """
    changes = attribute.changes
    if changes is None:
        lead = np.flatnonzero(~np.isnan(attribute.values))
        return lead, given_at[lead], attribute.values[lead]
    owner = np.repeat(np.arange(len(given_at)), np.diff(changes.starts))
    is_last = np.ones(len(owner), np.bool_)
    is_last[:-1] = (owner[1:] != owner[:-1]) | (changes.available_at[1:] != changes.available_at[:-1])
    has_early = np.zeros(len(given_at), np.bool_)
    has_early[owner[changes.available_at <= given_at[owner]]] = True
    lead = np.flatnonzero(~np.isnan(attribute.values) & ~has_early)
    return (
        np.concatenate([lead, owner[is_last]]),
        np.concatenate([given_at[lead], changes.available_at[is_last]]),
        np.concatenate([attribute.values[lead], changes.values[is_last]]),
    )


def _value_texts(attribute: Attribute, values: npt.NDArray[np.float64]) -> pa.Array:
    codes, distinct = np.full(len(values), -1, np.int64), np.empty(0)
    is_there = ~np.isnan(values)
    if attribute.type == "category":
        codes[is_there] = values[is_there].astype(np.int64)
        return texts_of(codes, attribute.categories)
    distinct, codes[is_there] = np.unique(values[is_there], return_inverse=True)
    write = float_text if attribute.type == "number" else _boolean_text
    return texts_of(codes, [write(value) for value in distinct.tolist()])


def _boolean_text(value: float) -> str:
    return "true" if value else "false"
