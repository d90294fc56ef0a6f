"""What a conversion brings on average: no cell decides it, and it never reverses a rank."""

from __future__ import annotations

import pytest

from tests.support.builders import history, lost, won
from training.bundling.build import expected_amount

AMOUNTS = [900.0 + number for number in range(201)]


def _expected(*odd: float, usual: list[float] = AMOUNTS) -> float | None:
    amounts = [*usual, *odd]
    ids = [f"l{number:03d}" for number in range(len(amounts))]
    rows = [won(lead_id, 1, amount=amount) for lead_id, amount in zip(ids, amounts, strict=True)]
    return expected_amount(history([*ids, "lost"], outcomes=[*rows, lost("lost", 1, amount=1e6)]))


@pytest.mark.parametrize("odd", [(), (1e12,), (1e12, 1e15, 1.7e308), (-1e9,), (-900.0, 1e7)])
def test_expected_amount__is_that_of_the_usual_amounts(odd: tuple[float, ...]) -> None:
    # (900 + 1,100) / 2
    assert _expected(*odd) == 1000.0


@pytest.mark.parametrize("amounts", [[-900.0, -1200.0], [0.0, 0.0], [0.0, -5.0], []])
def test_expected_amount__is_unknown_where_no_amount_lies_above_zero(amounts: list[float]) -> None:
    assert _expected(usual=amounts) is None


def test_expected_amount__is_finite_for_amounts_near_the_greatest_double() -> None:
    assert _expected(usual=[1e308] * 20) == pytest.approx(1e308)


def test_expected_amount__counts_conversions_that_brought_nothing() -> None:
    assert _expected(usual=[0.0, 100.0]) == 50.0
