"""No look-ahead, tried on the history at hand: features must not change when the future is removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from features.engine.engine import compile_plan, compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import FeaturePlan
from features.findings.problems import Findings
from features.history.known import known_at
from features.history.lead_history import Bools, Floats, Ints
from training.examples.dataset import Material, union_of

# Moments of the grid and of creations that are tried: each costs a cut through the whole history.
_MOMENTS_OF_EACH: Final = 3
_EXAMPLES_OF_A_MOMENT: Final = 200
_FEATURES_SHOWN: Final = 5


def check_future(material: Material, findings: Findings, *, seed: int) -> None:
    """Recomputes a seeded sample of examples on what was known, and compares to the bit.

    What it finds is a defect of ours: features are cut at `as_of` in one place.

    Args:
        material: of the training.
        findings: collects what is found.
        seed: of the sample.
    """
    plan = compile_plan(union_of((*material.feature_sets, *material.rival_feature_sets)))
    changed: set[str] = set()
    leads: set[int] = set()
    for positions in _sample(material, seed=seed):
        differs = _compare(material, plan, positions)
        changed |= {material.matrix.names[row] for row in np.flatnonzero(differs.any(axis=1))}
        leads |= set(material.lead[positions[differs.any(axis=0)]].tolist())
    if changed:
        more = ", ..." if len(changed) > _FEATURES_SHOWN else ""
        findings.add(
            "D058",
            count=len(leads),
            ids=material.history.lead_ids.take(sorted(leads)).to_pylist(),
            features=", ".join(sorted(changed)[:_FEATURES_SHOWN]) + more,
        )


def _sample(material: Material, *, seed: int) -> Iterator[Ints]:
    """Draws moments, and gives the positions of examples at each of them."""
    rng = np.random.default_rng(seed)
    for population in (material.examples.from_creation, ~material.examples.from_creation):
        moments = np.unique(material.as_of[population])
        for moment in rng.permutation(moments)[:_MOMENTS_OF_EACH]:
            there = np.flatnonzero(material.as_of == moment)
            yield np.sort(rng.permutation(there)[:_EXAMPLES_OF_A_MOMENT])


def _compare(material: Material, plan: FeaturePlan, positions: Ints) -> Bools:
    """Tells (features, positions) whether a value differs from that of the history without its future."""
    moment = int(material.as_of[positions[0]])
    past = known_at(material.history, moment)
    # The leads known then keep their order.
    row = np.cumsum(material.history.created_at <= moment) - 1
    examples = Examples(row[material.lead[positions]], material.as_of[positions])
    again = compute_features(plan, past, examples)
    values = material.matrix.values[:, positions]
    return np.stack(
        [
            _differs(one, other, name, material.matrix, again)
            for name, one, other in zip(material.matrix.names, values, again.values, strict=True)
        ]
    )


def _differs(values: Floats, again: Floats, name: str, matrix: FeatureMatrix, other: FeatureMatrix) -> Bools:
    """Compares to the bit; categories by name, since a shorter list of names has other codes."""
    if name in matrix.vocabularies:
        return np.asarray(_names(values, matrix, name) != _names(again, other, name))
    is_same: Bools = (values.view(np.int64) == again.view(np.int64)) | (np.isnan(values) & np.isnan(again))
    return ~is_same


def _names(codes: Floats, matrix: FeatureMatrix, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(n,) names of codes, the empty name where missing."""
    names = np.array([*matrix.vocabularies[name], ""], dtype=object)
    return names[np.where(np.isnan(codes), -1, codes).astype(np.int64)]
