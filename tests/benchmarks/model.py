"""A model of full size for the night: a term for every feature, twelve pairs, ten replicas."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.bundle.bundle import Bundle
from models.bundle.card import Card
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Replica, Scorecard, Term
from tests.benchmarks.company import AS_OF

_TIME_EDGES_DAYS: Final = (0.0, 1.0, 3.0, 7.0, 14.0, 21.0, 30.0, 60.0, 90.0)
_PAIRS: Final = 12
_REPLICAS: Final = 10
_EDGES_AT_MOST: Final = 40


def benchmark_bundle(feature_set: FeatureSet, matrix: FeatureMatrix, *, seed: int = 1) -> Bundle:
    """Makes a bundle whose tables are random, with edges at quantiles of the values.

    Args:
        feature_set: every feature of it becomes a term.
        matrix: values whose quantiles are the edges.
        seed: of the tables.
    """
    random = np.random.default_rng(seed)
    bins = tuple(_bins(feature, matrix) for feature in feature_set.features)
    positions = [(position,) for position in range(len(bins))]
    positions += [(8 + pair, 40 + 2 * pair) for pair in range(_PAIRS)]
    bins_count = len(_TIME_EDGES_DAYS) - 1
    shapes = [(*(bins[position].codes_count for position in term), bins_count) for term in positions]
    tables = [random.normal(0, 0.15, shape) for shape in shapes]
    average = random.normal(-5, 0.3, bins_count)
    replicas = tuple(
        Replica(average, tuple(table + random.normal(0, 0.03, table.shape) for table in tables))
        for _ in range(_REPLICAS)
    )
    terms = tuple(Term(term, table) for term, table in zip(positions, tables, strict=True))
    scorecard = Scorecard(
        bins, np.array(_TIME_EDGES_DAYS), 30.0, terms, average, level_spread=0.05, replicas=replicas
    )
    card = Card(
        created_at=AS_OF,
        history_from=AS_OF,
        observed_until=AS_OF,
        horizon_days=30.0,
        time_edges_days=_TIME_EDGES_DAYS,
        feature_set=feature_set.version,
        model_version="1",
    )
    return Bundle(card, feature_set, scorecard)


def _bins(feature: Feature, matrix: FeatureMatrix) -> FeatureBins:
    if feature.type == "category":
        return FeatureBins(feature.name, "category", np.empty(0), matrix.vocabularies[feature.name])
    if feature.type == "boolean":
        return FeatureBins(feature.name, "boolean", np.array([0.5]))
    return FeatureBins(feature.name, feature.type, _edges(matrix.column(feature.name)))


def _edges(values: Floats) -> Floats:
    known = values[~np.isnan(values)]
    edges: Floats = np.unique(np.quantile(known, np.linspace(0.02, 0.98, _EDGES_AT_MOST)))
    return edges
