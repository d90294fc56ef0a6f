from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.builders import at, history, lead, touch
from training.monitor_limits import MonitorLimits
from training.monitoring.inputs.inputs import find_inputs, input_evidence
from training.monitoring.verdict import Evidence

Row = dict[str, Any]
KINDS = ("page_view", "email_opened", "call_held", "form_submitted")
DAYS = 10 * 7


def evidence(edit: Callable[[Row], Row | None], *, as_of: float = DAYS + 1) -> list[Evidence]:
    """Ten weeks of 40 new leads, 600 old ones, and 4 x 150 rows a week, of which the last is edited."""
    chance = np.random.default_rng(1)
    leads, rows = [lead(f"o{i}", 0, source="s0", size=1.0) for i in range(600)], []
    for week in range(10):
        for i in range(40):
            row = lead(f"l{week}-{i}", week * 7 + 7 * chance.random(), source=f"s{i % 2}", size=float(i))
            leads.append(row if week < 9 else edit(row))
        for i in range(600):
            moment = week * 7 + 1 + 6 * (np.floor(chance.random() * 6) + 0.25 + chance.random() / 2) / 6
            row = touch(f"o{i}", KINDS[i % 4], moment, interaction_id=f"{week}-{i}")
            rows.append({**row, "source": "x"} if week < 9 else edit({**row, "source": "x"}))
    made = history([row for row in leads if row], [row for row in rows if row], [], observed_until=DAYS)
    inputs = find_inputs(made, bundle=None, stability=(), problems=())
    return [*input_evidence(inputs, as_of=at(as_of), confidence=0.9999, limits=MonitorLimits())]


def crossed(lines: list[Evidence]) -> set[tuple[str, str]]:
    return {(line.rule, line.subject) for line in lines if line.state == "crossed"}


def test_input_evidence__of_weeks_alike_crosses_nothing() -> None:
    lines = evidence(lambda row: row)

    assert crossed(lines) == set()
    assert {line.rule for line in lines} >= {"stale", "missing", "clock", "twice"}


def test_input_evidence__tells_a_renamed_kind() -> None:
    def renamed(row: Row) -> Row:
        return {**row, "kind": "mail_open"} if row.get("kind") == "email_opened" else row

    assert crossed(evidence(renamed)) == {
        ("vanished", "interactions email_opened"),
        ("new", "kind mail_open"),
    }


def test_input_evidence__tells_a_tracker_that_lost_most_of_its_rows() -> None:
    def lost(row: Row) -> Row | None:
        is_lost = row.get("kind") == "page_view" and not row["interaction_id"].endswith("00")
        return None if is_lost else row

    assert crossed(evidence(lost)) == {("vanished", "interactions page_view")}


def test_input_evidence__tells_a_source_that_was_never_there() -> None:
    def other(row: Row) -> Row:
        return {**row, "source": "fair"} if row.get("source") == "s1" else row

    assert ("new", "source fair") in crossed(evidence(other))


@pytest.mark.parametrize("leads", [19, 20])
def test_input_evidence__names_nothing_that_fewer_than_twenty_leads_have(leads: int) -> None:
    def own(row: Row) -> Row:
        number = int(row["lead_id"].removeprefix("l9-").removeprefix("o"))
        return {**row, "kind" if "kind" in row else "source": "own"} if number < leads else row

    lines = evidence(own)

    named = {line.subject for line in lines if "own" in line.subject}
    assert named == ({"kind own", "source own"} if leads == 20 else set())


def test_input_evidence__tells_an_attribute_that_is_no_longer_filled_in() -> None:
    def emptied(row: Row) -> Row:
        return {**row, "size": None} if "size" in row else row

    assert crossed(evidence(emptied)) == {("missing", "size")}


def test_input_evidence__tells_rows_that_are_there_twice_only_by_their_repetition() -> None:
    lines = evidence(lambda row: row)
    twice = next(line for line in lines if line.rule == "twice")

    assert (twice.value, twice.state) == (0.0, "within")


def test_input_evidence__tells_a_history_that_no_longer_grows() -> None:
    lines = evidence(lambda row: row, as_of=DAYS + 9)

    assert crossed(lines) == {("stale", "")}


# Rows come evenly over twelve hours of the day, so each hour that the clock moves by moves a twelfth of them.
@pytest.mark.parametrize("hours", [2, 5, -3])
def test_input_evidence__tells_a_clock_that_moved(hours: int) -> None:
    def moved(row: Row) -> Row:
        if "kind" not in row:
            return row
        return {**row, "occurred_at": row["occurred_at"] - hours / 24, "available_at": row["occurred_at"]}

    found = {line.rule: line for line in evidence(moved)}

    assert (found["clock"].value, found["clock"].state) == (-hours, "crossed")
