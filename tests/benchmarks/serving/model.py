"""Company and model of the serving benchmarks: 140 features, and as many terms as a large model has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from docs.demo import body_of
from features.catalog.default_catalog import default_catalogue
from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from features.checks.checked_history import read_history
from features.funnel import SALES_FEATURES
from features.history.lead_history import LeadHistory
from models.bundle.bundle import Bundle
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Replica, Scorecard, Term
from tests.support.scorecards import EDGES_DAYS
from tests.support.small_models import bundle_of
from training.simulator.simulate import simulate_company

LEADS = 2_000
FEATURES = 140
REPLICAS, PAIRS = 10, 15
# Typical standard deviation of the terms of a fitted model over leads.
_SPREAD = 0.08


def simulated_history(folder: Path) -> LeadHistory:
    """Simulates a company of two thousand leads."""
    simulate_company(folder, leads_count=LEADS, seed=7)
    history = read_history(str(folder / "history")).history
    if history is None:
        raise ValueError(folder)
    return history


def features_of(history: LeadHistory, *, count: int = FEATURES) -> tuple[Feature, ...]:
    """Declares the default catalogue and more windows of its kinds: `count` with those of the sales side."""
    declared = {feature.name: feature for feature in default_catalogue(history).features}
    kinds = history.interactions.kind.values
    for days in (3, 14, 60, 90, 180):
        for kind in kinds:
            more = declare("count", kinds=[kind], window_days=days)
            if len(declared) + len(SALES_FEATURES) < count:
                declared.setdefault(more.name, more)
    return tuple(declared.values())


def full_bundle(history: LeadHistory, features: tuple[Feature, ...], *, seed: int = 1) -> Bundle:
    """Makes a bundle with a term for every feature and for fifteen pairs, and ten replicas."""
    chance = np.random.default_rng(seed)
    bins = tuple(_bins(history, feature, chance) for feature in features)
    positions = [(i,) for i in range(len(bins))] + [(2 * i, 2 * i + 1) for i in range(PAIRS)]
    shapes = [(*(bins[i].codes_count for i in term), len(EDGES_DAYS) - 1) for term in positions]
    tables = [chance.normal(0.0, _SPREAD, shape) for shape in shapes]
    average = chance.normal(-5.0, 0.4, len(EDGES_DAYS) - 1)
    replicas = tuple(
        Replica(average, tuple(table + chance.normal(0.0, 0.02, table.shape) for table in tables))
        for _ in range(REPLICAS)
    )
    scorecard = Scorecard(
        bins,
        np.array(EDGES_DAYS),
        30.0,
        tuple(Term(term, table) for term, table in zip(positions, tables, strict=True)),
        average,
        level_shift=0.1,
        level_spread=0.05,
        replicas=replicas,
    )
    return bundle_of(scorecard, FeatureSet(features).features)


def body_with(history: LeadHistory, *, interactions: int, with_account: bool = False) -> dict[str, Any]:
    """Writes the body of a lead that has at least `interactions` of them, with the last ones."""
    counts = np.diff(history.interactions.starts)
    lead = int(np.flatnonzero(counts >= interactions)[0])
    body = body_of(history, history.lead_ids[lead].as_py(), history.observed_until)
    body["interactions"] = body["interactions"][-interactions:]
    if not with_account:
        for name in ("account_id", "account_interactions"):
            body.pop(name, None)
    return body


def _bins(history: LeadHistory, feature: Feature, chance: np.random.Generator) -> FeatureBins:
    if feature.type == "category":
        attribute = history.attributes.get(feature.attribute or "")
        names = history.interactions.channel.values if attribute is None else attribute.categories
        return FeatureBins(feature.name, "category", np.empty(0), names)
    if feature.type == "boolean":
        return FeatureBins(feature.name, "boolean", np.array([0.5]))
    edges = np.unique(np.round(np.exp(chance.uniform(-1.0, 4.0, 20)), 1))
    return FeatureBins(feature.name, "number", edges)
