from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from features.times import US_PER_DAY
from training.simulator.changes import NEW_SOURCE, Change
from training.simulator.simulate import draw_chunk
from training.simulator.world import START_US, end_after

DAY = 430


def chunk(*changes: Change) -> dict[str, pa.Table]:
    return dict(draw_chunk(0, leads_count=400, seed=3, changes=changes))


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


def test_draw_chunk__of_a_longer_company_takes_one_change_after_another() -> None:
    changes = (
        Change("halved", DAY, factor=0.01),
        Change("tracker_broken", 600),
        Change("halved", 600, factor=100),
    )

    usual, changed = (
        dict(draw_chunk(0, leads_count=600, seed=3, days=800, changes=each)) for each in ((), changes)
    )

    def converted(tables: dict[str, pa.Table], first: int, last: int) -> int:
        day = (pc.cast(tables["outcomes"]["occurred_at"], pa.int64()).to_numpy() - START_US) // US_PER_DAY
        won = pc.equal(tables["outcomes"]["outcome"], "converted").to_numpy(zero_copy_only=False)
        return int((won & (first <= day) & (day < last)).sum())

    assert converted(changed, 0, DAY) == converted(usual, 0, DAY)
    assert converted(changed, DAY, 600) < converted(usual, DAY, 600) / 4
    # Times 0.01 times 100: the usual rate again, of leads that have not converted meanwhile.
    assert converted(changed, 600, 800) > converted(usual, 600, 800) / 2 > 2
    lost = pc.max(
        changed["interactions"].filter(pc.equal(changed["interactions"]["kind"], "page_view"))["occurred_at"]
    )
    assert lost.cast(pa.int64()).as_py() < Change("price", 600).at_us
    assert usual["truth"]["as_of"][0].cast(pa.int64()).as_py() == end_after(800)
