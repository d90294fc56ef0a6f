"""The baseline that shows what additivity costs: the same rows, boosted without any restriction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.scorecard.bins import FeatureBins, encode
from models.scorecard.scoring import bin_weights, log_odds
from training.baselines.baseline import Baseline, BaselineInputs
from training.config import TrainingConfig
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import Hazard, Layout, logits_of_codes
from training.fitting.fit_data import FitData
from training.fitting.model_selection import choose_trees
from training.fitting.time_splits import split_rows

UNRESTRICTED: Final = "unrestricted_hazard"


@dataclass(frozen=True, slots=True)
class UnrestrictedHazard:
    """An ensemble of the scorecard's rows, boosted without any restriction: no tables can be extracted.

    Attributes:
        bins: of the features.
        model: the ensemble.
        time_bins_count: K.
    """

    bins: tuple[FeatureBins, ...]
    model: Hazard
    time_bins_count: int

    def hazard_logits(self, matrix: FeatureMatrix, *, first_bins: int | None = None) -> Floats:
        """(examples, K) logit hazards, for `models.scorecard.scoring.log_odds(..., logits=)`.

        Args:
            matrix: (features, examples).
            first_bins: number of time bins to predict; those beyond them stay 0; None means all.
        """
        codes, predicted = encode(self.bins, matrix), first_bins or self.time_bins_count
        logits = np.zeros((len(codes), self.time_bins_count))
        logits[:, :predicted] = logits_of_codes(self.model, codes, Layout(self.bins), predicted)
        return logits


def fit_unrestricted(fit_data: FitData, *, config: TrainingConfig) -> UnrestrictedHazard:
    """Fits the ensemble on the same rows and bins as `fit_scorecard`, its trees chosen in the same way."""
    fit = partial(fit_hazard, fit_data.codes, Layout(fit_data.bins), is_restricted=False)
    split = split_rows(fit_data) if config.is_searching else None
    if split is not None:
        first = fit(split.early, config=config, later=split.late)
        trees = choose_trees(first, split, fit_data, config=config)
        config = config.model_copy(update={"iterations": trees})
    model = fit(fit_data.rows, config=config)
    return UnrestrictedHazard(fit_data.bins, model, len(fit_data.time_edges_days) - 1)


def _predict(inputs: BaselineInputs) -> Floats:
    """Predicts from the time bins below the main horizon."""
    first_bins = int(np.count_nonzero(bin_weights(inputs.scorecard, inputs.horizon_days)))
    hazard = fit_unrestricted(inputs.fit_data, config=inputs.config)
    logits = hazard.hazard_logits(inputs.tested, first_bins=first_bins)
    return log_odds(inputs.scorecard, inputs.codes, logits=logits)


BASELINE: Final = Baseline(name=UNRESTRICTED, label="unrestricted hazard, not readable", predict=_predict)
