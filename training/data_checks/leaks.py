"""Leaks: a feature that alone predicts implausibly well who converts."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.findings.problems import Findings
from features.history.lead_history import Bools, Floats, Ints
from features.times import NEVER_US
from training.examples.dataset import Dataset
from training.sampling import spread_draw

# Whole models of leads in time order reach 0.63 to 0.85, so a feature above 0.95 is probably a leak. The best
# single feature of the histories tried reached 0.67 at creation.
LIMIT: Final = 0.95
# The lower end of the interval must exceed this as well: few conversions can reach a high AUC by chance.
_LOWER_LIMIT: Final = 0.9

# Only examples at creation or soon after: later, silence alone separates most lost leads from open ones
# without any leak, and kinds that come with the conversion have a check of their own.
_EXAMPLES_AT_MOST: Final = 20_000
# Leads that must convert in the earlier half, and in the later one.
_CONVERSIONS_AT_LEAST: Final = 30
_BINS: Final = 16
# Examples with the average outcome that are added to each bin, so that rare values stay near the average.
_SHRINKAGE: Final = 5.0
_REPLICATES: Final = 200


def check_single_features(dataset: Dataset, findings: Findings, *, seed: int) -> None:
    """Reports features that alone predict who converts: fitted on the earlier half, tested on the later one.

    Two outcomes are predicted, conversion within the horizon and conversion at all, because an attribute that
    was filled in afterwards reveals late conversions too.

    Args:
        dataset: of the training; only mature examples are used.
        findings: collects what is found.
        seed: of the draws.
    """
    mature = np.flatnonzero(dataset.examples.from_creation & ~np.isnan(dataset.outcome))
    training, test = _halves(mature, dataset.as_of, seed=seed)
    ever = dataset.labels.time_to_conversion_us < NEVER_US
    outcomes = [
        converted
        for converted in (dataset.outcome == 1, ever)
        if all(_has_enough(converted[half], dataset.lead[half]) for half in (training, test))
    ]
    clusters = dataset.clusters
    for name in dataset.matrix.names if outcomes else ():
        codes, count = _codes(dataset.matrix, name, training=training)
        shares = [_shares(codes[training], converted[training], count) for converted in outcomes]
        aucs = [
            _auc(share, codes[test], converted[test])
            for share, converted in zip(shares, outcomes, strict=True)
        ]
        best = int(np.argmax(aucs))
        if aucs[best] < LIMIT:
            continue
        # Imported late: scikit-learn takes a second, and hardly any history has such a feature.
        from training.metrics.bootstrap import Bootstrap, metric_estimates

        predicted = shares[best][codes[test]]
        bootstrap = Bootstrap(seed, _REPLICATES)
        auc = metric_estimates(predicted, outcomes[best][test], clusters[test], bootstrap)["auc"]
        if auc.low > _LOWER_LIMIT:
            findings.add(
                "D055",
                count=len(np.unique(dataset.lead[test])),
                feature=name,
                auc=f"{auc.value:.3f}",
                low=f"{auc.low:.3f}",
                high=f"{auc.high:.3f}",
                limit=f"{LIMIT:g}",
            )


def _has_enough(converted: Bools, lead: Ints) -> bool:
    """Tells whether enough leads converted, and not all examples did."""
    return len(np.unique(lead[converted])) >= _CONVERSIONS_AT_LEAST and not converted.all()


def _halves(positions: Ints, as_of: Ints, *, seed: int) -> tuple[Ints, Ints]:
    """Draws some examples and splits them at a moment: (earlier,) and (later,) positions."""
    ordered = positions[np.argsort(as_of[positions], kind="stable")]
    if len(ordered) > _EXAMPLES_AT_MOST:
        drawn, _ = spread_draw(len(ordered), _EXAMPLES_AT_MOST, rng=np.random.default_rng(seed))
        ordered = ordered[drawn]
    middle = len(ordered) // 2
    return ordered[:middle], ordered[middle:]


def _codes(matrix: FeatureMatrix, name: str, *, training: Ints) -> tuple[Ints, int]:
    """(examples,) bins of a feature, 0 where missing, and the number of bins."""
    values = matrix.column(name)
    edges = _edges(matrix, name, values[training])
    codes = np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values))
    return codes.astype(np.int64), len(edges) + 2


def _shares(codes: Ints, converted: Bools, count: int) -> Floats:
    """(bins,) share that converted, shrunken to the average where a bin has few examples."""
    won = np.bincount(codes, converted, count) + _SHRINKAGE * converted.mean()
    shares: Floats = won / (np.bincount(codes, minlength=count) + _SHRINKAGE)
    return shares


def _auc(shares: Floats, codes: Ints, converted: Bools) -> float:
    """Computes the AUC of shares by bin from counts: scikit-learn's would double the time of the check.

    >>> _auc(np.array([0.1, 0.5, 0.5]), np.array([0, 1, 2, 2]), np.array([False, False, True, True]))
    0.75
    """
    rank = np.unique(shares, return_inverse=True)[1][codes]
    won, lost = np.bincount(rank, converted), np.bincount(rank, ~converted)
    below = np.cumsum(lost) - lost / 2
    return float((won * below).sum() / (won.sum() * lost.sum()))


def _edges(matrix: FeatureMatrix, name: str, values: Floats) -> Floats:
    """Chooses rising edges of bins: of equal mass for numbers, one bin for each name of a category."""
    if name in matrix.vocabularies:
        return np.arange(len(matrix.vocabularies[name]), dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0)
    edges = np.quantile(known, np.arange(_BINS) / _BINS, method="inverted_cdf")
    return np.asarray(np.unique(edges), dtype=np.float64)
