"""The additive boosted hazard: the rows it is fitted on, the fit, and the scorecard that comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from features.columns import Floats, Ints
from features.matrix import FeatureMatrix
from features.spec import FeatureSet
from models.bins import ByteCodes, FeatureBins, encode
from models.scorecard import Scorecard
from training.binning import fit_bins
from training.config import TrainingConfig
from training.hazard_rows import HazardRows, choose_rows, taught_examples
from training.labels import Labels
from training.readoff import Hazard, hazard_inputs, read_off


@dataclass(frozen=True, slots=True)
class FittedHazard:
    """What a fit leaves behind.

    Attributes:
        scorecard: without level shift and replicas.
        feature_set: the features that the scorecard uses; the others earned nothing.
        rows_count: rows fitted on.
        conversions_count: positive rows among them, before thinning.
        examples_count: examples with at least one observed time bin.
    """

    scorecard: Scorecard
    feature_set: FeatureSet
    rows_count: int
    conversions_count: int
    examples_count: int


@dataclass(frozen=True, slots=True)
class UnrestrictedHazard:
    """The yardstick: the same rows, boosted without any restriction, so that it cannot be read.

    Attributes:
        bins: of the features.
        model: the ensemble.
        time_bins_count: K.
    """

    bins: tuple[FeatureBins, ...]
    model: Hazard
    time_bins_count: int

    def hazard_logits(self, matrix: FeatureMatrix) -> Floats:
        """(examples, K) logit hazards, for `models.scorecard.log_odds(..., logits=)`."""
        codes = encode(self.bins, matrix)
        logits = np.empty((len(codes), self.time_bins_count))
        for time_bin in range(self.time_bins_count):
            bin_of_all = np.full(len(codes), time_bin, dtype=np.int64)
            logits[:, time_bin] = self.model.decision_function(hazard_inputs(codes, bin_of_all, self.bins))
        return logits


def fit_scorecard(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    labels: Labels,
    *,
    time_edges_days: Sequence[float],
    horizon_days: float,
    config: TrainingConfig,
) -> FittedHazard:
    """Fits the additive hazard and reads it off as a scorecard.

    Only examples with an observed time bin teach: with labels as known at an origin, those after it have
    none, so that one matrix of all examples serves every origin.

    Args:
        matrix: (features, examples).
        feature_set: the features to use, as derived from what was known.
        labels: of the examples.
        time_edges_days: (K + 1,) as far as the labels tell about.
        horizon_days: the main horizon, within the last edge.
        config: binning, thinning, boosting.

    Raises:
        NotAdditiveError: the ensemble is not the sum of its tables.
    """
    rows = choose_rows(labels, time_edges_days, config=config)
    examples = taught_examples(labels, time_edges_days)
    bins = fit_live_bins(matrix, feature_set, rows, examples=examples, config=config)
    codes = encode(bins, matrix)
    model = fit_hazard(codes, bins, rows, config=config)
    scorecard = read_off(
        model,
        bins,
        codes[examples],
        time_edges_days=time_edges_days,
        horizon_days=horizon_days,
        seed=config.seed,
    )
    used = {one.name for one in scorecard.bins}
    return FittedHazard(
        scorecard=scorecard,
        feature_set=FeatureSet(tuple(one for one in feature_set.features if one.name in used)),
        rows_count=len(rows.example),
        conversions_count=round(float(rows.weight[rows.converted].sum())),
        examples_count=len(examples),
    )


def fit_unrestricted(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    labels: Labels,
    *,
    time_edges_days: Sequence[float],
    config: TrainingConfig,
) -> UnrestrictedHazard:
    """Fits the yardstick on the same rows and bins as `fit_scorecard`, same arguments."""
    rows = choose_rows(labels, time_edges_days, config=config)
    examples = taught_examples(labels, time_edges_days)
    bins = fit_live_bins(matrix, feature_set, rows, examples=examples, config=config)
    model = fit_hazard(encode(bins, matrix), bins, rows, config=config, is_restricted=False)
    return UnrestrictedHazard(bins, model, len(time_edges_days) - 1)


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

    Args:
        codes: (examples, features).
        bins: of the features.
        rows: what to fit on.
        config: boosting parameters.
        is_restricted: to terms of one feature, and of one feature by time bin.
    """
    features_count = len(bins)
    model = HistGradientBoostingClassifier(
        learning_rate=config.learning_rate,
        max_iter=config.iterations,
        max_leaf_nodes=config.max_leaves,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.l2_regularization,
        categorical_features=[*(one.type == "category" for one in bins), False],
        interaction_cst=[{position, features_count} for position in range(features_count)]
        if is_restricted
        else None,
        early_stopping=False,
        random_state=config.seed,
    )
    inputs = hazard_inputs(codes[rows.example], rows.time_bin, bins)
    with threadpool_limits(limits=1, user_api="openmp"):
        fitted: Hazard = model.fit(inputs, rows.converted, sample_weight=rows.weight)
    return fitted
