"""Leaks: a feature that alone predicts implausibly well who converts."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.findings.problems import Findings
from features.history.lead_history import Bools, Floats, Ints
from features.times import NEVER_US
from training.examples.dataset import Dataset
from training.metrics.bootstrap import metric_estimates
from training.sampling import spread_draw

# Whole models of leads in time order reach 0.63 to 0.85; above 0.95 look for a leak. The best single feature
# of the histories tried reached 0.67 at creation.
LIMIT: Final = 0.95
# What the lower end of the interval must exceed as well: few conversions make a high figure by chance.
_LOWER_LIMIT: Final = 0.9

# Only examples at creation or soon after: later on, silence alone honestly tells most dead leads from live
# ones, and kinds that come with the conversion have a check of their own.
_EXAMPLES_AT_MOST: Final = 20_000
# Leads that must convert among those learnt from, and among those judged.
_CONVERSIONS_AT_LEAST: Final = 30
_BINS: Final = 16
# Examples of the average that each bin gets on top: a rare value says little.
_SHRINKAGE: Final = 5.0
_REPLICATES: Final = 200


def check_single_features(dataset: Dataset, findings: Findings, *, seed: int) -> None:
    """Reports features that alone tell who converts: learnt on the earlier half, judged on the later one.

    Who converts within the horizon is asked, and who converts at all: what was filled in as of today knows of
    late conversions, too.

    Args:
        dataset: of the training; only mature examples are looked at.
        findings: collects what is found.
        seed: of the draws.
    """
    mature = np.flatnonzero(dataset.examples.from_creation & ~np.isnan(dataset.outcome))
    learn, judge = _halves(mature, dataset.as_of, seed=seed)
    ever = dataset.labels.time_to_conversion_us < NEVER_US
    questions = [
        converted
        for converted in (dataset.outcome == 1, ever)
        if all(_tells(converted[part], dataset.lead[part]) for part in (learn, judge))
    ]
    for name in dataset.matrix.names if questions else ():
        codes, count = _codes(dataset.matrix, name, learn=learn)
        shares = [_shares(codes[learn], converted[learn], count) for converted in questions]
        aucs = [
            _auc(share, codes[judge], converted[judge])
            for share, converted in zip(shares, questions, strict=True)
        ]
        best = int(np.argmax(aucs))
        if aucs[best] < LIMIT:
            continue
        predicted, converted, lead = shares[best][codes[judge]], questions[best][judge], dataset.lead[judge]
        figure = metric_estimates(predicted, converted, lead, seed=seed, replicates=_REPLICATES)["auc"]
        if figure.low > _LOWER_LIMIT:
            findings.add(
                "D055",
                count=len(np.unique(lead)),
                feature=name,
                auc=f"{figure.value:.3f}",
                low=f"{figure.low:.3f}",
                high=f"{figure.high:.3f}",
                limit=f"{LIMIT:g}",
            )


def _tells(converted: Bools, lead: Ints) -> bool:
    """Tells whether enough leads converted, and not all."""
    return len(np.unique(lead[converted])) >= _CONVERSIONS_AT_LEAST and not converted.all()


def _halves(positions: Ints, as_of: Ints, *, seed: int) -> tuple[Ints, Ints]:
    """Draws some examples and parts them at a moment: (earlier,) and (later,) positions."""
    ordered = positions[np.argsort(as_of[positions], kind="stable")]
    if len(ordered) > _EXAMPLES_AT_MOST:
        drawn, _ = spread_draw(len(ordered), _EXAMPLES_AT_MOST, rng=np.random.default_rng(seed))
        ordered = ordered[drawn]
    middle = len(ordered) // 2
    return ordered[:middle], ordered[middle:]


def _codes(matrix: FeatureMatrix, name: str, *, learn: Ints) -> tuple[Ints, int]:
    """Gives (examples,) bins of a feature, 0 where missing, and how many bins there are."""
    values = matrix.column(name)
    edges = _edges(matrix, name, values[learn])
    codes = np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values))
    return codes.astype(np.int64), len(edges) + 2


def _shares(codes: Ints, converted: Bools, count: int) -> Floats:
    """Gives (bins,) the share that converted, drawn to the average where there are few."""
    won = np.bincount(codes, converted, count) + _SHRINKAGE * converted.mean()
    shares: Floats = won / (np.bincount(codes, minlength=count) + _SHRINKAGE)
    return shares


def _auc(shares: Floats, codes: Ints, converted: Bools) -> float:
    """Computes the AUC of shares by bin from counts: scikit-learn takes as long as all else for each feature.

    >>> _auc(np.array([0.1, 0.5, 0.5]), np.array([0, 1, 2, 2]), np.array([False, False, True, True]))
    0.75
    """
    rank = np.unique(shares, return_inverse=True)[1][codes]
    won, lost = np.bincount(rank, converted), np.bincount(rank, ~converted)
    below = np.cumsum(lost) - lost / 2
    return float((won * below).sum() / (won.sum() * lost.sum()))


def _edges(matrix: FeatureMatrix, name: str, values: Floats) -> Floats:
    """Gives rising edges of bins: of equal mass for numbers, one bin for each name of a category."""
    if name in matrix.vocabularies:
        return np.arange(len(matrix.vocabularies[name]), dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0)
    edges = np.quantile(known, np.arange(_BINS) / _BINS, method="inverted_cdf")
    return np.asarray(np.unique(edges), dtype=np.float64)
