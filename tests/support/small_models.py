"""Models whose answer anyone can compute, and homes that hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.history.lead_history import Floats
from features.times import parse_time
from models.bundle.bundle import Bundle, write_bundle
from models.bundle.card import Card
from models.home.home import Home
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Scorecard, Term

NUMBERS = np.array([1.0, 2.0])
NO_EDGES = np.empty(0)

MEETINGS = Feature("meetings_count", "count", "Meetings held", kinds=("meeting_held",))
COUNTRY = Feature("country", "attribute", "Country", type="category", attribute="country")
BUDGET = Feature("has_budget", "attribute", "Has a budget", type="boolean", attribute="has_budget")
SIZE = Feature("size", "attribute", "Size", "people", attribute="size")
ACCOUNT = Feature("account_count", "count", "Interactions of the account", scope="account")


def table(*logits: float) -> Floats:
    """A table of one time bin: one logit a code."""
    return np.array(logits, dtype=np.float64)[:, np.newaxis]


def small_bundle(*, average: float = -2.0, shift: float = 0.0, version: str = "1", **card: Any) -> Bundle:
    """One time bin of 30 days, in which logit P is the plain sum: average + shift + meetings + country + ...

    No meeting 0, one 1, two and more 2; DE 0.5, FR -0.5, XX a hazard that no double holds; a budget 0.25;
    an interaction of the account 0.125. What is missing adds nothing.
    """
    bins = (
        FeatureBins("meetings_count", "number", NUMBERS),
        FeatureBins("country", "category", NO_EDGES, ("DE", "FR", "XX")),
        FeatureBins("has_budget", "boolean", np.array([0.5])),
        FeatureBins("account_count", "number", np.array([1.0])),
    )
    terms = (
        Term((0,), table(0, 0, 1, 2)),
        Term((1,), table(0, 0.5, -0.5, -2000, 0)),
        Term((2,), table(0, 0, 0.25)),
        Term((3,), table(0, 0, 0.125)),
    )
    scorecard = Scorecard(bins, np.array([0.0, 30.0]), 30.0, terms, np.array([average]), level_shift=shift)
    return bundle_of(scorecard, (MEETINGS, COUNTRY, BUDGET, ACCOUNT), version=version, **card)


def random_bundle(
    features: tuple[Feature, ...], categories: dict[str, tuple[str, ...]], *, seed: int
) -> Bundle:
    """Many features, four time bins, random tables, and a pair of the first two features."""
    chance = np.random.default_rng(seed)
    bins = tuple(_random_bins(feature, categories) for feature in features)
    terms = [Term((i,), chance.normal(0, 0.5, (one.codes_count, 4))) for i, one in enumerate(bins)]
    pair = chance.normal(0, 0.5, (bins[0].codes_count, bins[1].codes_count, 4))
    scorecard = Scorecard(
        bins=bins,
        time_edges_days=np.array([0.0, 3.0, 7.0, 30.0, 90.0]),
        horizon_days=30.0,
        terms=(*terms, Term((0, 1), pair)),
        average=chance.normal(-3, 0.5, 4),
        level_shift=0.1,
    )
    return bundle_of(scorecard, features)


def bundle_of(
    scorecard: Scorecard, features: tuple[Feature, ...], *, version: str = "1", **card: Any
) -> Bundle:
    """A bundle around a scorecard."""
    feature_set = FeatureSet(features)
    facts = {
        "created_at": parse_time("2026-01-01T00:00:00Z"),
        "history_from": parse_time("2025-01-01T00:00:00Z"),
        "observed_until": parse_time("2026-01-01T00:00:00Z"),
        "horizon_days": scorecard.horizon_days,
        "time_edges_days": tuple(scorecard.time_edges_days.tolist()),
        "feature_set": feature_set.version,
        "model_version": version,
    }
    return Bundle(Card(**{**facts, **card}), feature_set, scorecard)


def home_with(folder: Path, *bundles: Bundle) -> Home:
    """A home that holds bundles; the first is the champion."""
    home = Home(folder)
    for bundle in bundles:
        write_bundle(home.bundle_folder(bundle.version), bundle)
    home.swap_champion(bundles[0].version)
    return home


def _random_bins(feature: Feature, categories: dict[str, tuple[str, ...]]) -> FeatureBins:
    if feature.type == "category":
        return FeatureBins(feature.name, "category", NO_EDGES, categories[feature.name])
    edges = [0.5] if feature.type == "boolean" else [0.5, 1.0, 2.5, 7.0, 30.0]
    return FeatureBins(feature.name, feature.type, np.array(edges))
