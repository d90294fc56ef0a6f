"""Interactions as rows of the store, in the order of leads and time, each with an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import DIRECTION_NAMES, DIRECTIONS, Ints
from features.history.machine_made import MACHINE, UNSAID
from features.tables.interaction_rows import InteractionRows, read_counted
from features.tables.lead_rows import Leads
from features.tables.outcome_days import OutcomeDays
from features.tables.row_order import order_rows
from features.tables.table_reader import INTERACTIONS, Rows
from serving.bodies.intake_items import MOST_ID, MOST_SOURCE
from serving.bodies.score_bodies import MOST_NAME
from serving.clock import AHEAD_US
from serving.intake.items import HASH_BYTES, fingerprint
from serving.loading.content_hashes import contents_of_interactions
from serving.loading.row_fates import AHEAD, UNSTORABLE
from serving.loading.storable import (
    BARRED_IN_IDS,
    BARRED_IN_TEXTS,
    Places,
    are_unstorable,
    chosen_texts,
    or_no_source,
    texts_of,
)

_LEAD_BYTES: Final = 4
INTERACTION_ROWS: Final = pa.schema(
    [
        ("source", pa.string()),
        ("interaction_id", pa.string()),
        ("lead_id", pa.string()),
        ("kind", pa.string()),
        ("occurred_at", pa.int64()),
        ("available_at", pa.int64()),
        ("direction", pa.string()),
        ("channel", pa.string()),
        ("campaign", pa.string()),
        ("value", pa.float64()),
        ("is_automated", pa.bool_()),
        ("content", pa.binary()),
        ("lead", pa.int64()),
    ]
)


def interactions_table(
    rows: Rows | None,
    leads: Leads,
    places: Places,
    days: OutcomeDays,
    *,
    duplicates: Ints | None,
    now: int,
) -> pa.Table:
    """Gives the interactions that count and can be stored.

    Args:
        rows: of the table; None where there is none.
        leads: of the partition.
        places: of the leads; counts what is refused.
        days: on which an outcome has a date only: what a lead has then is known after it.
        duplicates: positions of rows that duplicate a row of another partition.
        now: microseconds UTC.
    """
    counted = None if rows is None else read_counted(rows, leads, duplicates=duplicates)
    if rows is None or counted is None:
        return INTERACTION_ROWS.empty_table()
    found, positions = counted[0].known_after(days), counted[1]
    source, id_ = (
        chosen_texts(rows.texts("source"), positions),
        chosen_texts(rows.texts("interaction_id"), positions),
    )
    names = [chosen_texts(rows.texts(name), positions) for name in ("kind", "channel", "campaign")]
    is_unstorable = are_unstorable(source, MOST_SOURCE, barred=BARRED_IN_TEXTS)
    is_unstorable |= are_unstorable(id_, MOST_ID, barred=BARRED_IN_IDS)
    for texts in names:
        is_unstorable |= are_unstorable(texts, MOST_NAME, barred=BARRED_IN_TEXTS)
    faults = {AHEAD: found.occurred_at > now + AHEAD_US, UNSTORABLE: is_unstorable}
    kept = places.keep(INTERACTIONS, found.lead, faults)
    kept = kept[order_rows(found.lead[kept], found.available_at[kept], [tie[kept] for tie in found.ties()])]
    table = _table_of(found, kept, _directions(rows, positions), leads, places)
    content = contents_of_interactions(table)
    ids = _with_own_ids(texts_of(id_.codes[kept], id_.values), table, content)
    return pa.table(
        [
            or_no_source(source, kept),
            ids,
            *table.columns[:-1],
            pa.array(content, pa.binary()),
            table["lead"],
        ],
        schema=INTERACTION_ROWS,
    )


def _directions(rows: Rows, positions: Ints) -> Ints:
    """Reads directions as they were sent: what the store holds is not filled with that of the kind."""
    texts = rows.texts("direction")
    names = [*DIRECTIONS]
    place = [names.index(name) if name in DIRECTIONS else -1 for name in texts.values.to_pylist()]
    return np.array([*place, -1])[texts.codes[positions]]


def _table_of(found: InteractionRows, kept: Ints, directions: Ints, leads: Leads, places: Places) -> pa.Table:
    return pa.table(
        {
            "lead_id": leads.ids.take(pa.array(found.lead[kept])),
            "kind": texts_of(found.kind.codes[kept], found.kind.values),
            "occurred_at": found.occurred_at[kept],
            "available_at": found.available_at[kept],
            "direction": texts_of(directions[kept], [*DIRECTION_NAMES.values()]),
            "channel": texts_of(found.channel.codes[kept], found.channel.values),
            "campaign": texts_of(found.campaign.codes[kept], found.campaign.values),
            "value": pa.array(found.value[kept], mask=np.isnan(found.value[kept])),
            "is_automated": _automated(found, kept),
            "lead": places.of(found.lead[kept]),
        }
    )


def _automated(found: InteractionRows, kept: Ints) -> pa.Array:
    if found.automated is None:
        return pa.nulls(len(kept), pa.bool_())
    said = found.automated[kept]
    return pa.array(said == MACHINE, mask=said == UNSAID)


def _with_own_ids(ids: pa.Array, table: pa.Table, content: Sequence[bytes]) -> pa.Array:
    """Gives each row without an id the hash of its content, and its ordinal among equal rows.

    The hash begins with that of the lead, so that the rows of a lead lie together in the index of ids.
    """
    without = np.flatnonzero(np.asarray(ids.is_null()))
    if not len(without):
        return ids
    encoded = pc.dictionary_encode(table["lead_id"].take(pa.array(without)).combine_chunks())
    leads = [fingerprint(lead_id)[:_LEAD_BYTES].hex() for lead_id in encoded.dictionary.to_pylist()]
    hashes = b"".join([content[row] for row in without.tolist()])
    ordinals = _ordinals(hashes)
    numbers = pa.array([f"#{ordinal}" for ordinal in range(ordinals.max() + 1)], pa.string())
    own = pc.binary_join_element_wise(
        pa.array(leads, pa.string()).take(encoded.indices),
        _hexadecimals(hashes),
        numbers.take(pa.array(ordinals)),
        "",
    )
    return pc.replace_with_mask(ids, ids.is_null(), own)


def _hexadecimals(hashes: bytes) -> pa.Array:
    """Writes hashes as texts, without a Python text for each."""
    length = 2 * HASH_BYTES
    count = len(hashes) // HASH_BYTES
    starts = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(starts), pa.py_buffer(hashes.hex().encode())]
    )


def _ordinals(hashes: bytes) -> Ints:
    """Numbers the equal ones of some hashes from 0, in their order.

    >>> _ordinals(b"".join([bytes(16), b"x" * 16, bytes(16)])).tolist()
    [0, 0, 1]
    """
    count = len(hashes) // HASH_BYTES
    rows = pa.Array.from_buffers(pa.binary(HASH_BYTES), count, [None, pa.py_buffer(hashes)])
    codes = rows.dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    first = np.concatenate(([True], codes[order][1:] != codes[order][:-1]))
    ordinals = np.empty(count, np.int64)
    ordinals[order] = np.arange(count) - np.flatnonzero(first)[np.cumsum(first) - 1]
    return ordinals
