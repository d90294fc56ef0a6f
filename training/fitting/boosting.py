"""Boosts the hazard of the time bins: which features can be used, and the ensemble itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats, Ints
from models.scorecard.bins import ByteCodes, FeatureBins
from training.config import TrainingConfig
from training.fitting.binning import fit_bins
from training.fitting.coded_boosting import CodedBoostingClassifier
from training.fitting.design_matrix import BoostedHazard, Layout, hazard_inputs
from training.fitting.hazard_rows import HazardRows

# Boosting ends after this many trees without any gain on later rows.
PATIENCE: Final = 20
# Trees at most, as a multiple of the configured number, where later rows choose the number.
_MOST_TREES: Final = 4
# Newton steps, each a tree, that bring the level of each time bin to its maximum likelihood.
_LEVEL_STEPS: Final = 4
_DIRECTIONS: Final[Mapping[str, int]] = {"rises": 1, "falls": -1}


def fit_live_bins(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    rows: HazardRows,
    *,
    examples: Ints,
    lead: Ints,
    config: TrainingConfig,
) -> tuple[FeatureBins, ...]:
    """Chooses the bins of the features that are present in at least one row.

    A feature that is missing in all of them carries no information, and the ensemble refuses such a column.

    Args:
        matrix: (features, examples).
        feature_set: the features to use.
        rows: of the fit.
        examples: positions of those whose values decide the bins.
        lead: (examples,) row of each example's lead, of all examples.
        config: binning.
    """
    bins = fit_bins(matrix, feature_set, config=config, examples=examples, lead=lead)
    used = np.unique(rows.example)
    values = {name: matrix.values[row] for row, name in enumerate(matrix.names)}
    return tuple(each for each in bins if not np.isnan(values[each.name][used]).all())


def fit_hazard(
    codes: ByteCodes,
    layout: Layout,
    rows: HazardRows,
    *,
    config: TrainingConfig,
    later: HazardRows | None = None,
    is_restricted: bool = True,
) -> BoostedHazard:
    """Boosts the hazard of the time bins, by the features alone.

    One OpenMP thread is used, because sums over several threads differ in the last bit with their number. A
    random validation split, which the library would draw, leaks between the examples of one lead; only later
    rows end the boosting.

    The level of each time bin is boosted first, alone. Time bins have different lengths, and a campaign of
    last week has no rows in the later ones: with the levels in place, its effect in the bins it has reached
    holds in the later ones as well, on top of their level, and not whatever the trees happened to cut last.

    Args:
        codes: (examples, features).
        layout: of the columns.
        rows: to fit on.
        config: boosting parameters, monotonic.
        later: rows whose log loss chooses the number of trees; None takes `config.iterations`.
        is_restricted: whether each tree uses one feature and the time bin.
    """
    validation = {}
    if later is not None:
        inputs = hazard_inputs(codes[later.example], later.time_bin, layout, order="F")
        validation = {"X_val": inputs, "y_val": later.converted, "sample_weight_val": later.weight}
    inputs = hazard_inputs(codes[rows.example], rows.time_bin, layout, order="F")
    # scikit-learn cannot bin a feature that no row has; with one value it is binned and never used.
    inputs[:, np.isnan(inputs).all(axis=0)] = 0.0
    with threadpool_limits(limits=1, user_api="openmp"):
        model = _fit_levels(rows, layout, config=config)
        model.set_params(
            learning_rate=config.learning_rate,
            max_iter=_LEVEL_STEPS + config.iterations * (1 if later is None else _MOST_TREES),
            max_leaf_nodes=config.max_leaves,
            l2_regularization=config.l2_regularization,
            interaction_cst=layout.interaction_constraints if is_restricted else None,
            monotonic_cst=_directions(layout, config),
            early_stopping=later is not None,
            n_iter_no_change=PATIENCE,
            tol=0.0,
        )
        fitted: BoostedHazard = model.fit(inputs, rows.converted, sample_weight=rows.weight, **validation)
    return fitted


def _fit_levels(rows: HazardRows, layout: Layout, *, config: TrainingConfig) -> CodedBoostingClassifier:
    """Boosts the levels of the time bins alone, in an ensemble that the next fit continues."""
    time_bin, converted, weight = _level_rows(rows, most=config.min_leaf_rows)
    time_alone = np.zeros((len(time_bin), len(layout.bins) + 1))
    time_alone[:, -1] = time_bin
    model = CodedBoostingClassifier(
        learning_rate=1.0,
        max_iter=_LEVEL_STEPS,
        max_leaf_nodes=max(2, int(rows.time_bin.max()) + 1),
        min_samples_leaf=config.min_leaf_rows,
        categorical_features=layout.is_category,
        early_stopping=False,
        random_state=config.seed,
        warm_start=True,
    )
    fitted: CodedBoostingClassifier = model.fit(time_alone, converted, sample_weight=weight)
    return fitted


def _level_rows(rows: HazardRows, *, most: int) -> tuple[Ints, Ints, Floats]:
    """Joins rows of the same time bin and outcome into a few of the same weight together.

    All that the levels depend on is the weight of either outcome in a time bin, and whether a bin has enough
    rows for a leaf. So up to `most` rows of each stay, and a fit of 50,000 takes as long as one of 3,000.

    Returns:
        (n,) time bin, (n,) 1 where converted, (n,) weight.

    >>> none = np.zeros(3, dtype=np.int64)
    >>> _level_rows(HazardRows(none, none, none == 0, np.array([1.0, 2.0, 3.0])), most=2)
    (array([0, 0]), array([1, 1]), array([3., 3.]))
    """
    cell = 2 * rows.time_bin + rows.converted
    count, weight = np.bincount(cell), np.bincount(cell, rows.weight)
    kept = np.minimum(count, most)
    number = np.repeat(np.arange(len(count)), kept)
    return number // 2, number % 2, (weight / np.maximum(kept, 1))[number]


def _directions(layout: Layout, config: TrainingConfig) -> list[int]:
    """Lists the direction of each column: 1 where it must rise, -1 where it must fall, 0 where it is free."""
    of_features = [_DIRECTIONS.get(config.monotonic.get(bins.name, ""), 0) for bins in layout.bins]
    return [*of_features, 0]
