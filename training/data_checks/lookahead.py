"""No look-ahead, tested on the given history: features must not change when the future is removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import FeaturePlan, compile_plan
from features.findings.problems import Findings
from features.history.known import known_at
from features.history.lead_history import Bools, Floats, Ints
from training.examples.dataset import Dataset
from training.examples.feature_sets import union_of

# Moments of the grid and of creations that are tested: each needs a copy of the whole history up to it.
_MOMENTS_OF_EACH: Final = 3
_EXAMPLES_OF_A_MOMENT: Final = 200
_FEATURES_SHOWN: Final = 5


def check_future(dataset: Dataset, findings: Findings, *, seed: int) -> None:
    """Recomputes the features of a seeded sample of examples from what was known, and compares the bits.

    A difference is a defect of this program, not of the history.

    Args:
        dataset: of the training.
        findings: collects what is found.
        seed: of the sample.
    """
    plan = compile_plan(union_of((*dataset.feature_sets, *dataset.reference_feature_sets)))
    changed: set[str] = set()
    leads: set[int] = set()
    for positions in _sample(dataset, seed=seed):
        differs = _compare(dataset, plan, positions)
        changed |= {dataset.matrix.names[row] for row in np.flatnonzero(differs.any(axis=1))}
        leads |= set(dataset.lead[positions[differs.any(axis=0)]].tolist())
    if changed:
        more = ", ..." if len(changed) > _FEATURES_SHOWN else ""
        findings.add(
            "D058",
            count=len(leads),
            ids=dataset.history.lead_ids.take(sorted(leads)).to_pylist(),
            features=", ".join(sorted(changed)[:_FEATURES_SHOWN]) + more,
        )


def _sample(dataset: Dataset, *, seed: int) -> Iterator[Ints]:
    """Draws moments, and yields the positions of some examples at each of them."""
    rng = np.random.default_rng(seed)
    for population in (dataset.examples.from_creation, ~dataset.examples.from_creation):
        moments = np.unique(dataset.as_of[population])
        for moment in rng.permutation(moments)[:_MOMENTS_OF_EACH]:
            positions = np.flatnonzero(dataset.as_of == moment)
            yield np.sort(rng.permutation(positions)[:_EXAMPLES_OF_A_MOMENT])


def _compare(dataset: Dataset, plan: FeaturePlan, positions: Ints) -> Bools:
    """(features, positions) whether a value differs from that of the history without its future."""
    moment = int(dataset.as_of[positions[0]])
    past = known_at(dataset.history, moment)
    # Rows of the leads known then, which keep their order.
    row = np.cumsum(dataset.history.created_at <= moment) - 1
    examples = Examples(row[dataset.lead[positions]], dataset.as_of[positions])
    again = compute_features(plan, past, examples)
    values = dataset.matrix.values[:, positions]
    return np.stack(
        [
            _differs(original, recomputed, name, dataset.matrix, again)
            for name, original, recomputed in zip(dataset.matrix.names, values, again.values, strict=True)
        ]
    )


def _differs(values: Floats, again: Floats, name: str, matrix: FeatureMatrix, other: FeatureMatrix) -> Bools:
    """Compares the bits; categories by name, because a shorter list of names has other codes."""
    if name in matrix.vocabularies:
        return np.asarray(_names(values, matrix, name) != _names(again, other, name))
    is_same: Bools = (values.view(np.int64) == again.view(np.int64)) | (np.isnan(values) & np.isnan(again))
    return ~is_same


def _names(codes: Floats, matrix: FeatureMatrix, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(n,) names of codes, the empty name where missing."""
    names = np.array([*matrix.vocabularies[name], ""], dtype=object)
    return names[np.where(np.isnan(codes), -1, codes).astype(np.int64)]
