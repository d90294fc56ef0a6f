"""The additive boosted hazard: the rows it is fitted on, the fit, and the scorecard that comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats
from features.matrix import FeatureMatrix
from features.spec import FeatureSet
from models.bins import FeatureBins, encode
from models.scorecard import Scorecard
from training.boosting import fit_hazard, fit_live_bins
from training.config import TrainingConfig
from training.hazard_rows import choose_rows, taught_examples
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

    def hazard_logits(self, matrix: FeatureMatrix, *, bins_asked: int | None = None) -> Floats:
        """(examples, K) logit hazards, for `models.scorecard.log_odds(..., logits=)`.

        Args:
            matrix: (features, examples).
            bins_asked: time bins that are asked about, the first ones: those beyond the horizon weigh nothing
                and stay 0; None means all.
        """
        codes = encode(self.bins, matrix)
        logits = np.zeros((len(codes), self.time_bins_count))
        for time_bin in range(self.time_bins_count if bins_asked is None else bins_asked):
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
