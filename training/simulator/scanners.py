"""Link scanners of a made-up company: they open every mail at delivery, and follow all of its links."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.times import US_PER_SECOND

# What a scanner does after a mail arrived: the kind, and after how many seconds.
_DONE: Final = (("email_opened", 1.2), ("email_clicked", 2.1), ("email_clicked", 2.3), ("email_clicked", 2.4))


def with_scanners(interactions: pa.Table, share: float) -> pa.Table:
    """Adds what scanners do with the mails of some accounts and lone leads; sorted by lead and time.

    Whether a mailbox is scanned depends on its lead alone, and has nothing to do with whether the lead buys.

    Args:
        interactions: as `training.simulator.tables.record_interactions` makes them.
        share: of the leads whose mails are scanned.
    """
    lead = pc.cast(pc.utf8_slice_codeunits(interactions["lead_id"], -7), pa.int64()).to_numpy()
    # Every whole number gets its own place in [0, 1), evenly spread: the golden ratio's multiples.
    is_scanned = (lead * 0.6180339887498949) % 1 < share
    is_sent = np.asarray(pc.equal(interactions["kind"], "email_sent"))
    mails = interactions.filter(pa.array(is_scanned & is_sent))
    added = [_done(mails, kind, seconds, place) for place, (kind, seconds) in enumerate(_DONE)]
    whole = pa.concat_tables([interactions, *added])
    return whole.sort_by([(name, "ascending") for name in ("lead_id", "occurred_at", "interaction_id")])


def _done(mails: pa.Table, kind: str, seconds: float, place: int) -> pa.Table:
    span = pa.scalar(round(seconds * US_PER_SECOND), pa.duration("us"))
    columns = {
        "interaction_id": pc.binary_join_element_wise(mails["interaction_id"], f"scan{place}", "-"),
        "kind": pa.repeat(kind, len(mails)),
        "occurred_at": pc.add(mails["occurred_at"], span),
        "available_at": pc.add(mails["available_at"], span),
        "direction": pa.repeat("inbound", len(mails)),
    }
    for name, column in columns.items():
        mails = mails.set_column(mails.column_names.index(name), name, column)
    return mails
