"""Scores as rows, with exactly the columns of a score; as CSV they are text that no spreadsheet computes."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from features.catalog.spec import Feature
from serving.batch.combine import rank_leads
from serving.batch.files import csv_table
from serving.scoring.arrow_rows import SCORE_COLUMNS, SCORE_SCHEMA, score_table
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import TermLabel, value_text, value_texts
from tests.support.builders import at, history, lead, lost, touch
from tests.support.small_models import BUDGET, COUNTRY, small_bundle

COLUMNS = (
    "lead_id, as_of, status, probability, probability_low, probability_high, band, stage, prospect, rank, "
    "expected_value, waiting_hours, base_log_odds, reasons, curve, horizon_days, model_version, feature_set, "
    "scored_at, held_out"
)


@pytest.fixture
def scored() -> pa.Table:
    made = history(
        [lead("=1+1", country="DE"), lead("b"), lead("c", country="XX")],
        [touch("=1+1", "meeting_held", 1)],
        [lost("b", 2)],
    )
    predictor = Predictor.from_bundle(small_bundle())
    scores = predictor.score(made, np.arange(3), at(10))
    return score_table(predictor, scores, made.lead_ids, scored_at=at(11))


def test_score_schema__has_the_columns_in_their_order() -> None:
    assert ", ".join(SCORE_COLUMNS) == COLUMNS


def test_score_table__writes_a_row_a_lead(scored: pa.Table) -> None:
    first, second, third = scored.to_pylist()

    assert scored.schema == SCORE_SCHEMA
    scored.validate(full=True)
    assert [row["status"] for row in (first, second, third)] == ["scored", "lost", "failed"]
    # -2 + a meeting 1 + DE 0.5
    assert first["probability"] == pytest.approx(1 / (1 + math.exp(0.5)), abs=1e-12)
    assert first["probability_low"] is None
    assert first["as_of"].isoformat() == "2026-01-11T00:00:00+00:00"
    assert first["curve"] == [{"days": 30.0, "probability": first["probability"]}]
    assert [(reason["feature"], reason["value"]) for reason in first["reasons"]] == [
        ("meetings_count", "1"),
        ("country", "DE"),
        ("other", None),
    ]
    assert first["reasons"][0]["points"] == pytest.approx(1.0)


@pytest.mark.parametrize("row", [1, 2], ids=["lost", "failed"])
def test_score_table__leaves_all_numbers_of_other_leads_null(scored: pa.Table, row: int) -> None:
    cells = scored.to_pylist()[row]

    empty = {name for name, cell in cells.items() if cell is None or cell == []}
    stated = {"lead_id", "as_of", "status", "horizon_days", "model_version", "feature_set", "scored_at"}
    assert empty == set(SCORE_COLUMNS) - stated - {"held_out"}


def test_score_table__takes_no_leads_at_all() -> None:
    predictor = Predictor.from_bundle(small_bundle())
    made = history()

    scores = predictor.score(made, np.arange(0), at(10))

    assert score_table(predictor, scores, made.lead_ids.slice(0, 0), scored_at=0).num_rows == 0


def test_csv_table__is_text_that_nothing_computes(scored: pa.Table, tmp_path: Path) -> None:
    pa.csv.write_csv(csv_table(scored), tmp_path / "scores.csv")

    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert ", ".join(rows[0]) == COLUMNS
    assert rows[0]["lead_id"] == "'=1+1"
    assert rows[0]["as_of"] == "2026-01-11T00:00:00Z"
    assert float(rows[0]["probability"]) == scored["probability"][0].as_py()
    assert json.loads(rows[0]["reasons"]) == scored["reasons"][0].as_py()
    assert json.loads(rows[0]["curve"]) == scored["curve"][0].as_py()
    assert rows[1]["probability"] == rows[1]["band"] == ""


@pytest.mark.parametrize(
    ("lead_id", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("a;=1", "a;'=1"),
        ("a\n =1", "a\n' =1"),
        ("＝1", "'＝1"),
        ("007", "007"),
        ("a=b", "a=b"),
    ],
)
def test_csv_table__marks_what_begins_like_a_formula(lead_id: str, cell: str) -> None:
    table = pa.table({**SCORE_SCHEMA.empty_table().to_pydict(), "lead_id": []}, schema=SCORE_SCHEMA)
    row = pa.Table.from_pylist([{"lead_id": lead_id, "as_of": 0, "scored_at": 0}], schema=SCORE_SCHEMA)

    assert csv_table(pa.concat_tables([table, row]))["lead_id"].to_pylist() == [cell]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("number", 0.0, "0"),
        ("number", 12.0, "12"),
        ("number", 0.123456, "0.1235"),
        ("number", 2.5, "2.5"),
        ("number", 1234567.8, "1234568"),
        ("number", -3.14159, "-3.142"),
        ("number", float("nan"), None),
        ("boolean", 1.0, "yes"),
        ("boolean", 0.0, "no"),
        ("category", 1.0, "FR"),
    ],
)
def test_value_text__reads_as_a_person_would_write_it(type_: str, value: float, expected: str | None) -> None:
    feature = Feature("x", "attribute", "X", type=type_, attribute="x")  # type: ignore[arg-type]

    assert value_text(feature, value, ("DE", "FR")) == expected


@pytest.mark.parametrize(
    ("country", "has_budget", "expected"),
    [("DE", True, "DE and yes"), ("DE", None, "DE and not known"), (None, None, None)],
)
def test_value_texts__name_both_values_of_a_pair(
    country: str | None, has_budget: bool | None, expected: str | None
) -> None:
    made = history([lead("a", country=country, has_budget=has_budget)])
    matrix = Predictor.from_bundle(small_bundle()).compute(made, np.array([0]), at(1))
    term_label = TermLabel("country x has_budget", "Country and Has a budget", (COUNTRY, BUDGET))

    assert value_texts(term_label, matrix, [0]) == [expected]


def test_score_table__shows_the_same_values_for_many_leads_as_for_one() -> None:
    countries = ["DE", "FR", None, "IT"] * 25
    made = history([lead(f"L{i:03d}", country=country) for i, country in enumerate(countries)])
    predictor = Predictor.from_bundle(small_bundle())

    together = predictor.score(made, np.arange(100), at(10), reasons="all")
    rows = score_table(predictor, together, made.lead_ids, scored_at=0).to_pylist()

    for i, country in enumerate(countries):
        alone = predictor.score(made, np.array([i]), at(10), reasons="all")
        table = score_table(predictor, alone, made.lead_ids.slice(i, 1), scored_at=0)
        assert table.to_pylist() == [rows[i]]
        shown = {reason["feature"]: reason["value"] for reason in rows[i]["reasons"]}
        assert shown.get("country", country) == country


def test_rank_leads__ties_go_by_id_and_no_lead_without_numbers_is_ranked() -> None:
    priority = np.array([0.2, np.nan, 0.7, 0.2, 0.0])

    assert rank_leads(priority).tolist() == [2, 0, 1, 3, 4]
