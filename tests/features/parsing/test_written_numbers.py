"""Numbers as people write them are read where they have one meaning, and left to be reported elsewhere."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from features.history.text_rule import FIRST_RULE, TEXT_RULE
from features.parsing.attribute_values import infer_type
from features.parsing.number_columns import as_numbers
from features.parsing.text_columns import as_texts


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1 234,50", 1234.5),
        ("1\u202f234,5", 1234.5),
        ("1'234.50", 1234.5),
        ("1,234,567", 1234567.0),
        ("1.234.567", 1234567.0),
        ("$22,700.00", 22700.0),
        ("-$5", -5.0),
        ("€ 5,00", 5.0),
        ("5 EUR", 5.0),
        ("EUR -5", -5.0),
        ("US$ 5", 5.0),
        ("CHF 1'000.50", 1000.5),
        ("(1,250.00)", -1250.0),
        ("12%", 12.0),
        ("12,5", 12.5),
        ("-", math.nan),
        ("n/a", math.nan),
    ],
)
def test_as_numbers__reads_a_cell_with_one_meaning(cell: str, expected: float) -> None:
    read = as_numbers(pa.chunked_array([["7", cell]]), TEXT_RULE)

    assert read is not None
    assert read[0].tolist() == pytest.approx([7.0, expected], nan_ok=True)
    assert not read[1].any()


@pytest.mark.parametrize(
    "cell", ["4,088", "1,2,3", "12,34,567", "x1", "%", "(3", "5 to 9", "INV-7", "SKU 12", "REF001", "TOP-5"]
)
def test_as_numbers__leaves_a_cell_that_is_no_number_or_has_two_meanings(cell: str) -> None:
    read = as_numbers(pa.chunked_array([["7", cell]]), TEXT_RULE)

    assert read is not None
    assert read[1].tolist() == [False, True]
    assert math.isnan(read[0][1])


@pytest.mark.parametrize("prefix", ["INV-", "SKU ", "REF00", "TOP-", "EUR-"])
def test_infer_type__codes_of_letters_and_digits_are_categories(prefix: str) -> None:
    texts = as_texts(pa.chunked_array([[f"{prefix}{number}" for number in range(20)]]), TEXT_RULE)

    assert texts is not None
    assert infer_type(texts, TEXT_RULE).type == "category"


def test_as_numbers__the_marks_of_the_column_decide_a_cell_with_two_meanings() -> None:
    columns = (["1,234", "1,234.5"], ["1.234", "12,5"], ["1,234", "12,5", "1.5"])

    read = [as_numbers(pa.chunked_array([column]), TEXT_RULE) for column in columns]

    assert [values[0].tolist() for values in read if values] == [
        [1234.0, 1234.5],
        [1234.0, 12.5],
        pytest.approx([math.nan, 12.5, 1.5], nan_ok=True),
    ]


def test_as_numbers__of_a_bundle_with_the_first_rule_reads_plain_numbers_only() -> None:
    read = as_numbers(pa.chunked_array([["7", "$5"]]), FIRST_RULE)

    assert read is not None
    assert read[1].tolist() == [False, True]


@pytest.mark.parametrize(
    ("others", "expected"),
    [(["unknown"], "number"), (["unknown", "tbd"], "category"), (["4,088"] * 9, "number")],
)
def test_infer_type__is_a_number_where_nearly_all_cells_are(others: list[str], expected: str) -> None:
    # 1 of 20 is other than a number, 2 of 21, and none: 4,088 is one, of whichever meaning.
    texts = as_texts(pa.chunked_array([[*(f"{i}.5" for i in range(19)), *others]]), TEXT_RULE)

    assert texts is not None
    assert infer_type(texts, TEXT_RULE).type == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["01234", "90210"], "category"),
        (["0031612345678", "0031687654321"], "category"),
        (["0", "0.5", "-0.25", "10"], "number"),
        # One of 21 cells: a slip of the pen.
        ([*(str(i + 1) for i in range(20)), "05"], "number"),
    ],
)
def test_infer_type__a_number_that_begins_with_zeros_is_a_code(cells: list[str], expected: str) -> None:
    texts = as_texts(pa.chunked_array([cells]), TEXT_RULE)

    assert texts is not None
    assert infer_type(texts, TEXT_RULE).type == expected
