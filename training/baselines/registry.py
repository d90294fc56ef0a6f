"""Every baseline, in the order in which figures list them; a new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np

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


# A reason longer than this would fill the report with arrays.
_REASON_LETTERS: Final = 200
_ONE_OUTCOME: Final = "the examples whose horizon had passed all had one outcome"


@dataclass(frozen=True, slots=True)
class BaselinePredictions:
    """What the baselines predict at an origin.

    Attributes:
        log_odds: by name, (m,) at the main horizon.
        failed: by name of a baseline that could not be fitted, the reason.
        settings: by name of a baseline that chooses before its fit, what it chose.
    """

    log_odds: Mapping[str, Floats]
    failed: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def predict_baselines(inputs: BaselineInputs, *, is_quick: bool) -> BaselinePredictions:
    """Fits the baselines that read the matrix, and predicts with each.

    Args:
        inputs: of the origin.
        is_quick: whether only those of a quick training are fitted.
    """
    settings = dict(inputs.settings)
    predictions = _predictions(
        {
            baseline.name: partial(_tune_and_predict, baseline, inputs, settings)
            for baseline in BASELINES
            if baseline.predict is not None and (baseline.is_in_quick_trainings or not is_quick)
        }
    )
    return replace(predictions, settings=settings)


def _tune_and_predict(
    baseline: Baseline, inputs: BaselineInputs, settings: dict[str, Mapping[str, Any]]
) -> Floats | None:
    """Predicts with the settings of an earlier origin, or chooses them first and adds them."""
    if baseline.predict is None:
        return None
    if baseline.tune is not None and baseline.name not in settings:
        chosen = baseline.tune(inputs)
        if chosen is None:
            return None
        settings[baseline.name] = chosen
    return baseline.predict(replace(inputs, settings=settings))


def predict_from_history(
    dataset: Dataset, test: Ints, at: int, *, config: TrainingConfig
) -> BaselinePredictions:
    """Predicts with the baselines that have features of their own.

    Args:
        dataset: the history and its examples.
        test: (m,) positions of the examples to predict, among all that were drawn.
        at: the origin, microseconds UTC; nothing later is known.
        config: of the fits.
    """
    return _predictions(
        {
            baseline.name: partial(baseline.predict_from_history, dataset, test, at, config)
            for baseline in BASELINES
            if baseline.predict_from_history is not None
        }
    )


def _predictions(fits: Mapping[str, Callable[[], Floats | None]]) -> BaselinePredictions:
    """Makes each fit by itself: a baseline is there for comparison and must not end a training."""
    log_odds: dict[str, Floats] = {}
    failed: dict[str, str] = {}
    for name, fit in fits.items():
        try:
            predicted = fit()
        except Exception as error:  # noqa: BLE001 - libraries raise anything; the reason is reported
            failed[name] = _reason(error)
            continue
        if predicted is None:
            failed[name] = _ONE_OUTCOME
        elif not np.isfinite(predicted).all():
            failed[name] = "it predicted log-odds that are not finite"
        else:
            log_odds[name] = predicted
    return BaselinePredictions(log_odds, failed)


def _reason(error: Exception) -> str:
    """Words an error in one line."""
    line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {line}"[:_REASON_LETTERS]
