"""The text of one value, and the texts that stand for a missing one."""

from __future__ import annotations

import math
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from features.history.text_rule import FIRST_RULE, TEXT_RULE, TextRule, category_text, object_text

ID = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (2**70, "1180591620717411303424"),
        (np.int64(-7), "-7"),
        (5.0, "5"),
        (-0.0, "0"),
        (51200000001.0, "51200000001"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (1e16, "1e+16"),
        (0.1, "0.1"),
        (1e-05, "1e-05"),
        (0.0001, "0.0001"),
        (12345678901.5, "12345678901.5"),
        (np.float32(0.1), "0.1"),
        (np.float32(1e-05), "1e-05"),
        (np.float32(16777216), "16777216"),
        (np.float16(0.1), "0.1"),
        (math.inf, "inf"),
        (Decimal("5.00"), "5"),
        (Decimal("5.10"), "5.1"),
        (Decimal("0.00001"), "1e-05"),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (Decimal("1E+20"), "100000000000000000000"),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (True, "true"),
        (np.bool_(0), "false"),
        (ID, str(ID)),
        ("007", "007"),
        ("5.0", "5.0"),
        ("True", "True"),
        (" n/a", " n/a"),
        ("-", "-"),
        ("NA", "NA"),
    ],
)
def test_category_text__has_one_text_for_each_value(value: object, text: str) -> None:
    assert category_text(value, TEXT_RULE) == text


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "NULL", "null", "Null", "\\N", "None", "none", "n/a", "N/A", "NaN", "nan", "NAN"),
        *(math.nan, np.float32("nan"), Decimal("NaN")),
    ],
)
def test_category_text__of_a_missing_cell_is_none(value: object) -> None:
    assert category_text(value, TEXT_RULE) is None


def test_category_text__takes_the_spellings_of_the_rule() -> None:
    rule = TextRule(2, ("keine Angabe",))

    texts = [category_text(value, rule) for value in ("KEINE ANGABE", "n/a", "", math.nan)]

    assert texts == [None, "n/a", None, None]


def test_no_numbers__hold_a_lone_dash_that_is_a_category_otherwise() -> None:
    assert TEXT_RULE.no_numbers - TEXT_RULE.spellings == {"-"}
    assert FIRST_RULE.no_numbers == FIRST_RULE.spellings == {""}


def test_first_rule__wrote_numbers_of_requests_and_objects_of_drivers_each_in_its_way() -> None:
    values = (5.0, 1e16, True, math.nan, "None")

    assert [category_text(value, FIRST_RULE) for value in values] == ["5", str(10**16), "true", "nan", "None"]
    assert [object_text(value, FIRST_RULE) for value in values] == ["5.0", "1e+16", "True", "nan", "None"]
    assert [object_text(value, TEXT_RULE) for value in values] == ["5", "1e+16", "true", None, None]


def test_from_json__gives_back_what_to_json_wrote() -> None:
    rule = TextRule(2, ("a", "\\N"))

    assert TextRule.from_json(rule.to_json()) == rule
