"""Which terms moved a lead's probability most, and the texts that say so to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.spec import Feature
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats, Ints
from models.scorecard.scorecard import Scorecard

ReasonCount = int | Literal["all"]

# Up to this count, finding one largest after the other is quicker than sorting all; but not for few leads.
_FEW: Final = 8
_FEW_LEADS: Final = 16


class Reasons(NamedTuple):
    """The strongest terms of some leads, and what all others add together.

    Attributes:
        terms: (m, r) positions of the scorecard's terms, by falling absolute points, ties in their order.
        points: (m, r) log-odds; exactly 0 where a term adds nothing and is not shown.
        other: (m,) log-odds that all other terms add.
    """

    terms: Ints
    points: Floats
    other: Floats

    @property
    def is_shown(self) -> npt.NDArray[np.bool_]:
        """(m, r) whether the reason is shown: it adds something."""
        is_shown: npt.NDArray[np.bool_] = self.points != 0.0
        return is_shown


def strongest_reasons(points: Floats, total: Floats, *, count: ReasonCount) -> Reasons:
    """Picks the N largest terms by absolute points.

    Args:
        points: (m, terms) of each lead.
        total: (m,) log-odds less those of the average lead, to which all reasons of a lead must add up.
        count: N, or "all".

    Returns:
        Reasons with r = min(N, terms).

    >>> strongest_reasons(np.array([[0.5, -2.0, 0.25]]), np.array([-1.25]), count=1)
    Reasons(terms=array([[1]]), points=array([[-2.]]), other=array([0.75]))
    """
    kept = points.shape[1] if count == "all" else min(count, points.shape[1])
    terms = _largest(np.abs(points), kept)
    chosen = points[np.arange(len(points))[:, np.newaxis], terms]
    # Summed from left to right, so that the bits do not depend on how many leads are computed together.
    summed = np.add.accumulate(chosen, axis=1)[:, -1] if kept else np.zeros(len(points))
    return Reasons(terms=terms, points=chosen, other=total - summed)


def _largest(sizes: Floats, count: int) -> Ints:
    """(m, count) positions of the largest by falling size, ties in their order; overwrites `sizes`."""
    if count > _FEW or len(sizes) <= _FEW_LEADS:
        return (-sizes).argsort(axis=1, kind="stable")[:, :count]
    largest = np.empty((len(sizes), count), dtype=np.int64)
    each = np.arange(len(sizes))
    for place in range(count):
        largest[:, place] = found = sizes.argmax(axis=1)
        sizes[each, found] = -1.0
    return largest


OTHER: Final = "other"
OTHER_LABEL: Final = "Everything else"

# Up to this count, writing every value by itself is quicker than finding the distinct ones.
_FEW_VALUES: Final = 32
# The unit of a part of a whole, which people read in percent.
_SHARE: Final = "share"
# Numbers from here on are written with an exponent.
_LONG: Final = 1e15

Direction = Literal["raises", "lowers"]
_SIGNS: Final = {"raises": "+", "lowers": "-"}


@dataclass(frozen=True, slots=True)
class TermLabel:
    """What people read about one term of the scorecard.

    Attributes:
        name: the feature, or "a x b" for a pair.
        label: for people.
        features: the one or two it is about.
    """

    name: str
    label: str
    features: tuple[Feature, ...]


def labels_of_terms(scorecard: Scorecard, features: Mapping[str, Feature]) -> tuple[TermLabel, ...]:
    """Makes the label of every term, in the order of the terms."""
    labels = []
    for term in scorecard.terms:
        parts = tuple(features[scorecard.bins[position].name] for position in term.features)
        label = " and ".join(part.label for part in parts)
        labels.append(TermLabel(scorecard.term_name(term), label, parts))
    return tuple(labels)


def direction_of(points: float) -> Direction:
    """Says which way a reason moved the probability.

    >>> direction_of(-0.5)
    'lowers'
    """
    return "lowers" if points < 0 else "raises"


def reasons_line(reasons: Sequence[Mapping[str, Any]]) -> str:
    """Writes reasons, as JSON objects, in one line for people: `+` raises, `-` lowers.

    >>> reasons_line([{"feature": "calls", "label": "Calls", "value": "3", "direction": "raises"}])
    '+ Calls: 3'
    """
    return "; ".join(
        f"{_SIGNS[reason['direction']]} {reason['label']}"
        + (f": {reason['value']}" if reason["value"] else "")
        for reason in reasons
        if reason["feature"] != OTHER
    )


def value_texts(term_label: TermLabel, matrix: FeatureMatrix, examples: Sequence[int]) -> list[str | None]:
    """Writes the values behind a term: one text per example, None where the value is missing.

    Args:
        term_label: of the term.
        matrix: values of its features.
        examples: columns of the matrix.
    """
    parts = []
    for feature in term_label.features:
        values = matrix.column(feature.name)
        parts.append(_texts_of(feature, values, examples, matrix.vocabularies.get(feature.name, ())))
    if len(parts) == 1:
        return parts[0]
    pairs = zip(*parts, strict=True)
    return [
        None if pair == (None,) * len(pair) else " and ".join(p or "not known" for p in pair)
        for pair in pairs
    ]


def value_text(feature: Feature, value: float, vocabulary: Sequence[str] = ()) -> str | None:
    """Writes one value: a category's name, yes or no, or a number with as many digits as a person reads.

    >>> value_text(Feature("f", "count", "Calls"), 3.0)
    '3'
    >>> value_text(Feature("f", "lead_age", "Age of the lead", "days"), 2.34567)
    '2.346 days'
    >>> value_text(Feature("f", "share", "Share of calls", "share"), 3 / 32)
    '9.375 %'
    >>> value_text(Feature("f", "value_sum", "Sum"), 1.7e308)
    '1.7e+308'
    """
    if value != value:
        return None
    if feature.type == "category":
        return vocabulary[int(value)]
    if feature.type == "boolean":
        return "yes" if value else "no"
    unit = feature.unit
    if unit == _SHARE:
        value, unit = 100 * value, "%"
    if abs(value) >= _LONG:
        number = f"{value:.4g}"
    elif value == int(value):
        number = str(int(value))
    else:
        number = f"{value:.{_digits(value)}f}".rstrip("0").rstrip(".")
    return f"{number} {unit}" if unit else number


def _digits(value: float) -> int:
    """Digits after the point: four that matter below a thousand, none above."""
    size = abs(value)
    if size >= 1000:
        return 0
    return 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4


def _texts_of(
    feature: Feature, values: Floats, examples: Sequence[int], vocabulary: Sequence[str]
) -> list[str | None]:
    if len(examples) <= _FEW_VALUES:
        return [value_text(feature, values.item(example), vocabulary) for example in examples]
    distinct, places = np.unique(values[examples], return_inverse=True)
    texts = [value_text(feature, value, vocabulary) for value in distinct.tolist()]
    return [texts[place] for place in places.tolist()]
