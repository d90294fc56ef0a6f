"""Tells the reasons of a score to people: labels, values as words, and which way the probability moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from features.catalog.spec import Feature
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.scorecard.scorecard import Scorecard

OTHER: Final = "other"
OTHER_LABEL: Final = "Everything else"

# Up to here telling every value by itself is quicker than finding the distinct ones.
_FEW_VALUES: Final = 32

Direction = Literal["raises", "lowers"]


@dataclass(frozen=True, slots=True)
class TermWords:
    """How one term of the scorecard is told.

    Attributes:
        name: the feature, or "a x b" for a pair.
        label: for people.
        features: the one or two it is about.
    """

    name: str
    label: str
    features: tuple[Feature, ...]


def words_of_terms(scorecard: Scorecard, features: Mapping[str, Feature]) -> tuple[TermWords, ...]:
    """Finds the words for every term, in the order of the terms."""
    told = []
    for term in scorecard.terms:
        parts = tuple(features[scorecard.bins[position].name] for position in term.features)
        label = " and ".join(part.label for part in parts)
        told.append(TermWords(scorecard.term_name(term), label, parts))
    return tuple(told)


def direction_of(points: float) -> Direction:
    """Tells which way a reason moved the probability.

    >>> direction_of(-0.5)
    'lowers'
    """
    return "lowers" if points < 0 else "raises"


def tell_values(words: TermWords, matrix: FeatureMatrix, examples: Sequence[int]) -> list[str | None]:
    """Tells the values behind a term: one text an example, None where nothing is known.

    Args:
        words: of the term.
        matrix: values of its features.
        examples: columns of the matrix.
    """
    parts = []
    for feature in words.features:
        values = matrix.column(feature.name)
        parts.append(_tell_all(feature, values, examples, matrix.vocabularies.get(feature.name, ())))
    if len(parts) == 1:
        return parts[0]
    pairs = zip(*parts, strict=True)
    return [
        None if pair == (None,) * len(pair) else " and ".join(p or "not known" for p in pair)
        for pair in pairs
    ]


def tell_value(feature: Feature, value: float, vocabulary: Sequence[str] = ()) -> str | None:
    """Tells one value: a category's name, yes or no, or a number with as many digits as a person reads.

    >>> tell_value(Feature("f", "count", "Calls"), 3.0)
    '3'
    >>> tell_value(Feature("f", "lead_age", "Age of the lead", "days"), 2.34567)
    '2.346 days'
    """
    if value != value:
        return None
    if feature.type == "category":
        return vocabulary[int(value)]
    if feature.type == "boolean":
        return "yes" if value else "no"
    number = str(int(value)) if value == int(value) else f"{value:.{_digits(value)}f}".rstrip("0").rstrip(".")
    return f"{number} {feature.unit}" if feature.unit else number


def _digits(value: float) -> int:
    """Digits after the point: four that matter below a thousand, none above."""
    size = abs(value)
    if size >= 1000:
        return 0
    return 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4


def _tell_all(
    feature: Feature, values: Floats, examples: Sequence[int], vocabulary: Sequence[str]
) -> list[str | None]:
    if len(examples) <= _FEW_VALUES:
        return [tell_value(feature, values.item(example), vocabulary) for example in examples]
    distinct, places = np.unique(values[examples], return_inverse=True)
    told = [tell_value(feature, value, vocabulary) for value in distinct.tolist()]
    return [told[place] for place in places.tolist()]
