"""Leaks: a feature that alone predicts implausibly well who converts."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.metrics import roc_auc_score

from features.columns import Floats, Ints
from features.matrix import FeatureMatrix
from features.problems import Findings
from training.draws import spread_draw
from training.intervals import metric_figures
from training.labels import Bools
from training.material import Material

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


def check_single_features(material: Material, findings: Findings, *, seed: int) -> None:
    """Reports features that alone tell who converts: learnt on the earlier half, judged on the later one.

    Args:
        material: of the training; only mature examples are looked at.
        findings: collects what is found.
        seed: of the draws.
    """
    mature = np.flatnonzero(material.examples.from_creation & ~np.isnan(material.outcome))
    learn, judge = _halves(mature, material.as_of, seed=seed)
    converted = material.outcome == 1
    if min(len(np.unique(material.lead[part[converted[part]]])) for part in (learn, judge)) < (
        _CONVERSIONS_AT_LEAST
    ):
        return
    if converted[judge].all():
        return
    for name in material.matrix.names:
        promised = _promise(material.matrix, name, converted, learn=learn, judge=judge)
        if roc_auc_score(converted[judge], promised) < LIMIT:
            continue
        lead = material.lead[judge]
        figure = metric_figures(promised, converted[judge], lead, seed=seed, replicates=_REPLICATES)["auc"]
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


def _halves(positions: Ints, as_of: Ints, *, seed: int) -> tuple[Ints, Ints]:
    """Draws some examples and parts them at a moment: (earlier,) and (later,) positions."""
    ordered = positions[np.argsort(as_of[positions], kind="stable")]
    if len(ordered) > _EXAMPLES_AT_MOST:
        drawn, _ = spread_draw(len(ordered), _EXAMPLES_AT_MOST, rng=np.random.default_rng(seed))
        ordered = ordered[drawn]
    middle = len(ordered) // 2
    return ordered[:middle], ordered[middle:]


def _promise(matrix: FeatureMatrix, name: str, converted: Bools, *, learn: Ints, judge: Ints) -> Floats:
    """Gives (judge,) the share that converted among those learnt from with a like value."""
    values = matrix.column(name)
    edges = _edges(matrix, name, values[learn])
    codes = np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values))
    leads = np.bincount(codes[learn], minlength=len(edges) + 2)
    won = np.bincount(codes[learn], converted[learn], minlength=len(edges) + 2)
    shares: Floats = (won + _SHRINKAGE * converted[learn].mean()) / (leads + _SHRINKAGE)
    return shares[codes[judge]]


def _edges(matrix: FeatureMatrix, name: str, values: Floats) -> Floats:
    """Gives rising edges of bins: of equal mass for numbers, one bin for each name of a category."""
    if name in matrix.vocabularies:
        return np.arange(len(matrix.vocabularies[name]), dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0)
    edges = np.quantile(known, np.arange(_BINS) / _BINS, method="inverted_cdf")
    return np.asarray(np.unique(edges), dtype=np.float64)
