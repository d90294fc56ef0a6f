"""Rows that a machine made: each rule at its edges, what is known when, and the same at every door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.findings.problems import Findings
from features.history.known import known_at
from features.history.lead_history import LeadHistory
from features.history.settings import COUNT_ALL, HistorySettings
from features.tables.assemble import assemble
from features.tables.table_reader import RawTables
from features.times import US_PER_DAY
from tests.support.builders import Row, at, bytes_of, history, lead, tables, touch

SECOND = 1 / 86_400
TICK = 1 / US_PER_DAY
# A time that is no whole minute.
T = 1 + 7 * SECOND


def _kinds(made: LeadHistory) -> list[str]:
    codes = made.interactions.kind.codes.tolist()
    return [made.interactions.kind.values[code] for code in codes]


def _left(*rows: Row) -> list[str]:
    return _kinds(history(["a", "b"], [{"lead_id": "a", **row} for row in rows]))


@pytest.mark.parametrize("kind", ["email_opened", "email_clicked"])
@pytest.mark.parametrize(
    ("after", "is_machine"),
    [(-TICK, False), (0, True), (10 * SECOND, True), (10 * SECOND + TICK, False)],
    ids=["before the mail", "with the mail", "at the limit", "beyond the limit"],
)
def test_find_machine_made__marks_what_follows_a_mail_at_once(
    kind: str, after: float, is_machine: bool
) -> None:
    left = _left(touch("a", "email_sent", T), touch("a", kind, T + after))

    assert (kind not in left) == is_machine
    assert "email_sent" in left


@pytest.mark.parametrize(
    ("known", "is_machine"), [(2, True), (2 + TICK, False)], ids=["known with it", "known after it"]
)
def test_find_machine_made__knows_a_mail_only_when_it_is_known(known: float, is_machine: bool) -> None:
    sent = touch("a", "email_sent", T, available_at=known)
    opened = touch("a", "email_opened", T + SECOND, available_at=2)

    assert ("email_opened" not in _left(sent, opened)) == is_machine


def test_find_machine_made__looks_at_an_earlier_mail_where_the_last_was_not_known_yet() -> None:
    late = touch("a", "email_sent", T + 2 * SECOND, available_at=5)
    rows = [touch("a", "email_sent", T), late, touch("a", "email_opened", T + 3 * SECOND)]

    assert _left(*rows) == ["email_sent", "email_sent"]
    assert _left(*rows[1:]) == ["email_opened", "email_sent"]


def test_find_machine_made__leaves_the_other_leads_mails_alone() -> None:
    rows = [touch("b", "email_sent", T), touch("a", "email_opened", T + SECOND)]

    assert sorted(_kinds(history(["a", "b"], rows))) == ["email_opened", "email_sent"]


@pytest.mark.parametrize(
    ("offsets", "left_count"),
    [
        ((0, 0.1, 0.2), 2),  # The third one is known to be a scanner's; the two before it were not.
        ((0.5, 0.5, 0.5), 0),  # Known together.
        ((0, 0.999999), 2),
        ((0.9, 1.1, 1.2), 3),  # Of two seconds.
        ((0, 0.1, 0.2, 0.3), 2),
    ],
)
def test_find_machine_made__marks_bursts_from_the_row_that_makes_them(
    offsets: tuple[float, ...], left_count: int
) -> None:
    left = _left(*(touch("a", "email_clicked", T + offset * SECOND) for offset in offsets))

    assert len(left) == left_count


@pytest.mark.parametrize("moment", [1 + 60 * SECOND, 1 + 60 * SECOND - TICK], ids=["minute", "end of one"])
def test_find_machine_made__does_not_judge_times_without_a_second(moment: float) -> None:
    opened = [touch("a", "email_opened", moment) for _ in range(4)]

    assert len(_left(touch("a", "email_sent", moment), *opened)) == 5


@pytest.mark.parametrize(
    ("said", "left"),
    [(True, ["email_sent"]), (False, ["email_opened", "email_sent"]), (None, ["email_sent"])],
)
def test_find_machine_made__holds_to_what_the_data_say(said: bool | None, left: list[str]) -> None:
    sent = touch("a", "email_sent", T, is_automated=False)

    assert sorted(_left(sent, touch("a", "email_opened", T + SECOND, is_automated=said))) == left


def test_find_machine_made__leaves_out_any_kind_that_the_data_name() -> None:
    assert _left(touch("a", "page_view", 1, is_automated=True), touch("a", "call_held", 2)) == ["call_held"]


@pytest.mark.parametrize("cut", [T, T + SECOND, T + SECOND + TICK, T + 4 * SECOND, 5])
def test_find_machine_made__gives_the_same_whenever_the_history_is_cut(cut: float) -> None:
    rows = [
        touch("a", "email_sent", T),
        touch("a", "email_opened", T + SECOND),
        *(touch("a", "email_clicked", T + (20 + part) * SECOND) for part in (0, 0.1, 0.2)),
        touch("a", "email_opened", T + 2 * SECOND, available_at=3),
        touch("a", "email_sent", T + 2 * SECOND, available_at=4),
    ]
    known = [row for row in rows if row.get("available_at", row["occurred_at"]) <= cut]

    whole, then = history(["a"], rows), history(["a"], known)

    assert bytes_of(known_at(whole, at(cut)).interactions) == bytes_of(then.interactions)


def test_find_machine_made__judges_the_rows_of_an_account_among_each_other() -> None:
    leads = [lead(name, account_id="x") for name in "ab"]
    rows = [touch("b", "email_sent", T), touch("a", "email_opened", T + SECOND)]
    made = history(leads, rows)

    assert made.account_interactions is not None
    assert len(made.account_interactions.value) == 1
    assert len(made.interactions.value) == 2


def test_assemble__counts_machine_made_rows_and_leaves_them_where_a_model_counts_them() -> None:
    rows = [touch("a", "email_sent", T), touch("a", "email_opened", T + SECOND)]
    rows += [touch("b", "page_view", 2, is_automated=True)]
    raw = tables(["a", "b"], rows)

    left_out, counted = Findings(), Findings()
    made = _assembled(raw, left_out, HistorySettings())
    old = _assembled(raw, counted, HistorySettings(machine_rules=COUNT_ALL))

    found = [(each.code, each.count, each.ids) for each in left_out.problems() if each.code == "D088"]
    assert found == [("D088", 1, ("b",)), ("D088", 1, ("a",))]
    assert _kinds(made) == ["email_sent"]
    assert sorted(_kinds(old)) == ["email_opened", "email_sent", "page_view"]
    assert not [each for each in counted.problems() if each.code == "D088"]


def _assembled(raw: Any, findings: Findings, settings: HistorySettings) -> LeadHistory:
    made = assemble(replace(RawTables(raw), settings=settings), findings)
    assert made is not None
    return made


def test_find_machine_made__equals_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    kinds = ["email_sent", "email_opened", "email_clicked", "page_view"]
    for _ in range(40):
        rows = [
            touch(
                str(rng.choice(["a", "b"])),
                str(rng.choice(kinds)),
                1 + round(float(rng.integers(0, 60)) / 4, 2) * SECOND,
                available_at=1 + float(rng.integers(0, 40)) * SECOND,
            )
            for _ in range(25)
        ]
        expected = sorted(row["kind"] for row in rows if not _is_machine(row, rows))

        assert sorted(_kinds(history(["a", "b"], rows))) == expected


def _is_machine(row: Row, rows: list[Row]) -> bool:
    """The rules once more, one row at a time."""
    second = (at(row["occurred_at"]) // 1_000_000, row["lead_id"])
    if not _is_judged(row):
        return False
    earlier = [each for each in rows if each["lead_id"] == row["lead_id"] and _known(each) <= _known(row)]
    after = [
        at(row["occurred_at"]) - at(each["occurred_at"]) for each in earlier if each["kind"] == "email_sent"
    ]
    alike = [
        each
        for each in earlier
        if _is_judged(each) and (at(each["occurred_at"]) // 1_000_000, each["lead_id"]) == second
    ]
    return any(0 <= span <= 10_000_000 for span in after) or len(alike) >= 3


def _is_judged(row: Row) -> bool:
    minute = at(row["occurred_at"]) % 60_000_000
    return row["kind"] in ("email_opened", "email_clicked") and minute not in (0, 59_999_999)


def _known(row: Row) -> int:
    return max(at(row["available_at"]), at(row["occurred_at"]))
