"""Values become codes by comparison alone, the same for one example and for many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from features.engine.matrix import FeatureMatrix
from models.errors import BinsError, FeaturesMissingError
from models.scorecard.bins import FeatureBins, encode

NO_EDGES = np.empty(0)
AGE = FeatureBins("age_days", "number", np.array([1.0, 7.0]))
BUDGET = FeatureBins("has_budget", "boolean", np.array([0.5]))
COUNTRY = FeatureBins("country", "category", NO_EDGES, ("DE", "FR"))


def matrix_of(ages: list[float], budgets: list[float], countries: list[str | None]) -> FeatureMatrix:
    vocabulary = tuple(sorted({name for name in countries if name is not None}))
    codes = [math.nan if name is None else float(vocabulary.index(name)) for name in countries]
    values = np.array([codes, ages, [0.0] * len(ages), budgets])
    return FeatureMatrix(("country", "age_days", "unread", "has_budget"), values, {"country": vocabulary})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (math.nan, 0),
        (-math.inf, 1),
        (0.0, 1),
        (math.nextafter(1.0, 0.0), 1),
        (1.0, 2),  # an edge belongs to the bin above it
        (math.nextafter(7.0, 0.0), 2),
        (7.0, 3),
        (math.inf, 3),
    ],
)
def test_encode__number_at_edges(value: float, code: int) -> None:
    alone = encode([AGE], matrix_of([value], [0.0], ["DE"]))
    in_batch = encode([AGE], matrix_of([value] * 9, [0.0] * 9, ["DE"] * 9))

    assert alone.tolist() == [[code]]
    assert in_batch.tolist() == [[code]] * 9


@pytest.mark.parametrize(("name", "code"), [(None, 0), ("DE", 1), ("FR", 2), ("AT", 3), ("", 3)])
def test_encode__category(name: str | None, code: int) -> None:
    alone = encode([COUNTRY], matrix_of([0.0], [0.0], [name]))
    in_batch = encode([COUNTRY], matrix_of([0.0] * 9, [0.0] * 9, [name, *["DE"] * 8]))

    assert alone.tolist() == [[code]]
    assert in_batch[0].tolist() == [code]


def test_encode__finds_features_by_name() -> None:
    matrix = matrix_of([0.5, 8.0], [1.0, math.nan], ["FR", None])

    codes = encode([AGE, BUDGET, COUNTRY], matrix)

    assert codes.tolist() == [[1, 2, 2], [3, 0, 0]]
    assert codes.dtype == np.uint8
    assert codes.flags.c_contiguous


def test_encode__same_alone_and_among_many() -> None:
    chance = np.random.default_rng(0)
    bins = [FeatureBins(f"f{i}", "number", np.unique(chance.normal(size=40).round(1))) for i in range(5)]
    values = np.where(chance.random((5, 500)) < 0.1, math.nan, chance.normal(size=(5, 500)).round(1))
    names = tuple(feature.name for feature in bins)

    batch = encode(bins, FeatureMatrix(names, values, {}))

    alone = [encode(bins, FeatureMatrix(names, values[:, i : i + 1], {}))[0] for i in range(500)]
    assert np.array_equal(batch, np.array(alone))


def test_encode__no_examples() -> None:
    assert encode([AGE, COUNTRY], matrix_of([], [], [])).shape == (0, 2)


def test_encode__no_vocabulary_when_all_are_missing() -> None:
    assert encode([COUNTRY], matrix_of([0.0] * 6, [0.0] * 6, [None] * 6)).tolist() == [[0]] * 6


def test_encode__names_the_features_that_lack() -> None:
    calls = FeatureBins("calls_count", "number", np.array([1.0]))

    with pytest.raises(FeaturesMissingError, match="features that were not computed: calls_count"):
        encode([AGE, calls], matrix_of([0.0], [0.0], ["DE"]))


@pytest.mark.parametrize("bins", [AGE, BUDGET, COUNTRY])
def test_codes_count__covers_every_code(bins: FeatureBins) -> None:
    other = len(bins.categories) + 1 if bins.type == "category" else len(bins.edges) + 1

    assert bins.codes_count == other + 1


def test_feature_bins__most_codes_of_a_byte() -> None:
    fits = FeatureBins("f", "number", np.arange(254.0))

    assert fits.codes_count == 256
    assert fits.code_of_number(1_000.0) == 255
    with pytest.raises(BinsError, match="have 257 codes; at most 256"):
        FeatureBins("f", "number", np.arange(255.0))


@pytest.mark.parametrize(
    ("edges", "categories", "type_", "sentence"),
    [
        ([2.0, 1.0], (), "number", "The bins of f have edges that do not rise"),
        ([1.0, 1.0], (), "number", "edges that do not rise"),
        ([1.0, math.nan], (), "number", "edges that do not rise"),
        ([1.0, math.inf], (), "number", "edges that do not rise"),
        ([[1.0]], (), "number", "edges that are not a row of numbers"),
        ([], ("a", "a"), "category", "name a category twice"),
        ([], ("a",), "number", "do not fit the type number"),
        ([1.0], (), "category", "do not fit the type category"),
    ],
)
def test_feature_bins__refuses_what_does_not_part_values(
    edges: list[float], categories: tuple[str, ...], type_: str, sentence: str
) -> None:
    with pytest.raises(BinsError, match=sentence):
        FeatureBins("f", type_, np.array(edges, dtype=np.float64), categories)  # type: ignore[arg-type]
