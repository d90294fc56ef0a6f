"""The baseline that knows nothing of a lead: the share of past examples that converted."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Floats
from training.baselines.baseline import Baseline, BaselineInputs
from training.examples.labels import Labels, converted_within

BASE_RATE: Final = "base_rate"


def base_rate_log_odds(labels: Labels, horizon_days: float) -> float:
    """Computes the log-odds of the share of mature examples that converted.

    Half a conversion is added to either side, so that they are finite.

    Args:
        labels: as known at the origin.
        horizon_days: the main horizon.
    """
    outcome = converted_within(labels, horizon_days)
    mature = outcome[~np.isnan(outcome)]
    return float(np.log((mature.sum() + 0.5) / (len(mature) - mature.sum() + 0.5)))


def _predict(inputs: BaselineInputs) -> Floats:
    return np.full(len(inputs.test), base_rate_log_odds(inputs.labels, inputs.horizon_days))


BASELINE: Final = Baseline(
    name=BASE_RATE, label="base rate for every lead", predict=_predict, is_in_quick_trainings=True
)
