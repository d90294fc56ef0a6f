"""Boosts the hazard of the time bins: which features can teach, and the ensemble itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from features.columns import Ints
from features.matrix import FeatureMatrix
from features.spec import FeatureSet
from models.bins import ByteCodes, FeatureBins
from training.binning import fit_bins
from training.config import TrainingConfig
from training.hazard_rows import HazardRows
from training.readoff import Hazard, hazard_inputs

# Newton steps that bring the level of each time bin to its maximum likelihood.
_LEVEL_STEPS: Final = 4


def fit_live_bins(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    rows: HazardRows,
    *,
    examples: Ints,
    config: TrainingConfig,
) -> tuple[FeatureBins, ...]:
    """Chooses the bins of the features that are present in at least one row.

    A feature that is missing in all of them has nothing to teach, and the ensemble cannot be given such a
    column.

    Args:
        matrix: (features, examples).
        feature_set: the features to use.
        rows: of the fit.
        examples: positions of those whose values decide the bins.
        config: binning.
    """
    bins = fit_bins(matrix, feature_set, config=config, examples=examples)
    used = np.unique(rows.example)
    values = {name: matrix.values[row] for row, name in enumerate(matrix.names)}
    return tuple(one for one in bins if not np.isnan(values[one.name][used]).all())


def fit_hazard(
    codes: ByteCodes,
    bins: Sequence[FeatureBins],
    rows: HazardRows,
    *,
    config: TrainingConfig,
    is_restricted: bool = True,
) -> Hazard:
    """Boosts the hazard of the time bins.

    One OpenMP thread: sums over several threads differ in the last bit with their number. Early stopping is
    off: its random validation split would leak between the examples of one lead.

    The level of each time bin comes first, alone. Time bins are of different lengths, and a campaign of last
    week has no rows in the later ones: what it adds in those it has reached then holds in the others as well,
    on top of their level, instead of falling to whatever the trees happened to cut last.

    Args:
        codes: (examples, features).
        bins: of the features.
        rows: what to fit on.
        config: boosting parameters.
        is_restricted: to terms of one feature, and of one feature by time bin.
    """
    features_count = len(bins)
    inputs = hazard_inputs(codes[rows.example], rows.time_bin, bins)
    time_alone = np.zeros_like(inputs)
    time_alone[:, -1] = rows.time_bin
    model = HistGradientBoostingClassifier(
        learning_rate=1.0,
        max_iter=_LEVEL_STEPS,
        max_leaf_nodes=max(2, int(rows.time_bin.max()) + 1),
        min_samples_leaf=config.min_leaf_rows,
        categorical_features=[*(one.type == "category" for one in bins), False],
        early_stopping=False,
        random_state=config.seed,
        warm_start=True,
    )
    with threadpool_limits(limits=1, user_api="openmp"):
        model.fit(time_alone, rows.converted, sample_weight=rows.weight)
        model.set_params(
            learning_rate=config.learning_rate,
            max_iter=_LEVEL_STEPS + config.iterations,
            max_leaf_nodes=config.max_leaves,
            l2_regularization=config.l2_regularization,
            interaction_cst=[{position, features_count} for position in range(features_count)]
            if is_restricted
            else None,
        )
        fitted: Hazard = model.fit(inputs, rows.converted, sample_weight=rows.weight)
    return fitted
