"""Reading of lead_aliases: what is wrong with it, and which link counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.times import NEVER_US
from tests.support.builders import Row, at, check, lead, link, tables, touch


def read(links: Sequence[Row]) -> tuple[LeadHistory | None, dict[str, Problem]]:
    """A history of a, b and c with a visit of v, and its problems about aliases by code."""
    leads = [lead("a"), lead("b"), lead("c")]
    made, problems = check(tables(leads, [touch("v", "page_view", 1)], aliases=links))
    return made, {each.code: each for each in problems if each.table in ("lead_aliases", "interactions")}


@pytest.mark.parametrize(
    ("links", "ids"),
    [
        ([link("a", "b", 1), link("b", "a", 2)], ("a", "b")),
        ([link("v", "a", 1), link("a", "b", 1), link("b", "c", 1), link("c", "b", 9)], ("b", "c")),
    ],
)
def test_read_aliases__refuses_a_circle(links: list[Row], ids: tuple[str, ...]) -> None:
    made, found = read(links)

    assert made is None
    assert (found["D100"].stops, found["D100"].ids) == ("everything", ids)


def test_read_aliases__takes_the_earliest_link_of_an_alias() -> None:
    made, found = read([link("b", "a", 5), link("b", "c", 3), link("b", "a", 1)])

    assert made is not None
    assert made.links is not None
    assert made.links.linked_at.tolist() == [NEVER_US, at(1), NEVER_US]
    assert made.links.survivor.tolist() == [0]
    # The link to c; the later one to the same lead says nothing new.
    assert (found["D101"].count, found["D101"].ids) == (1, ("c",))


@pytest.mark.parametrize(
    ("links", "code", "count"),
    [
        ([link("v", "gone", 1), link("w", "v", 1)], "D102", 2),
        ([link("a", "gone", 1)], "D102", 1),
        ([link("a", "a", 1)], "D103", 1),
        ([{"alias_id": None, "lead_id": "a", "available_at": 1}], "D020", 1),
        ([{"alias_id": "v", "lead_id": None, "available_at": 1}], "D020", 1),
        ([{"alias_id": "v", "lead_id": "a", "available_at": None}], "D020", 1),
    ],
)
def test_read_aliases__leaves_out_and_counts(links: list[Row], code: str, count: int) -> None:
    made, found = read(links)

    assert made is not None
    assert made.links is None
    assert (found[code].stops, found[code].count) == (None, count)
    # The visit still belongs to nobody.
    assert found["D021"].count == 1


def test_read_aliases__counts_what_is_linked() -> None:
    made, found = read([link("v", "a", 2), link("b", "a", 3)])

    assert made is not None
    assert found["D104"].sentence == (
        "lead_aliases joins 2 ids to other leads; 1 of them had a row of their own until the link and none "
        "afterwards."
    )
    assert "D021" not in found


@pytest.mark.parametrize("missing", ["alias_id", "lead_id", "available_at"])
def test_read_aliases__names_a_missing_column(missing: str) -> None:
    made: dict[str, Any] = tables(["a"], aliases=[link("v", "a", 2)])
    made["lead_aliases"] = made["lead_aliases"].drop_columns([missing])

    _, problems = check(made)

    assert [each.code for each in problems if each.stops == "everything"] == ["D006"]
    assert missing in next(each.sentence for each in problems if each.code == "D006")
