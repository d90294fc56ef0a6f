"""Promised against happened in bins of equal mass, with counts and intervals: the reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import Judged
from training.metrics.bootstrap import Figure, ratio_figures
from training.metrics.formulas import captured, equal_mass_bins

# Points of the curve of gains: one for each two percent of the leads.
_CURVE_POINTS = 50


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of the promised probabilities.

    Attributes:
        promised: mean probability.
        happened: share that converted.
        conversions: examples that did.
    """

    promised: float
    happened: Figure
    conversions: int

    def to_json(self) -> dict[str, Any]:
        """Turns the bin into an object."""
        return {
            "promised": self.promised,
            "happened": self.happened.to_json(),
            "conversions": self.conversions,
        }


def reliability(judged: Judged, *, seed: int, replicates: int) -> tuple[ReliabilityBin, ...]:
    """Compares promised and happened in bins of equal mass; otherwise as `reliability_in`."""
    return reliability_in(judged, equal_mass_bins(judged.promised), seed=seed, replicates=replicates)


def reliability_in(judged: Judged, bin_of: Ints, *, seed: int, replicates: int) -> tuple[ReliabilityBin, ...]:
    """Compares promised and happened in bins of what was promised.

    Args:
        judged: what was promised and what happened.
        bin_of: (n,) number of the bin, rising with the promise.
        seed: of the replicates.
        replicates: how many draws.

    Returns:
        Rising with the probability; `n` of a bin's figure is its number of examples.
    """
    probability, happened = sigmoid(judged.promised), judged.converted.astype(np.float64)
    inside = [bin_of == number for number in np.unique(bin_of)]
    figures = ratio_figures(
        [one * happened for one in inside],
        [one.astype(np.float64) for one in inside],
        judged.units,
        seed=seed,
        replicates=replicates,
    )
    return tuple(
        ReliabilityBin(
            promised=float(probability[one].mean()),
            happened=Figure(figure.value, figure.low, figure.high, int(one.sum())),
            conversions=int(happened[one].sum()),
        )
        for one, figure in zip(inside, figures, strict=True)
    )


def gains_curve(judged: Judged) -> Floats:
    """Computes which part of the conversions the leads called first hold.

    Returns:
        (points, 2) share of the leads, rising from 0 to 1, and share of the conversions among them.
    """
    probability, happened = sigmoid(judged.promised), judged.converted.astype(np.float64)
    shares = np.arange(_CURVE_POINTS + 1) / _CURVE_POINTS
    return np.array([[share, captured(probability, happened, share=share)] for share in shares.tolist()])
