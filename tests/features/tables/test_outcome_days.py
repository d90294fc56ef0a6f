"""What a lead has on the day of an outcome without a time of day is known only after the outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.checks.checked_history import read_history
from features.history.known import known_at
from features.history.lead_history import LeadHistory
from features.partitions.partitions import write_partitions
from features.tables.outcome_days import OutcomeDays
from features.times import format_time, parse_time
from tests.support.builders import bytes_of

AMSTERDAM = 'zone = "Europe/Amsterdam"\n'
# The 20th of January 2016 in Amsterdam, an hour before UTC.
FIRST, LAST, AFTER = "2016-01-19T23:00:00Z", "2016-01-20T22:59:59.999999Z", "2016-01-20T23:00:00Z"


def write(folder: Path, *, settings: str = AMSTERDAM, **rows: list[str]) -> Path:
    """Writes a history of the leads a and b as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "leads": "lead_id,created_at",
        "interactions": "lead_id,kind,occurred_at,available_at",
        "outcomes": "lead_id,outcome,occurred_at,available_at",
        "attribute_changes": "lead_id,attribute,value,available_at",
        "lead_aliases": "alias_id,lead_id,available_at",
    }
    leads = [f"{name},2016-01-01T00:00:00Z" for name in "ab"]
    for table, own in {"leads": leads, "interactions": [], **rows}.items():
        (folder / f"{table}.csv").write_text("\n".join([columns[table], *own]) + "\n")
    (folder / "history.toml").write_text(settings)
    return folder


def known_times(history: LeadHistory) -> list[str]:
    return [format_time(us) for us in history.interactions.available_at.tolist()]


@pytest.mark.parametrize(
    ("occurred_at", "known"),
    [
        ("2016-01-19T22:59:59.999999Z", "2016-01-19T22:59:59.999999Z"),
        (FIRST, AFTER),
        ("2016-01-20T12:00:00Z", AFTER),
        (LAST, AFTER),
        (AFTER, AFTER),
        ("2016-01-20T23:00:00.000001Z", "2016-01-20T23:00:00.000001Z"),
    ],
)
@pytest.mark.parametrize("outcome", ["converted", "lost"])
def test_read_history__interactions_of_the_day_of_an_outcome_are_known_after_it(
    tmp_path: Path, occurred_at: str, known: str, outcome: str
) -> None:
    folder = write(
        tmp_path,
        interactions=[f"{lead},call_held,{occurred_at}," for lead in "ab"],
        outcomes=[f"a,{outcome},2016-01-20,"],
    )

    made = read_history(folder).history

    assert format_time(int(made.outcomes.occurred_at[0])) == LAST
    # The other lead has no outcome.
    assert known_times(made) == [known, occurred_at]


@pytest.mark.parametrize(
    ("settings", "outcome", "known"),
    [
        # A time of day counts as it is, midnight too.
        (AMSTERDAM, "a,converted,2016-01-20 00:00,", "2016-01-20T12:00:00Z"),
        (AMSTERDAM, "a,converted,2016-01-20T15:00:00Z,", "2016-01-20T12:00:00Z"),
        # Where only the day counts, it is the day that is written.
        (AMSTERDAM + 'formats.outcomes.occurred_at = "date"\n', "a,converted,2016-01-20T00:00:00Z,", AFTER),
        # A day that was told later is still the day of the outcome.
        (AMSTERDAM, "a,converted,2016-01-20,2016-01-25T12:00:00Z", AFTER),
    ],
)
def test_read_history__only_days_delay(tmp_path: Path, settings: str, outcome: str, known: str) -> None:
    folder = write(
        tmp_path, settings=settings, interactions=["a,call_held,2016-01-20T12:00:00Z,"], outcomes=[outcome]
    )

    made = read_history(folder)

    assert known_times(made.history) == [known]
    assert "D024" not in {problem.code for problem in made.problems}


def test_read_history__a_day_that_was_told_on_it_is_no_contradiction(tmp_path: Path) -> None:
    outcomes = ["a,converted,2016-01-20,2016-01-20T13:00:00Z", "b,converted,2016-01-20,2016-01-19T22:00:00Z"]

    made = read_history(write(tmp_path, outcomes=outcomes))

    assert [format_time(us) for us in made.history.outcomes.available_at.tolist()] == [LAST] * 2
    assert [(each.count, each.ids) for each in made.problems if each.code == "D024"] == [(1, ("b",))]


def test_read_history__changes_of_the_day_are_known_after_the_outcome_too(tmp_path: Path) -> None:
    changes = [f"a,stage,{value},{at}" for value, at in (("demo", FIRST), ("signed", AFTER))]

    made = read_history(
        write(tmp_path, outcomes=["a,converted,2016-01-20,"], attribute_changes=changes)
    ).history

    later = made.attributes["stage"].changes
    assert later is not None
    assert [format_time(us) for us in later.available_at.tolist()] == [AFTER, AFTER]
    assert "stage" not in known_at(made, parse_time(LAST)).attributes


def test_read_history__rows_under_an_alias_wait_for_the_outcome_of_the_lead(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        interactions=["x,page_view,2016-01-20T12:00:00Z,"],
        outcomes=["a,converted,2016-01-20,"],
        lead_aliases=["x,a,2016-01-10T00:00:00Z"],
    )

    assert known_times(read_history(folder).history) == [AFTER]


def test_write_partitions__delay_as_the_whole_history_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = [f"l{n:02d},2016-01-01T00:00:00Z" for n in range(40)]
    touches = [f"l{n % 40:02d},call_held,2016-01-{10 + n // 40} {n % 24:02d}:15," for n in range(800)]
    outcomes = [f"l{n:02d},converted,2016-01-{10 + n % 20}," for n in range(0, 40, 3)]
    folder = write(tmp_path / "h", leads=leads, interactions=touches, outcomes=outcomes)
    whole = read_history(folder).history
    monkeypatch.setattr("features.partitions.reading.LARGE_ROWS", 10)
    monkeypatch.setattr("features.partitions.reading.PARTITION_ROWS", 100)

    gathered = read_history(folder).history

    assert write_partitions(folder, tmp_path / "split", partition_rows=100, workers=1).layout.count > 5
    assert bytes_of(gathered) == bytes_of(whole)
    # 14 outcomes, whose leads have 20 interactions each, one of them on that day.
    assert (whole.interactions.available_at > whole.interactions.occurred_at).sum() == 14


HOURS = st.integers(0, 24 * 6)


@given(
    days=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=4),
    rows=st.lists(st.tuples(st.integers(-1, 2), HOURS), max_size=12),
)
def test_known_after__is_what_a_clock_on_the_wall_says(
    days: list[tuple[int, int]], rows: list[tuple[int, int]]
) -> None:
    # Six days around the 29th of March 2026, which has 23 hours in Amsterdam.
    zone, first = ZoneInfo("Europe/Amsterdam"), datetime(2026, 3, 27, tzinfo=UTC)

    def midnight(day: int) -> int:
        clock = (first + timedelta(days=day)).replace(tzinfo=zone)
        return int(clock.timestamp()) * 1_000_000

    start_of = midnight(0)
    lead = np.array([own for own, _ in rows], np.int64)
    moment = np.array([start_of + hour * 3_600_000_000 for _, hour in rows], np.int64)
    outcome_days = OutcomeDays(
        np.array([own for own, _ in days], np.int64),
        np.array([midnight(day) for _, day in days], np.int64),
        np.array([midnight(day + 1) - 1 for _, day in days], np.int64),
        np.arange(3),
    )

    made = outcome_days.known_after(lead, moment, moment)

    expected = [
        max(
            [
                midnight(day + 1)
                for owner, day in days
                if owner == own and midnight(day) <= at < midnight(day + 1)
            ],
            default=at,
        )
        for own, at in zip(lead.tolist(), moment.tolist(), strict=True)
    ]
    assert made.tolist() == expected
