"""Changes of attributes: each attribute reads its own texts, and missing cells are missing there as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.parsing.attribute_values import values_of_texts
from tests.support.builders import change, check, history, lead, tables


def test_read_changes__reads_for_each_attribute_its_own_texts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(texts: Any, *rest: Any) -> Any:
        read.append(len(texts.values))
        return values_of_texts(texts, *rest)

    monkeypatch.setattr("features.tables.change_rows.values_of_texts", counted)
    changes = [change("a", f"size_{number % 10}", number, 1 + number / 100) for number in range(100)]

    check(tables([lead("a", note="x")], changes=[*changes, change("a", "note", "many words", 2)]))

    # Ten texts of each of ten attributes, and one of another; all texts together are 101.
    assert sorted(read) == [1, *[10] * 10]


def test_read_changes__takes_spelled_missing_cells_for_an_emptied_value() -> None:
    leads = [lead("a", size=5.0, country="NL")]
    changes = [
        change("a", "size", "-", 1),
        change("a", "size", "7", 2),
        change("a", "size", "n/a", 3),
        change("a", "country", "NULL", 1),
        change("a", "country", "-", 2),
    ]

    made = history(leads, changes=changes)

    size, country = made.attributes["size"].changes, made.attributes["country"]
    assert size is not None
    assert country.changes is not None
    assert np.array_equal(size.values, [np.nan, 7, np.nan], equal_nan=True)
    assert country.categories == ("-", "NL")
    assert np.array_equal(country.changes.values, [np.nan, 0], equal_nan=True)


def test_read_changes__infers_numbers_beside_missing_cells() -> None:
    changes = [change("a", "size", text, day) for day, text in enumerate(["5", "n/a", "-", "7"], 1)]

    made = history(["a"], changes=changes)

    assert made.attributes["size"].type == "number"
