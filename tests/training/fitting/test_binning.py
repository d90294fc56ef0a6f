from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalog.spec import Feature, FeatureSet
from features.engine.matrix import FeatureMatrix
from models.scorecard.bins import encode
from training.config import TrainingConfig
from training.fitting.binning import fit_bins, number_edges, roundest_between

CONFIG = TrainingConfig(min_bin_examples=10)


def matrix_of(**columns: list[float]) -> FeatureMatrix:
    return FeatureMatrix(tuple(columns), np.array(list(columns.values()), dtype=np.float64), {})


def numbers(*names: str) -> FeatureSet:
    return FeatureSet(tuple(Feature(name, "attribute", name, attribute=name) for name in names))


def test_number_edges__one_bin_a_value_where_there_are_few() -> None:
    values = np.repeat([0.0, 1.0, 2.0, 5.0], [50, 30, 20, 10])

    assert number_edges(values, max_bins=64, least=10).tolist() == [1, 2, 5]


def test_number_edges__rare_values_are_joined() -> None:
    values = np.repeat([0.0, 1.0, 2.0, 3.0], [50, 30, 6, 9])

    # 2 and 3 have fewer than 10 values each, together 15.
    assert number_edges(values, max_bins=64, least=10).tolist() == [1, 2]


def test_number_edges__a_value_that_is_nearly_all_leaves_bins_for_the_rest() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(9_000), rng.gamma(2, 10, 1_000)])

    edges = number_edges(values, max_bins=20, least=10)

    # 19 bins share the thousand values above zero.
    counts = np.diff(np.searchsorted(np.sort(values[9_000:]), edges))
    assert len(edges) == 19
    assert counts.max() < 100


def test_number_edges__have_few_digits() -> None:
    values = np.random.default_rng(0).gamma(2, 10, 10_000)

    edges = number_edges(values, max_bins=20, least=10)

    assert len(edges) == 19
    assert all(len(f"{edge:g}".replace(".", "").strip("0")) <= 3 for edge in edges)


@given(
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6)), min_size=1, max_size=200),
    st.integers(2, 12),
    st.integers(1, 9),
)
def test_number_edges__bins_hold_enough_and_edges_rise(
    values: list[float], max_bins: int, least: int
) -> None:
    column = np.array(values)

    edges = number_edges(column, max_bins=max_bins, least=least)

    counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
    assert len(edges) <= max_bins - 1
    assert (np.diff(edges) > 0).all()
    # An edge may move by a quarter of its bin to become rounder.
    assert len(edges) == 0 or counts.min() >= least / 2
    assert np.array_equal(number_edges(column[::-1].copy(), max_bins=max_bins, least=least), edges)


@given(*[st.floats(allow_nan=False, allow_infinity=False)] * 2)
def test_roundest_between__lies_between(first: float, second: float) -> None:
    low, high = sorted((first, second))
    if low == high:
        return

    assert low < roundest_between(low, high) <= high


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3, 4, 4),
        (0, 1, 1),
        (11, 29, 20),
        (0.012, 0.0149, 0.014),
        (-5.5, -3.2, -4),
        (-1, 0, 0),
        (7.31, 7.32, 7.32),
        (0.0, 5e-324, 5e-324),
        (0.0, 1e-320, 1e-320),
        (-5e-324, -0.0, 0.0),
        (1e308, 1.7e308, 1.7e308),
    ],
)
def test_roundest_between__takes_the_fewest_digits(low: float, high: float, expected: float) -> None:
    assert roundest_between(low, high) == expected


def test_fit_bins__missing_everywhere_or_constant_has_no_edges() -> None:
    matrix = matrix_of(nothing=[np.nan] * 30, constant=[4.0] * 30)

    bins = fit_bins(matrix, numbers("nothing", "constant"), config=CONFIG)

    assert [len(each.edges) for each in bins] == [0, 0]
    assert encode(bins, matrix)[0].tolist() == [0, 1]


def test_fit_bins__a_boolean_has_one_edge() -> None:
    matrix = matrix_of(asked=[0.0, 1.0, np.nan] * 20)
    feature_set = FeatureSet((Feature("asked", "attribute", "Asked", attribute="asked", type="boolean"),))

    bins = fit_bins(matrix, feature_set, config=CONFIG)

    assert encode(bins, matrix)[:3, 0].tolist() == [1, 2, 0]


def test_fit_bins__rare_categories_are_joined() -> None:
    codes = np.repeat([0.0, 1.0, 2.0, 3.0, np.nan], [40, 3, 25, 4, 8])
    matrix = FeatureMatrix(("source",), codes[None], {"source": ("ads", "fair", "mail", "talk")})
    feature_set = FeatureSet((Feature("source", "attribute", "Source", attribute="source", type="category"),))

    (bins,) = fit_bins(matrix, feature_set, config=CONFIG)

    assert bins.categories == ("ads", "mail")
    # ads 1, mail 2, any other 3, missing 0.
    assert np.bincount(encode((bins,), matrix)[:, 0]).tolist() == [8, 40, 25, 7]


def test_fit_bins__a_category_of_few_leads_is_joined_however_many_examples_they_have() -> None:
    codes = np.repeat([0.0, 1.0, 2.0], [200, 190, 40])
    lead = np.concatenate((np.arange(200) % 20, 50 + np.arange(190) % 19, 100 + np.arange(40)))
    matrix = FeatureMatrix(("source",), codes[None], {"source": ("ads", "fair", "mail")})
    feature_set = FeatureSet((Feature("source", "attribute", "Source", attribute="source", type="category"),))

    (bins,) = fit_bins(matrix, feature_set, config=CONFIG, lead=lead)
    (of_some,) = fit_bins(matrix, feature_set, config=CONFIG, lead=lead, examples=np.arange(19, 430))

    assert bins.categories == ("ads", "mail")
    # Who has no example among the chosen ones does not count: 20 of ads still do, by their later examples.
    assert of_some.categories == ("ads", "mail")
    (of_late,) = fit_bins(matrix, feature_set, config=CONFIG, lead=lead, examples=np.arange(181, 430))
    assert of_late.categories == ("mail",)


def test_fit_bins__only_the_chosen_examples_teach() -> None:
    matrix = matrix_of(seen=[float(value) for value in range(100)] + [1e6] * 100)

    (bins,) = fit_bins(matrix, numbers("seen"), config=CONFIG, examples=np.arange(100))

    assert bins.edges.max() < 100
