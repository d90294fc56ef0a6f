"""The terms of a scorecard for the report: what each code adds, and how many examples have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes, FeatureBins, encode
from models.scorecard.curves import axis_label, code_names, curve_points
from models.scorecard.scorecard import Scorecard, Term
from training.examples.dataset import Dataset
from training.sampling import spread_draw

# The distribution of this many examples is as good as that of all.
_MOST_EXAMPLES: Final = 20_000
_DISTRIBUTION: Final = 11  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Axis:
    """One feature of a term.

    Attributes:
        name: of the feature.
        label: for people, with its unit.
        codes: names of the codes, for people.
        share: (codes,) part of the training examples with each code.
    """

    name: str
    label: str
    codes: tuple[str, ...]
    share: Floats


@dataclass(frozen=True, slots=True)
class TermView:
    """One term with its axes and shares.

    Attributes:
        axes: of its one or two features.
        points: (codes_a[, codes_b]) log-odds at the main horizon against the average lead.
        early: the same within the first time bin.
        share: (codes_a[, codes_b]) part of the training examples.
        weight: mean absolute points over the training examples.
    """

    axes: tuple[Axis, ...]
    points: Floats
    early: Floats
    share: Floats
    weight: float


def training_codes(dataset: Dataset, scorecard: Scorecard, *, seed: int) -> ByteCodes:
    """Encodes the training examples of the final fit, evenly spread where there are very many.

    Args:
        dataset: with the matrix of all examples.
        scorecard: of the final fit.
        seed: of the draw.

    Returns:
        (examples, features)
    """
    training = np.flatnonzero(dataset.labels.observed_us > 0)
    rng = np.random.default_rng([seed, _DISTRIBUTION])
    drawn, _ = spread_draw(len(training), min(len(training), _MOST_EXAMPLES), rng=rng)
    matrix = dataset.matrix
    chosen = FeatureMatrix(matrix.names, matrix.values[:, training[drawn]], matrix.vocabularies)
    return encode(scorecard.bins, chosen)


def code_shares(scorecard: Scorecard, codes: ByteCodes) -> dict[str, list[float]]:
    """Computes by feature the part of the examples that has each code.

    Args:
        scorecard: with the bins.
        codes: (examples, features)
    """
    return {
        bins.name: _shares(codes[:, place], bins.codes_count).round(6).tolist()
        for place, bins in enumerate(scorecard.bins)
    }


def view_terms(
    scorecard: Scorecard, feature_set: FeatureSet, shares: Mapping[str, Sequence[float]], codes: ByteCodes
) -> list[TermView]:
    """Prepares every term, the one with the greatest weight first.

    Args:
        scorecard: final.
        feature_set: for labels and units.
        shares: of `code_shares`.
        codes: (examples, features) training examples, for how often two codes occur together.
    """
    features = {feature.name: feature for feature in feature_set.features}
    axes = [
        Axis(
            bins.name, axis_label(features.get(bins.name), bins.name), code_names(bins), _array(shares, bins)
        )
        for bins in scorecard.bins
    ]
    views = [_view(scorecard, term, axes, codes) for term in scorecard.terms]
    return sorted(views, key=lambda view: (-view.weight, view.axes[0].name))


def _view(scorecard: Scorecard, term: Term, axes: Sequence[Axis], codes: ByteCodes) -> TermView:
    """Prepares one term with its axes."""
    points = curve_points(scorecard, term)
    chosen = tuple(axes[place] for place in term.features)
    if len(chosen) == 1:
        share = chosen[0].share
    else:
        first, second = (codes[:, place].astype(np.int64) for place in term.features)
        share = _shares(first * points.shape[1] + second, points.size).reshape(points.shape)
    return TermView(chosen, points, term.table[..., 0], share, float((share * np.abs(points)).sum()))


def _array(shares: Mapping[str, Sequence[float]], bins: FeatureBins) -> Floats:
    """(codes,) shares of a feature."""
    return np.array(shares[bins.name], dtype=np.float64)


def _shares(codes: np.ndarray[tuple[int], np.dtype[np.integer]], codes_count: int) -> Floats:
    """(codes,) part of the examples with each code."""
    shares: Floats = np.bincount(codes, minlength=codes_count) / max(1, len(codes))
    return shares
