"""Scorecards of random tables, for proofs over many leads, and one whose answers are plain sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from models.bundle.bundle import Bundle
from models.bundle.card import Card
from models.scorecard.bins import ByteCodes, FeatureBins
from models.scorecard.scorecard import MEAN_RANGES, Misfit, Replica, Scorecard, Shrinkage, Term

EDGES_DAYS = (0.0, 1.0, 3.0, 7.0, 14.0, 21.0, 30.0, 60.0, 90.0)


def random_scorecard(
    *,
    seed: int = 0,
    features: int = 72,
    pairs: int = 8,
    time_bins: int = 8,
    spread: float = 0.15,
    level: float = -5.0,
    replicas: int = 0,
) -> Scorecard:
    """Terms of one feature each, then pairs of neighbours; logits of the given spread around the level."""
    chance = np.random.default_rng(seed)
    bins = tuple(
        FeatureBins(f"f{i}", "number", np.sort(chance.normal(size=chance.integers(1, 30))))
        for i in range(features)
    )
    chosen = [(i,) for i in range(features)] + [(2 * i, 2 * i + 1) for i in range(pairs)]
    shapes = [(*(bins[i].codes_count for i in positions), time_bins) for positions in chosen]
    edges = np.array(EDGES_DAYS) if time_bins == 8 else np.linspace(0.0, 30.0, time_bins + 1)
    average = level + chance.normal(0.0, 0.4, time_bins)
    return Scorecard(
        bins=bins,
        time_edges_days=edges,
        horizon_days=30.0,
        terms=tuple(
            Term(positions, chance.normal(0.0, spread, shape))
            for positions, shape in zip(chosen, shapes, strict=True)
        ),
        average=average,
        level_shift=0.1,
        level_spread=0.05,
        replicas=tuple(
            Replica(
                average + chance.normal(0.0, 0.1, time_bins),
                tuple(chance.normal(0.0, spread, shape) for shape in shapes),
            )
            for _ in range(replicas)
        ),
        misfit=Misfit(np.array([-4.0, -2.0]), np.array([0.3, 0.1])) if replicas else None,
        shrinkage=Shrinkage(np.array([-4.0, -1.0]), np.array([-0.4, 0.1])) if replicas else None,
        range_rule=MEAN_RANGES,
    )


def random_codes(scorecard: Scorecard, examples: int, *, seed: int = 1) -> ByteCodes:
    """(examples, features) codes, every one as likely as the others."""
    chance = np.random.default_rng(seed)
    columns = [chance.integers(0, one.codes_count, examples) for one in scorecard.bins]
    return np.column_stack(columns).astype(np.uint8)


def plain_scorecard(*, average: float = -2.0) -> Scorecard:
    """One time bin, so that logit P is a sum: average, calls 0, 1 or 2, DE 0.5, FR -0.5, a budget 0.25."""
    none = np.empty(0)
    logits = ([0, 0, 1, 2], [0, 0.5, -0.5, 0], [0, 0, 0.25])
    tables = [np.array(column, dtype=np.float64)[:, np.newaxis] for column in logits]
    return Scorecard(
        bins=(
            FeatureBins("calls_count", "number", np.array([1.0, 2.0])),
            FeatureBins("country", "category", none, ("DE", "FR")),
            FeatureBins("has_budget", "boolean", np.array([0.5])),
        ),
        time_edges_days=np.array([0.0, 30.0]),
        horizon_days=30.0,
        terms=tuple(Term((i,), column) for i, column in enumerate(tables)),
        average=np.array([average]),
    )


def bundle_with(scorecard: Scorecard, **card: Any) -> Bundle:
    """A bundle around a scorecard; every feature is an attribute."""
    features = tuple(
        Feature(one.name, "attribute", f"Label of {one.name}", type=one.type, attribute=one.name)
        for one in scorecard.bins
    )
    facts: dict[str, Any] = {
        "created_at": 1_767_225_600_123_456,
        "history_from": 0,
        "observed_until": 1_767_225_600_000_000,
        "horizon_days": scorecard.horizon_days,
        "time_edges_days": tuple(scorecard.time_edges_days.tolist()),
        "feature_set": FeatureSet(features).version,
    }
    return Bundle(Card(**{**facts, **card}), FeatureSet(features), scorecard)


def two_bins(**changes: Any) -> Scorecard:
    """One feature of three codes; the average lead has hazards 0.25 and 0.5, code 1 has 0.5 and 0.25."""
    table = np.array([[0.0, 0.0], [math.log(3.0), -math.log(3.0)], [1.0, 1.0]])
    average = np.array([-math.log(3.0), 0.0])  # hazards 0.25 and 0.5
    facts: dict[str, Any] = {
        "bins": (FeatureBins("calls_count", "number", np.array([1.0])),),
        "time_edges_days": np.array([0.0, 10.0, 30.0]),
        "horizon_days": 30.0,
        "terms": (Term((0,), table),),
        "average": average,
    }
    return Scorecard(**{**facts, **changes})


# Codes 0 and 1 of the one feature of `two_bins`.
TWO_CODES = np.array([[0], [1]], dtype=np.uint8)
