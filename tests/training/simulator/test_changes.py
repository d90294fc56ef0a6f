from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from training.simulator.changes import NEW_SOURCE, Change
from training.simulator.simulate import draw_chunk

DAY = 430


def chunk(change: Change | None = None) -> dict[str, pa.Table]:
    return dict(draw_chunk(0, leads_count=400, seed=3, change=change))


def rows_of(table: pa.Table, column: str, value: str, time: str) -> tuple[int, int]:
    """Rows with a value before and from the day of the change on."""
    moments = pc.cast(table[time], pa.int64()).to_numpy()
    is_value = pc.equal(table[column], value).to_numpy(zero_copy_only=False).astype(bool)
    later = moments >= Change("price", DAY).at_us
    return int((is_value & ~later).sum()), int((is_value & later).sum())


def test_of_tables__renames_a_kind_from_the_day_on_only() -> None:
    usual, changed = chunk(), chunk(Change("kind_renamed", DAY))

    before, after = rows_of(usual["interactions"], "kind", "email_opened", "occurred_at")
    assert rows_of(changed["interactions"], "kind", "email_opened", "occurred_at") == (before, 0)
    assert rows_of(changed["interactions"], "kind", "mail_open", "occurred_at") == (0, after)
    assert after > 0
    assert changed["outcomes"].equals(usual["outcomes"])


def test_of_tables__loses_the_rows_of_a_broken_tracker_from_the_day_on_only() -> None:
    usual, changed = chunk(), chunk(Change("tracker_broken", DAY))

    before, _ = rows_of(usual["interactions"], "kind", "page_view", "occurred_at")
    assert rows_of(changed["interactions"], "kind", "page_view", "occurred_at") == (before, 0)


def test_of_arrivals__gives_some_new_leads_a_source_that_was_never_there() -> None:
    before, after = rows_of(chunk(Change("new_source", DAY))["leads"], "source", NEW_SOURCE, "created_at")

    assert before == 0
    assert after > 5


def test_of_arrivals__changes_conversions_from_the_day_on_only() -> None:
    usual, halved = chunk(), chunk(Change("halved", DAY, factor=0.01))

    before, after = rows_of(usual["outcomes"], "outcome", "converted", "occurred_at")
    assert after > 5
    assert rows_of(halved["outcomes"], "outcome", "converted", "occurred_at")[0] == before
    assert rows_of(halved["outcomes"], "outcome", "converted", "occurred_at")[1] < after / 4
