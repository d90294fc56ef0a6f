"""One fit: at an origin of the past with its yardsticks, or the final one; all that a worker process runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from features.columns import Floats, Ints
from features.matrix import FeatureMatrix
from features.spec import FeatureSet
from models.bins import encode
from models.scorecard import bin_weights, hazard_logits, log_odds
from training.baselines import (
    BASE_RATE,
    LOGISTIC,
    MATURE_BOOSTING,
    UNRESTRICTED,
    base_rate_log_odds,
    logistic_log_odds,
    mature_boosting_log_odds,
    mature_examples,
)
from training.config import TrainingConfig
from training.hazard import FittedHazard, fit_scorecard, fit_unrestricted
from training.labels import Labels, TooFewConversionsError, choose_time_edges

SCORECARD: Final = "scorecard"


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit to be made.

    Attributes:
        feature_set: what could have been derived at that moment.
        labels: of all examples, as known at that moment.
        test: (m,) positions of the examples that it is judged on; empty for the final fit.
        horizon_days: the main horizon.
        config: everything else.
        has_yardsticks: whether baselines are fitted beside it.
    """

    feature_set: FeatureSet
    labels: Labels
    test: Ints
    horizon_days: float
    config: TrainingConfig
    has_yardsticks: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fit.

    Attributes:
        hazard: the scorecard, without a level shift.
        log_odds: by model, (m,) promised to the test examples at the main horizon, without a level shift.
        by_horizon: the same of the scorecard at further horizons in days, as far as its time bins reach.
    """

    hazard: FittedHazard
    log_odds: Mapping[str, Floats]
    by_horizon: Mapping[float, Floats] = field(default_factory=dict)


def make_fit(fit: Fit, matrix: FeatureMatrix, lead: Ints) -> Fitted | None:
    """Fits the scorecard and its yardsticks, and asks them about the test examples.

    What was known at the origin decides how far the time bins reach.

    Args:
        fit: what to fit.
        matrix: (features, examples) of all examples.
        lead: (examples,) whose they are.

    Returns:
        None where the labels do not tell about the main horizon.
    """
    edges = _edges(fit, lead)
    if edges is None:
        return None
    fit = replace(fit, config=fit.config.sized_for(len(np.unique(lead))))
    hazard = fit_scorecard(
        matrix,
        fit.feature_set,
        fit.labels,
        time_edges_days=edges,
        horizon_days=fit.horizon_days,
        config=fit.config,
    )
    if len(fit.test) == 0:
        return Fitted(hazard, {})
    tested = FeatureMatrix(matrix.names, matrix.values[:, fit.test], matrix.vocabularies)
    codes = encode(hazard.scorecard.bins, tested)
    logits = hazard_logits(hazard.scorecard, codes)
    answers = {
        SCORECARD: log_odds(hazard.scorecard, codes, logits=logits),
        BASE_RATE: np.full(len(fit.test), base_rate_log_odds(fit.labels, fit.horizon_days)),
    }
    if fit.has_yardsticks:
        answers |= _yardsticks(fit, matrix, tested, hazard)
    further = [days for days in fit.config.horizons_days if fit.horizon_days != days <= edges[-1]]
    by_horizon = {days: log_odds(hazard.scorecard, codes, days, logits=logits) for days in further}
    return Fitted(hazard, answers, by_horizon)


def _edges(fit: Fit, lead: Ints) -> tuple[float, ...] | None:
    """Takes the time edges that the labels tell about; None where they end below the main horizon."""
    least = fit.config.min_conversions_per_bin
    try:
        edges = choose_time_edges(
            fit.labels, lead, edges_days=fit.config.time_edges_days, min_conversions=least
        )
    except TooFewConversionsError:
        return None
    return edges if edges[-1] >= fit.horizon_days else None


def _yardsticks(
    fit: Fit, matrix: FeatureMatrix, tested: FeatureMatrix, hazard: FittedHazard
) -> dict[str, Floats]:
    """Fits the yardsticks and asks them."""
    edges = hazard.scorecard.time_edges_days.tolist()
    unrestricted = fit_unrestricted(
        matrix, fit.feature_set, fit.labels, time_edges_days=edges, config=fit.config
    )
    asked = int(np.count_nonzero(bin_weights(hazard.scorecard, fit.horizon_days)))
    logits = unrestricted.hazard_logits(tested, bins_asked=asked)
    codes = encode(hazard.scorecard.bins, tested)
    answers = {UNRESTRICTED: log_odds(hazard.scorecard, codes, logits=logits)}
    learn, converted = mature_examples(fit.labels, fit.horizon_days, config=fit.config)
    if len(np.unique(converted)) < 2:
        return answers
    answers[LOGISTIC] = logistic_log_odds(
        matrix, fit.feature_set, learn=learn, converted=converted, test=fit.test
    )
    answers[MATURE_BOOSTING] = mature_boosting_log_odds(
        matrix, fit.feature_set, learn=learn, converted=converted, test=fit.test, config=fit.config
    )
    return answers
