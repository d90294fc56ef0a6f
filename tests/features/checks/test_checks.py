"""Every code is found where it should be, with count and ids; and nothing where nothing is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.checks.checks import check_history
from features.findings.codes import CODES
from features.findings.gate_codes import GATE_CODES
from features.findings.input_codes import INPUT_CODES
from features.findings.problems import Problem
from features.findings.training_codes import TRAINING_CODES
from tests.support.builders import (
    Row,
    at,
    change,
    check,
    history_folder,
    lead,
    lost,
    reopened,
    table,
    tables,
    touch,
    won,
    write_table,
)

NAIVE = pa.timestamp("us")


def found(code: str, made: dict[str, pa.Table], **options: Any) -> list[Problem]:
    """The problems of one code."""
    _, problems = check(made, **options)
    return [problem for problem in problems if problem.code == code]


def with_column(made: dict[str, pa.Table], name: str, column: str, cells: pa.Array) -> dict[str, pa.Table]:
    """The tables with one column replaced or added."""
    rest = made[name].drop_columns([column]) if column in made[name].column_names else made[name]
    return made | {name: rest.append_column(column, cells)}


def company(leads: int = 60, days: int = 100) -> dict[str, pa.Table]:
    """A history with which nothing is wrong."""
    ids = [f"lead-{i:03d}" for i in range(leads + 2)]
    return tables(
        [lead(lead_id, place % 9, size=float(place)) for place, lead_id in enumerate(ids)],
        [touch(lead_id, "call_held", 10) for lead_id in ids],
        [won(lead_id, 20) for lead_id in ids[:-2]] + _turns(ids[-1], days),
        changes=[],
    )


def _turns(lead_id: str, days: float) -> list[Row]:
    """A loss that is taken back and comes again within the last day: one row alone would be no end."""
    turns = [(lost, reopened)[number % 2](lead_id, days - 0.4 + number / 10) for number in range(4)]
    return [*turns, lost(lead_id, days)]


def test_check__finds_nothing_where_nothing_is_wrong() -> None:
    history, problems = check(company())

    assert history is not None
    assert problems == ()


REPORTED: dict[str, tuple[dict[str, pa.Table], int, tuple[str, ...]]] = {
    "D020": (tables(["a"], [touch("a", None, 1), touch("a", "call_held", 1)]), 1, ("a",)),
    "D021": (tables(["a"], [touch("b", "call_held", 1), touch("c", "call_held", 1)]), 2, ("b", "c")),
    "D022": (tables([lead("a", 5)], outcomes=[won("a", 4.9), lost("a", 5)]), 1, ("a",)),
    "D023": (tables(["a"], outcomes=[won("a", 4), won("a", 5), lost("a", 6), lost("a", 7)]), 2, ("a",)),
    "D110": (tables(["a"], outcomes=[won("a", 4, outcome_id="1"), lost("a", 4, outcome_id="1")]), 1, ("a",)),
    "D024": (tables(["a"], [touch("a", "call_held", 2, available_at=1)]), 1, ("a",)),
    "D025": (tables(["a"], [touch("a", "call_held", 1, interaction_id="1")] * 3), 2, ("a",)),
    "D026": (
        tables(["a", "b"], [touch(name, "call_held", 1, interaction_id="1") for name in "ab"]),
        1,
        ("b",),
    ),
    "D027": (tables(["a"], [touch("a", "call_held", 1, direction="in")]), 1, ("a",)),
    "D030": (tables([lead("a", size=float("inf")), lead("b", size=1.0)]), 1, ("a",)),
    "D031": (tables([lead("a", size=1.0)], changes=[change("a", "size", "many", 1)]), 1, ("a",)),
    "D032": (tables([lead("a", size=None)]), 1, ()),
    "D033": (tables([lead("a", country="nl"), lead("b", country="nl")]), 1, ()),
    "D034": (tables([lead("a", tags=["x", "y"])]), 1, ()),
    "D035": (tables([lead(str(i), email=f"{i}@x") for i in range(120)]), 120, ()),
    "D037": (tables([lead("a", country="nl")]), 1, ()),
    "D038": (tables(["a", "b"], outcomes=[won("a", 1)]), 1, ()),
}


@pytest.mark.parametrize("code", REPORTED)
def test_check__reports_and_leaves_out(code: str) -> None:
    made, count, ids = REPORTED[code]

    history, _ = check(made)
    problems = found(code, made)

    assert history is not None
    assert [(problem.count, problem.ids, problem.stops) for problem in problems] == [(count, ids, None)]


STOPPING: dict[str, tuple[dict[str, pa.Table], str, int, tuple[str, ...]]] = {
    "D006": ({**tables(), "interactions": table("leads", [lead("a")])}, "interactions", 2, ()),
    "D007": (
        {
            **tables(),
            "outcomes": pa.table([pa.array([], pa.string())] * 4, ["lead_id", "outcome", "lead_id", "x"]),
        },
        "outcomes",
        1,
        (),
    ),
    "D008": (with_column(tables(["a", "b"]), "leads", "created_at", pa.array([True, False])), "leads", 1, ()),
    "D009": (
        with_column(tables(["a", "b"]), "leads", "created_at", pa.array([at(0), None]).cast(NAIVE)),
        "leads",
        1,
        ("a",),
    ),
    "D010": (
        with_column(tables(["a", "b"]), "leads", "created_at", pa.array(["2026-02-30T00:00:00Z", None])),
        "leads",
        1,
        ("a",),
    ),
    "D011": (tables([lead("a", None), lead("b")]), "leads", 1, ("a",)),
    "D012": (tables(["a", "b", "a", "a"]), "leads", 1, ("a",)),
    "D013": (tables(["a"], outcomes=[won("a", 1) | {"outcome": "Closed Won"}]), "outcomes", 1, ("a",)),
}


@pytest.mark.parametrize("code", STOPPING)
def test_check__stops_everything(code: str) -> None:
    made, name, count, ids = STOPPING[code]

    history, _ = check(made)
    problems = [problem for problem in found(code, made) if problem.table == name]

    assert history is None
    assert (problems[0].count, problems[0].ids, problems[0].stops) == (count, ids, "everything")


@pytest.mark.parametrize(
    ("code", "made", "text"),
    [
        ("D050", tables(["a"]), "There are no outcomes."),
        (
            "D051",
            tables(["a", "b"], outcomes=[lost("a", 1)]),
            "No lead converted, so there is nothing to tell apart.",
        ),
        (
            "D051",
            tables(["a"], outcomes=[won("a", 1)]),
            "Every lead converted, so there is nothing to tell apart.",
        ),
        ("D052", company(leads=49), "There are 49 conversions, fewer than 50; 1 more needed."),
        ("D053", tables([]), "There are 0 leads, fewer than 10; 10 more needed."),
        ("D053", company(leads=7), "There are 9 leads, fewer than 10; 1 more needed."),
        ("D054", company(days=29), "From the first lead to observed_until the history is 29.0 days long"),
    ],
)
def test_check__stops_training_only(code: str, made: dict[str, pa.Table], text: str) -> None:
    history, _ = check(made)
    problems = found(code, made)

    assert history is not None
    assert problems[0].stops == "training"
    assert problems[0].sentence.startswith(text)


@pytest.mark.parametrize(
    ("code", "made"),
    [("D052", company(leads=50)), ("D053", company(leads=8)), ("D054", company(days=30))],
)
def test_check__lets_the_limit_itself_pass(code: str, made: dict[str, pa.Table]) -> None:
    assert found(code, made) == []


def test_check__measures_the_history_against_the_horizon_asked_for() -> None:
    made = company(days=60)

    assert found("D054", made, horizon_days=60.0) == []
    assert len(found("D054", made, horizon_days=61.0)) == 1


def test_check__collects_everything_at_once() -> None:
    made = tables(
        ["a", "b", "a"],
        [touch("a", "call_held", 1), touch("nobody", "call_held", 1)],
        [won("a", 1) | {"outcome": "Closed Won"}],
    )
    made = with_column(made, "interactions", "occurred_at", pa.array(["2026-01-01 12:00", "soon"]))

    _, problems = check(made)

    assert [problem.code for problem in problems] == ["D009", "D010", "D012", "D013"]


def test_problem__shows_five_ids_and_says_that_there_are_more() -> None:
    made = tables(["a"], [touch(f"x{i}", "call_held", 1) for i in range(7)])

    (problem,) = found("D021", made)

    assert problem.ids == ("x0", "x1", "x2", "x3", "x4")
    assert str(problem) == (
        "D021 interactions has 7 rows of leads that are not in leads, left out (x0, x1, x2, x3, x4, ...). "
        "Export the leads of the same period, deleted and merged ones too."
    )


def test_check_history__tells_what_can_be_done_with_the_history(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, ["a"])

    report = check_history(folder)

    assert [problem.code for problem in report.problems] == ["D050", "D053", "D054"]
    assert (report.can_score, report.can_train, report.exit_code) == (True, False, 0)
    assert str(report).endswith(f"{folder} can be scored, but not trained on.")
    assert (
        json.loads(json.dumps(report.summary()))["problems"][1]["sentence"]
        == "There is 1 lead, fewer than 10; 9 more needed."
    )


def test_check_history__tells_a_history_that_cannot_be_used(tmp_path: Path) -> None:
    report = check_history(tmp_path / "nowhere")

    assert (report.can_score, report.can_train, report.exit_code) == (False, False, 2)
    assert str(report).startswith("D001 The folder ")


def test_check_history__names_columns_that_are_not_used(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, ["a"], [touch("a", "call_held", 1, chanel="web")])

    problems = [problem for problem in check_history(folder).problems if problem.code == "D036"]

    assert problems[0].sentence == "interactions has columns that are not used: chanel."


def test_check_history__says_which_name_is_probably_misspelt(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, ["a"], [touch("a", "call_held", 1, AvailableAt="", note="late")])

    (problem,) = (problem for problem in check_history(folder).problems if problem.code == "D036")

    assert problem.sentence == "interactions has columns that are not used: AvailableAt, note."
    assert (
        problem.remedy
        == "Nothing to do, unless one of them is a misspelt name (AvailableAt -> available_at)."
    )


def test_check_history__names_every_column_once_where_one_is_missing(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, ["a"], [touch("a", "call_held", 1)])
    leads = pa.table(
        {"lead_id": [str(i) for i in range(120)], "Created Date": [f"day {i}" for i in range(120)]}
    )
    write_table(leads, folder / "leads.parquet")
    write_table(pa.table({"lead_id": ["a"], "Type": ["x"], "note": ["y"]}), folder / "interactions.parquet")

    problems = check_history(folder).problems

    # Neither D035 nor D036: each column that is there may be one that is missing.
    assert [str(problem) for problem in problems] == [
        "D006 leads lacks created_at; it has lead_id, Created Date. "
        "Rename the column (Created Date -> created_at).",
        "D006 interactions lacks kind and occurred_at; it has lead_id, Type, note. "
        "Rename the columns (Type -> kind).",
    ]
    assert [(problem.table, problem.column, problem.count) for problem in problems] == [
        ("leads", "created_at", 1),
        ("interactions", "", 2),
    ]


@pytest.mark.parametrize("code", CODES)
def test_codes__say_what_stops_and_what_to_do(code: str) -> None:
    entry = CODES[code]

    # What is said of late reports is a sentence itself, where there is any.
    assert entry.sentence.removesuffix("{late}").endswith(".")
    assert entry.remedy.endswith(".")
    assert not entry.title.endswith(".")
    assert entry.example
    # The number tells what stops: up to D019 and a circle of aliases (D100) everything, D050 to D079
    # training, the others nothing.
    number = int(code[1:])
    assert entry.stops == (
        "everything" if number < 20 or number == 100 else "training" if 50 <= number < 80 else None
    )


def test_codes__no_number_is_given_twice() -> None:
    lists = [GATE_CODES, TRAINING_CODES, INPUT_CODES]
    given = [code for codes in lists for code in codes]

    assert len(given) == len({*given})
    assert all(CODES[code] is codes[code] for codes in lists for code in codes)


@pytest.mark.parametrize(("until", "is_told"), [(9, False), (10, False), (11, True)])
def test_check__refuses_to_train_until_a_moment_that_has_not_come(until: int, is_told: bool) -> None:
    _, problems = check(company(), observed_until=at(until), now=at(10))

    told = [(problem.stops, problem.sentence) for problem in problems if problem.code == "D077"]
    assert bool(told) == is_told
    assert all(stops == "training" and "2026-01-12T00:00:00Z" in sentence for stops, sentence in told)
