"""The baseline that shows what additivity costs: the same rows, boosted without any restriction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from models.scorecard.bins import FeatureBins, encode
from models.scorecard.scoring import bin_weights, log_odds
from training.baselines.baseline import Baseline, BaselineInputs
from training.config import TrainingConfig
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import BoostedHazard, Hazard, Layout, logits_of_codes
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import HazardRows
from training.fitting.model_selection import choose_trees
from training.fitting.time_splits import split_rows

UNRESTRICTED: Final = "unrestricted_hazard"
_TREES: Final = "trees"


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


def fit_unrestricted(
    fit_data: FitData, *, config: TrainingConfig, trees: int | None = None
) -> UnrestrictedHazard:
    """Fits the ensemble on the same rows and bins as `fit_scorecard`.

    Args:
        fit_data: of the scorecard.
        config: boosting parameters.
        trees: their number, where an earlier origin chose it; None chooses as for the scorecard.
    """
    trees = _choose_trees(fit_data, config=config) if trees is None else trees
    config = config.model_copy(update={"iterations": trees})
    model = _fit(fit_data, fit_data.rows, config=config)
    return UnrestrictedHazard(fit_data.bins, model, len(fit_data.time_edges_days) - 1)


def _choose_trees(fit_data: FitData, *, config: TrainingConfig) -> int:
    """Chooses the number of trees on later rows, in the same way as for the scorecard."""
    split = split_rows(fit_data) if config.is_searching else None
    if split is None:
        return config.iterations
    first = _fit(fit_data, split.early, config=config, later=split.late)
    return choose_trees(first, split, fit_data, config=config)


def _fit(
    fit_data: FitData, rows: HazardRows, *, config: TrainingConfig, later: HazardRows | None = None
) -> BoostedHazard:
    layout = Layout(fit_data.bins)
    return fit_hazard(fit_data.codes, layout, rows, config=config, later=later, is_restricted=False)


def _tune(inputs: BaselineInputs) -> Mapping[str, Any]:
    """Chooses the number of trees."""
    return {_TREES: _choose_trees(inputs.fit_data, config=inputs.config)}


def _predict(inputs: BaselineInputs) -> Floats:
    """Predicts from the time bins below the main horizon."""
    first_bins = int(np.count_nonzero(bin_weights(inputs.scorecard, inputs.horizon_days)))
    trees = inputs.settings.get(UNRESTRICTED, {}).get(_TREES)
    hazard = fit_unrestricted(inputs.fit_data, config=inputs.config, trees=trees)
    logits = hazard.hazard_logits(inputs.tested, first_bins=first_bins)
    return log_odds(inputs.scorecard, inputs.codes, logits=logits)


BASELINE: Final = Baseline(
    name=UNRESTRICTED, label="unrestricted hazard, not readable", predict=_predict, tune=_tune
)
