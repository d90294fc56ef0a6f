"""What a model reads and a history lacks: each code where it fires, and where it just does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from features.catalog.spec import Feature
from features.catalog.wording import declare
from features.checks.alike_ids import alike_ids
from features.checks.input_findings import compare_inputs, is_gone, rows_left_out
from features.checks.model_inputs import InputCounts, count_inputs, inputs_of_features
from features.findings.input_codes import INPUT_CODES
from features.findings.problems import Finding, Findings, Problem
from features.tables.assemble import assemble
from features.tables.table_reader import RawTables
from tests.support.builders import Row, at, change, history, lead, table, tables, touch, won

INPUTS = inputs_of_features(
    [
        declare("attribute", attribute="country", type="category"),
        declare("attribute", attribute="size", type="number"),
        declare("count", kinds=["email_opened"]),
        declare("count", kinds=["demo_requested"], window_days=7),
        declare("count", scope="account"),
        declare("value_sum", kinds=["email_opened"]),
    ],
    categories={"country": ["DE", "FR"]},
    kind_shares={"email_opened": 0.9, "demo_requested": 0.5},
)


def lacks(
    leads: list[Row],
    interactions: list[Row],
    changes: Collection[Row] = (),
    accepted: Collection[str] = (),
) -> list[Problem]:
    """Compares the inputs with tables, by reading them with the types of the model."""
    made = tables(leads, interactions, [], changes) if changes else tables(leads, interactions, [])
    findings = Findings()
    history = assemble(RawTables(made), findings, attribute_types=INPUTS.attributes)
    assert history is not None
    found = findings.found()
    unknown = [lead_id for each in found if each.code == "D021" for lead_id in each.ids]
    return [
        *compare_inputs(
            INPUTS,
            count_inputs(INPUTS, history),
            columns={name: table.column_names for name, table in made.items()},
            found=found,
            alike_ids=alike_ids(unknown, history.lead_ids),
            accepted=accepted,
        )
    ]


def leads_of(count: int = 4, **columns: Any) -> list[Row]:
    cells = {"account_id": "x", "country": "DE", "size": "5"} | columns
    cells = {name: value for name, value in cells.items() if value is not ...}
    return [lead(f"L{number}", **cells) for number in range(count)]


def touches_of(count: int = 4, *, kind: str = "email_opened", suffix: str = "", **columns: Any) -> list[Row]:
    cells = {"value": 1.0} | columns
    cells = {name: value for name, value in cells.items() if value is not ...}
    return [touch(f"L{number}{suffix}", kind, 1, **cells) for number in range(count)]


SOUND = [*touches_of(40), touch("L0", "demo_requested", 2, value=1.0)]
FIRES: Mapping[str, tuple[list[Row], list[Row], str]] = {
    "D090": (
        leads_of(country=..., Country="DE"),
        touches_of(),
        "leads.country, and there is no such column (there is Country",
    ),
    "D091": (leads_of(account_id=None), touches_of(), "leads.account_id, and it is empty in every row"),
    "D092": (leads_of(size="1,25 kg"), touches_of(), "leads.size as a number, and no cell is one"),
    "D093": (
        [*leads_of(), lead("z", account_id="x", country="FR", size="about 50")],
        touches_of(),
        "leads.size as a number, which 1 row is not",
    ),
    "D094": (leads_of(country="Germany"), touches_of(), "no value of leads.country in 4 rows"),
    "D095": (leads_of(), touches_of(suffix=" "), 'in any of 4 rows; "L0 " reads like L0'),
    "D096": (
        leads_of(),
        [*touches_of(), *touches_of(1, suffix=" ")],
        'in 1 row, left out; "L0 " reads like L0',
    ),
    "D097": (leads_of(), touches_of(kind="EMAIL_OPENED"), "4 rows, for example EMAIL_OPENED"),
    "D098": (
        leads_of(),
        [*touches_of(), *touches_of(1, kind="Email Opened")],
        "Email Opened for email_opened",
    ),
    "D099": (leads_of(40), touches_of(40), "demo_requested never occurs, where about 20 leads"),
}
# The closest history in which the code is not found.
NEARLY: Mapping[str, tuple[list[Row], list[Row]]] = {
    "D090": (leads_of(country="DE"), touches_of()),
    "D091": ([*leads_of(account_id=None), *leads_of(5)[4:]], touches_of()),
    "D092": ([*leads_of(size="1,25 kg"), lead("z", account_id="x", country="FR", size="1")], touches_of()),
    "D093": (leads_of(size="50"), touches_of()),
    "D094": ([*leads_of(country="Germany"), *leads_of(5)[4:]], touches_of()),
    "D095": (leads_of(), [*touches_of(3, suffix=" "), *touches_of(1)]),
    "D096": (leads_of(), touches_of()),
    "D097": (leads_of(), [*touches_of(kind="EMAIL_OPENED"), *touches_of(1)]),
    "D098": (leads_of(), [*touches_of(), *touches_of(1, kind="email_clicked")]),
    "D099": (leads_of(39), touches_of(39)),
}


def test_codes__each_fires_and_just_does_not() -> None:
    assert {*FIRES} == {*NEARLY} == {*INPUT_CODES} - {"D107", "D108"}


@pytest.mark.parametrize("code", FIRES)
def test_compare_inputs__says_what_is_missing(code: str) -> None:
    leads, interactions, part = FIRES[code]

    problems = lacks(leads, interactions)

    assert [problem.code for problem in problems] == [code]
    assert part in str(problems[0])
    assert is_gone(problems) == (code in {"D090", "D092", "D095", "D097"})


@pytest.mark.parametrize("code", NEARLY)
def test_compare_inputs__says_it_of_no_other_history(code: str) -> None:
    assert code not in {problem.code for problem in lacks(*NEARLY[code])}


def test_compare_inputs__says_nothing_of_a_sound_history() -> None:
    assert lacks(leads_of(40), SOUND) == []


def test_compare_inputs__reads_values_of_attribute_changes() -> None:
    changes = [change("L0", "country", "FR", 1)]

    assert lacks(leads_of(country=...), touches_of(), changes) == []


@pytest.mark.parametrize("accepted", ["country", "leads.country"])
def test_compare_inputs__says_nothing_of_what_is_accepted(accepted: str) -> None:
    assert lacks(leads_of(country=...), touches_of(), accepted=[accepted]) == []
    assert lacks(leads_of(country=...), touches_of(), accepted=["interactions.country"]) != []


def test_compare_inputs__misses_a_kind_of_fewer_leads_where_another_is_new() -> None:
    # Of 10 leads 5 would have asked for a demo.
    known = lacks(leads_of(10), touches_of(10))
    renamed = lacks(leads_of(10), [*touches_of(10), *touches_of(1, kind="Demo Form")])

    assert known == []
    assert [problem.code for problem in renamed] == ["D099"]


def test_compare_inputs__says_nothing_where_there_are_no_leads() -> None:
    assert compare_inputs(INPUTS, InputCounts(), columns={}, found=(), alike_ids={}) == ()


def test_compare_inputs__reports_an_empty_table_of_interactions() -> None:
    problems = lacks(leads_of(), [])

    assert [(problem.code, problem.column) for problem in problems] == [("D091", "kind")]


def test_compare_inputs__takes_a_list_for_another_type() -> None:
    found = [Finding.of("D034", table="leads", column="size", count=4, present="of type list")]
    counts = InputCounts(4, 0, {"country": 4, "column account_id": 4}, {"country": 4})

    problems = compare_inputs(
        INPUTS, counts, columns={"leads": ["size"]}, found=found, alike_ids={}, accepted=["kind"]
    )

    assert [problem.code for problem in problems] == ["D092"]


def test_input_counts__add_up_to_those_of_the_whole() -> None:
    one = InputCounts(1, 2, {"size": 1}, {"country": 1}, {"email_opened": 2}, ("b",))
    other = InputCounts(2, 1, {"size": 2}, {}, {"Email Opened": 1}, ("a",))

    whole = one.merged(other)

    assert whole == InputCounts(
        3, 3, {"size": 3}, {"country": 1}, {"email_opened": 2, "Email Opened": 1}, ("a", "b")
    )
    assert InputCounts.from_json(whole.to_json()) == whole


def test_compare_inputs__counts_changes_of_another_type() -> None:
    leads = leads_of(40, size=None)
    all_other = lacks(leads, SOUND, [change("L0", "size", "many", 1), change("L1", "size", "few", 1)])
    one_other = lacks(leads, SOUND, [change("L0", "size", "many", 1), change("L1", "size", "7", 1)])

    assert [(each.code, each.column, each.count) for each in all_other] == [("D092", "size", 2)]
    assert [(each.code, each.column, each.ids) for each in one_other] == [("D093", "size", ("L0",))]


@pytest.mark.parametrize(
    "feature",
    [declare("last_channel"), declare("count", kinds=["email_opened"], channel="email")],
    ids=["category", "filter"],
)
def test_compare_inputs__finds_channels_that_the_model_does_not_know(feature: Feature) -> None:
    inputs = inputs_of_features([feature], categories={"last_channel": ["email", "web"]}, kind_shares={})

    def codes(*channels: str | None) -> list[str]:
        made = history(["a"], [touch("a", "email_opened", 1, channel=channel) for channel in channels])
        counts = count_inputs(inputs, made)
        columns = {"interactions": ["channel"]}
        problems = compare_inputs(inputs, counts, columns=columns, found=(), alike_ids={})
        return [f"{each.code} {each.column} {each.count}" for each in problems]

    assert codes("Email", "E-Mail", None) == ["D094 channel 2"]
    assert codes("Email", "email") == []
    assert codes(None) == ["D091 channel 1"]


# Each lead of the training had two interactions whose direction the column tells, an outcome and a change.
OF_TRAINING = replace(
    inputs_of_features(
        [declare("count", direction="inbound"), declare("attribute", attribute="size", type="number")],
        categories={},
        kind_shares={},
    ),
    training_rows={"direction": 2.0, "outcomes": 1.0, "attribute_changes": 1.0},
)
WHOLE: dict[str, list[Row]] = {
    "leads": [lead(f"L{number}", size=5) for number in range(30)],
    "interactions": [touch(f"L{number}", "own kind", 2, direction="inbound") for number in range(30)],
    "outcomes": [won(f"L{number}", 3) for number in range(30)],
    "attribute_changes": [change(f"L{number}", "size", 6, 3) for number in range(30)],
}


def _with(table: str, **cells: Any) -> dict[str, list[Row] | None]:
    """The whole tables, of which one has other cells; `...` takes the column away."""
    rows = [{**row, **cells} for row in WHOLE[table]]
    kept = [{name: cell for name, cell in row.items() if cell is not ...} for row in rows]
    return {**WHOLE, table: kept}


@pytest.mark.parametrize(
    ("made", "as_of", "expected"),
    [
        (WHOLE, 4, []),
        (_with("interactions", direction=...), 4, ["D090 interactions.direction 30"]),
        (_with("interactions", direction=None), 4, ["D091 interactions.direction 30"]),
        (_with("interactions", direction="INBOUND"), 4, ["D092 interactions.direction 30"]),
        ({**WHOLE, "outcomes": None}, 4, ["D107 outcomes. 1"]),
        ({**WHOLE, "outcomes": []}, 4, ["D107 outcomes. 1"]),
        ({**WHOLE, "attribute_changes": None}, 4, ["D107 attribute_changes. 1"]),
        (_with("attribute_changes", attribute="SIZE"), 4, ["D107 attribute_changes. 1"]),
        (WHOLE, 1, ["D108 interactions.available_at 30"]),
        (WHOLE, 2, []),
        # Too few leads to miss what may be absent by chance; a table that is not there is always told.
        ({**WHOLE, "leads": WHOLE["leads"][:3], "outcomes": []}, 4, []),
        ({**WHOLE, "leads": WHOLE["leads"][:3], "outcomes": None}, 4, ["D107 outcomes. 1"]),
    ],
)
def test_compare_inputs__misses_what_the_training_had(
    made: dict[str, list[Row] | None], as_of: int, expected: list[str]
) -> None:
    read = {name: table(name, rows) for name, rows in made.items() if rows is not None}
    findings = Findings()
    history = assemble(RawTables(read), findings, attribute_types={"size": "number"})
    assert history is not None

    problems = compare_inputs(
        OF_TRAINING,
        count_inputs(OF_TRAINING, history, as_of=at(as_of)),
        columns={name: rows.column_names for name, rows in read.items()},
        found=[each for each in findings.found() if each.code == "D027"],
        alike_ids={},
        as_of=at(as_of),
    )

    assert [f"{each.code} {each.table}.{each.column} {each.count}" for each in problems] == expected


def test_compare_inputs__part_of_the_directions_unknown_is_told_once() -> None:
    found = [Finding.of("D027", table="interactions", column="direction", count=3, ids=["a"])]
    counts = InputCounts(
        30, 60, {"size": 30}, rows={"direction": 57, "outcomes": 30, "attribute_changes": 30}
    )

    problems = compare_inputs(
        OF_TRAINING, counts, columns={"interactions": ["direction"]}, found=found, alike_ids={}
    )

    assert [(each.code, each.count) for each in problems] == [("D093", 3)]
    assert rows_left_out(OF_TRAINING, found) == ()
    assert [each.code for each in rows_left_out(INPUTS, found)] == ["D027"]
    assert (OF_TRAINING.reads_direction, INPUTS.reads_direction) == (True, False)
