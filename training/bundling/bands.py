"""What is set from the predictions for the open leads: limits of the bands, and places of held-out leads."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.known import has_row, outcome_known
from features.history.lead_history import OPEN, Floats
from models.scorecard.bands import DEFAULT_BANDS, Band
from models.scorecard.bins import encode
from models.scorecard.held_out import HeldOut
from models.scorecard.scorecard import Scorecard
from models.scorecard.scoring import probabilities
from training.config import TrainingConfig
from training.examples.dataset import Dataset

# The best tenth of the open leads is A, the next fifth B, the next 30 % C, and the other half D.
_ABOVE: Final = (0.10, 0.30, 0.60)

# More leads change the limits hardly at all.
_MOST_LEADS: Final = 50_000
_QUANTILES: Final = 101


def choose_bands(open_leads: Floats, *, config: TrainingConfig) -> tuple[Band, ...]:
    """Chooses the configured limits, else quantiles of the open leads, else the defaults of the card.

    Args:
        open_leads: their probabilities; see `predict_open_leads`.
        config: its `bands`, if given.

    Returns:
        A to D, falling to 0.
    """
    limits = config.bands or _limits(open_leads)
    if limits is None:
        return DEFAULT_BANDS
    return tuple(Band(name, least) for name, least in zip("ABCD", (*limits, 0.0), strict=True))


def choose_held_out(open_leads: Floats, *, config: TrainingConfig) -> HeldOut | None:
    """Chooses which leads are ranked by chance, and the places that they take; None where none are.

    Args:
        open_leads: their probabilities; where there are none, every place is as good as another.
        config: its `held_out_share`.
    """
    if config.held_out_share == 0:
        return None
    if len(open_leads) == 0:
        return HeldOut(config.held_out_share, (0.0, 1.0))
    quantiles = np.quantile(open_leads, np.linspace(0, 1, _QUANTILES))
    return HeldOut(config.held_out_share, tuple(float(f"{quantile:.4g}") for quantile in quantiles))


def predict_open_leads(dataset: Dataset, scorecard: Scorecard, feature_set: FeatureSet) -> Floats:
    """Predicts for the leads that were open at `observed_until`; every n-th where there are very many.

    Args:
        dataset: its history has the open leads.
        scorecard: of the final fit, with its level shift.
        feature_set: of the scorecard.
    """
    history = dataset.history
    now = history.observed_until
    created = np.flatnonzero(has_row(history, now))
    lead = created[outcome_known(history, created, now) == OPEN]
    lead = lead[:: max(1, math.ceil(len(lead) / _MOST_LEADS))]
    if len(lead) == 0:
        return np.empty(0)
    examples = Examples(lead, np.full(len(lead), now, dtype=np.int64))
    matrix = compute_features(compile_plan(feature_set), history, examples)
    return probabilities(scorecard, encode(scorecard.bins, matrix))


def _limits(probability: Floats) -> tuple[float, ...] | None:
    """Takes quantiles, rounded to two significant digits; None where they do not fall strictly."""
    if len(probability) == 0:
        return None
    limits = [_two_digits(float(np.quantile(probability, 1 - above))) for above in _ABOVE]
    falls = 1 > limits[0] > limits[1] > limits[2] > 0
    return tuple(limits) if falls else None


def _two_digits(number: float) -> float:
    """Rounds to two significant digits.

    >>> _two_digits(0.04567), _two_digits(0.3333)
    (0.046, 0.33)
    """
    return float(f"{number:.2g}")
