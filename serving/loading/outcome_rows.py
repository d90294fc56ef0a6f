"""Outcomes as rows of the store, in the order of leads and time."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.lead_history import OUTCOMES, Ints
from features.tables.lead_rows import Leads
from features.tables.outcome_rows import SentOutcomes
from features.tables.row_order import order_rows
from serving.bodies.intake_items import MOST_ID, MOST_SOURCE
from serving.clock import AHEAD_US
from serving.intake.items import fingerprint
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

_OUTCOME_NAMES: Final = {code: name for name, code in OUTCOMES.items()}

OUTCOME_ROWS: Final = pa.schema(
    [
        ("key", pa.binary()),
        ("source", pa.string()),
        ("lead_id", pa.string()),
        ("outcome", pa.string()),
        ("occurred_at", pa.int64()),
        ("available_at", pa.int64()),
        ("amount", pa.float64()),
        ("outcome_id", pa.string()),
        ("lead", pa.int64()),
    ]
)


def outcomes_table(sent: SentOutcomes | None, leads: Leads, places: Places, *, now: int) -> pa.Table:
    """Gives the outcomes that can be used and stored, each with the key that it has over HTTP.

    Args:
        sent: as they were sent; None where there is no table.
        leads: of the partition.
        places: of the leads; counts what is refused.
        now: microseconds UTC.
    """
    if sent is None:
        return OUTCOME_ROWS.empty_table()
    own = sent.usable
    lead, occurred_at, known = sent.lead[own], sent.occurred_at[own], sent.available_at[own]
    source, outcome_id = chosen_texts(sent.source, own), chosen_texts(sent.outcome_id, own)
    faults = {
        AHEAD: occurred_at > now + AHEAD_US,
        UNSTORABLE: are_unstorable(source, MOST_SOURCE, barred=BARRED_IN_TEXTS)
        | are_unstorable(outcome_id, MOST_ID, barred=BARRED_IN_IDS),
    }
    kept = places.keep("outcomes", lead, faults)
    outcome, amount = sent.outcome[own], sent.amount[own]
    ties = [column[kept] for column in (occurred_at, outcome, amount)]
    kept = kept[order_rows(lead[kept], known[kept], ties)]
    table = pa.table(
        [
            pa.nulls(len(kept), pa.binary()),
            or_no_source(source, kept),
            leads.ids.take(pa.array(lead[kept])),
            texts_of(_codes_of(outcome[kept]), [*_OUTCOME_NAMES.values()]),
            pa.array(occurred_at[kept]),
            pa.array(known[kept]),
            pa.array(amount[kept], mask=np.isnan(amount[kept])),
            texts_of(outcome_id.codes[kept], outcome_id.values),
            pa.array(places.of(lead[kept])),
        ],
        schema=OUTCOME_ROWS,
    )
    return table.set_column(0, "key", pa.array(_outcome_keys(table), pa.binary()))


def _codes_of(outcome: npt.NDArray[np.int8]) -> Ints:
    """Gives the places of outcomes among their names."""
    place = np.zeros(max(_OUTCOME_NAMES) + 1, np.int64)
    place[[*_OUTCOME_NAMES]] = np.arange(len(_OUTCOME_NAMES))
    return place[outcome]


def _outcome_keys(table: pa.Table) -> list[bytes]:
    """Makes the keys that the same outcomes have over HTTP; of equal ones all but the first are numbered."""
    columns = ("source", "lead_id", "outcome", "occurred_at", "available_at", "outcome_id")
    seen: Counter[tuple[str, ...]] = Counter()
    keys = []
    for source, lead_id, outcome, occurred_at, known, id_ in zip(
        *(table[name].to_pylist() for name in columns), strict=True
    ):
        key = (source, lead_id, *((outcome, str(occurred_at)) if id_ is None else (id_, str(known))))
        keys.append(fingerprint(*key, *([f"#{seen[key]}"] if seen[key] else [])))
        seen[key] += 1
    return keys
