"""The type of an attribute at a moment: inferred from the cells known then, never from later ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog.default_catalog import default_catalogue
from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.checks.checks import check_tables
from features.engine.engine import compute_here
from features.engine.matrix import Examples
from features.findings.problems import Findings
from features.history.known import known_at
from features.history.lead_history import AttributeType, LeadHistory
from features.tables.table_reader import RawTables
from tests.support.builders import Row, at, bytes_of, change, lead, link, tables, touch

# Cells of each sort, and some that are missing; the last two are as numbers only where nearly all are.
CELLS = ("5", "7.5", "true", "False", "A-12", "NL", "2026-01-05T00:00:00Z", "inf", "n/a", "", None)


def read(leads: list[Row], changes: list[Row] | None = None, aliases: list[Row] | None = None) -> LeadHistory:
    """The history of tables whose cells are all texts, as CSV has them."""
    visit = touch(leads[0]["lead_id"], "page_view", 0.5)
    made = tables(leads, [visit], changes=changes, aliases=aliases)
    columns = [
        column.cast(pa.string()) if pa.types.is_null(column.type) else column for column in made["leads"]
    ]
    made = {**made, "leads": pa.table(columns, names=made["leads"].column_names)}
    history, problems = check_tables(
        RawTables(made, is_typed=False), Findings(), observed_until=at(100), attribute_types=None
    )
    assert history is not None, problems
    return history


def values_of(history: LeadHistory, type_: AttributeType) -> list[object]:
    """The attribute size of all leads on day 90, read as a type."""
    feature = declare("attribute", name="x", attribute="size", type=type_)
    rows = np.arange(history.leads_count)
    matrix = compute_here(FeatureSet((feature,)), history, Examples(rows, np.full(len(rows), at(90))))
    names = matrix.vocabularies.get("x")
    return [
        None if np.isnan(value) else value if names is None else names[int(value)]
        for value in matrix.values[0].tolist()
    ]


@pytest.mark.parametrize(
    ("cells", "types"),
    [
        (["5", "7", "A-12"], ["number", "number", "category"]),
        (["A-12", "5", "7"], ["category", "category", "category"]),
        (["true", "5", "x"], ["boolean", "category", "category"]),
        (["2026-01-05T00:00:00Z", "x", "5"], [None, "category", "category"]),
        (["n/a", "5", "true"], [None, "number", "category"]),
        # From the 20th on, 95 % are numbers.
        (["x", *["5"] * 19], ["category"] * 19 + ["number"]),
        (["5", *["7"] * 19, "x"], ["number"] * 21),
    ],
)
def test_known_at__infers_the_type_from_what_was_known_then(
    cells: list[str], types: list[AttributeType | None]
) -> None:
    history = read([lead(f"l{day:02d}", day, size=cell) for day, cell in enumerate(cells)])

    found = [known_at(history, at(day)).attributes.get("size") for day in range(len(cells))]

    assert [None if attribute is None else attribute.type for attribute in found] == types


def test_known_at__infers_the_type_of_changes_where_there_is_nothing_else() -> None:
    changes = [change("a", "size", "5", 1), change("a", "size", "big", 2), change("b", "size", "7", 3)]
    history = read([lead("a", 0, size=None), lead("b", 0, size=None), lead("c", 4, size="9")], changes)

    found = [known_at(history, at(day)).attributes["size"] for day in (1, 2, 3, 4)]

    # On day 4 a lead has it at creation, and then these cells decide; "big" is no number.
    assert [attribute.type for attribute in found] == ["number", "category", "category", "number"]
    assert history.attributes["size"].type == "number"


def test_compute_features__reads_an_attribute_as_the_type_of_an_earlier_moment() -> None:
    history = read([lead("a", 0, size="5"), lead("b", 1, size="true"), lead("c", 2, size="A-12")])

    assert history.attributes["size"].type == "category"
    assert values_of(history, "category") == ["5", "true", "A-12"]
    assert values_of(history, "number") == [5, 1, None]
    assert values_of(history, "boolean") == [None, 1, None]
    assert values_of(known_at(history, at(0)), "number") == [5]


def test_compute_features__reads_changes_of_one_moment_in_the_order_of_the_type() -> None:
    # As texts, "10" comes before "9"; as numbers after it. The last one counts.
    changes = [change("a", "size", "10", 1), change("a", "size", "9", 1), change("b", "size", "x", 2)]
    history = read([lead("a", 0), lead("b", 0)], changes)

    assert values_of(history, "category") == ["9", "x"]
    assert values_of(history, "number") == [10, None]


def test_known_at__keeps_the_cell_of_an_alias_that_is_no_number() -> None:
    leads = [*(lead(f"l{i:02d}", 0, size="5") for i in range(20)), lead("y", 1), lead("z", 0, size="x")]
    history = read(leads, aliases=[link("z", "y", 2)])

    known = known_at(history, at(3))

    # The survivor takes over a text, which is no number and no change of the attribute as it was read.
    assert history.attributes["size"].type == "number"
    assert history.attributes["size"].changes is None
    assert values_of(known, "number")[:21] == [5.0] * 20 + [None]
    assert values_of(known, "category")[20] == "x"


@st.composite
def _worlds(draw: st.DrawFn) -> dict[str, Any]:
    days = st.integers(0, 6)
    cells = st.sampled_from(CELLS)
    leads = [lead(f"l{i}", draw(days), size=draw(cells)) for i in range(draw(st.integers(1, 6)))]
    rows = st.builds(
        lambda of, name, cell, day: change(of["lead_id"], name, cell, max(day, of["created_at"])),
        st.sampled_from(leads),
        st.sampled_from(("size", "mood")),
        cells,
        days,
    )
    changes = draw(st.none() | st.lists(rows, max_size=6))
    return {"leads": leads, "changes": changes, "day": draw(days)}


@settings(max_examples=60, deadline=None)
@given(_worlds())
def test_known_at__is_the_history_that_was_read_then(world: dict[str, Any]) -> None:
    leads = [row for row in world["leads"] if row["created_at"] <= world["day"]]
    ids = {row["lead_id"] for row in leads}
    changes = world["changes"]
    then = changes and [
        row for row in changes if row["lead_id"] in ids and row["available_at"] <= world["day"]
    ]
    if not leads:
        return

    known = known_at(read(world["leads"], changes), at(world["day"]))
    again = known_at(read(leads, then), at(world["day"]))

    assert bytes_of(known)["attributes"] == bytes_of(again)["attributes"]
    assert default_catalogue(known) == default_catalogue(again)
    of_known, of_again = (
        compute_here(
            default_catalogue(known),
            history,
            Examples(
                np.array([history.lead_ids.to_pylist().index(name) for name in sorted(ids)]),
                np.full(len(ids), at(world["day"])),
            ),
        )
        for history in (read(world["leads"], changes), again)
    )
    for name in of_known.names:
        assert _told(of_known, name) == _told(of_again, name)


def _told(matrix: Any, name: str) -> list[object]:
    names = matrix.vocabularies.get(name)
    values = matrix.column(name)
    return [None if np.isnan(x) else names[int(x)] if names is not None else x for x in values.tolist()]
