"""Every baseline, in the order in which figures list them; a new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.history.lead_history import Floats, Ints
from training.baselines import base_rate, logistic, mature_boosting, rule_points, unrestricted
from training.baselines.baseline import Baseline, BaselineInputs
from training.config import TrainingConfig
from training.examples.dataset import Dataset

BASELINES: Final[tuple[Baseline, ...]] = (
    base_rate.BASELINE,
    unrestricted.BASELINE,
    logistic.BASELINE,
    mature_boosting.BASELINE,
    rule_points.BASELINE,
)
LABEL_OF_BASELINE: Final[Mapping[str, str]] = {baseline.name: baseline.label for baseline in BASELINES}


def predict_baselines(inputs: BaselineInputs, *, is_quick: bool) -> dict[str, Floats]:
    """Fits the baselines that read the matrix, and predicts with each.

    Args:
        inputs: of the origin.
        is_quick: whether only those of a quick training are fitted.

    Returns:
        By name, (m,) log-odds at the main horizon; those that could not be fitted are left out.
    """
    fitted = {
        baseline.name: baseline.predict(inputs)
        for baseline in BASELINES
        if baseline.predict is not None and (baseline.is_in_quick_trainings or not is_quick)
    }
    return {name: predicted for name, predicted in fitted.items() if predicted is not None}


def predict_from_history(
    dataset: Dataset, test: Ints, at: int, *, config: TrainingConfig
) -> dict[str, Floats]:
    """Predicts with the baselines that have features of their own.

    Args:
        dataset: the history and its examples.
        test: (m,) positions of the examples to predict, among all that were drawn.
        at: the origin, microseconds UTC; nothing later is known.
        config: of the fits.

    Returns:
        By name, (m,) log-odds at the main horizon.
    """
    return {
        baseline.name: baseline.predict_from_history(dataset, test, at, config)
        for baseline in BASELINES
        if baseline.predict_from_history is not None
    }
